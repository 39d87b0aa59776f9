"""What follows from a run's state alone: spent budgets, another way, orphaned tasks, the run's end."""

from __future__ import annotations

from collections.abc import Callable

from nexus_lsp.core import facts as f
from nexus_lsp.core.replanning import to_cover
from nexus_lsp.core.rules.limits import Facts, Limits, answers
from nexus_lsp.core.rules.plans import revise
from nexus_lsp.core.run import OVER, SETTLED, Run, TaskState
from nexus_lsp.core.schedule import awaits_scrutiny
from nexus_lsp.core.spending import overdrawn
from nexus_lsp.core.team import PRIME


def what_follows(run: Run, limits: Limits) -> Facts:
    """Facts that follow from the state alone; asked again until there are none.

    A paused run whose work has all ended is ready like any other, unless an ask is open.
    """
    if run.status in OVER:
        return [*answers(run.open_asks), *_undeliverable(run)]
    if run.status == "ready":
        return [] if run.pending_changes else [_completed(run)]
    if idle := [*_idle_asks(run), *_undeliverable(run)]:
        return idle
    if run.status == "in_progress" and (spent := overdrawn(run)):
        return spent
    if run.status == "in_progress" or (run.status == "paused" and not run.holding_asks):
        return _on_the_way(run, limits)
    return []


def _on_the_way(run: Run, limits: Limits) -> Facts:
    if run.replanning is not None or run.revision is not None:
        return []
    if another := _replan(run, limits):
        return another if run.status == "in_progress" else []  # once the run is resumed
    return _orphans(run) or _end_of_work(run, limits)


def _idle_asks(run: Run) -> Facts:
    """Questions of agents that will not be at work again; permissions of attempts that are over: the next one
    asks anew for what it is about to do."""
    idle: list[f.AskOpened] = []
    for ask in run.open_asks:
        if ask.kind not in f.OF_AGENTS:
            continue
        task = run.tasks[ask.task_id]
        over = not task.working if ask.kind == "permission" else task.status in SETTLED
        idle += [ask] if over else []
    return answers(idle)


def _undeliverable(run: Run) -> Facts:
    """Messages to agents that are done, or, once the run is over, to anybody."""
    over = run.status in OVER
    settled = {s.instance for s in run.tasks.values() if s.status in SETTLED}
    why = "the run was over" if over else "its work was over before it read this"
    return [f.MessageDead(i, who, why) for i, who in run.team.outbox if over or who in settled]


def _replan(run: Run, limits: Limits) -> Facts:
    """A task failed in its work, or an agent raised an alert: NEXUS Prime is asked for another way, a few
    times in a run."""
    if run.replans >= limits.replans:
        return []
    for message_id, sent in run.team.messages.items():
        alert = sent.message.get("message_type") == "alert" and sent.reach.get(PRIME) == "delivered"
        if alert and message_id not in run.considered:
            said = _first_line(str(sent.message["payload"].get("text", "")))
            reason = f"{sent.message['from']['agent_id']}: {said}"
            return [f.ReplanRequested("", reason, run.replans + 1, message_id)]
    for s in run.tasks.values():
        if s.lost and not s.broken and s.task.id not in run.considered | run.revising.keys():
            reason = f"“{s.task.title}” failed: {_first_line(s.summary)}"
            return [f.ReplanRequested(s.task.id, reason, run.replans + 1)]
    return []


def _orphans(run: Run) -> Facts:
    found: Facts = []
    for s in run.tasks.values():
        dead = [d for d in s.task.depends_on if _dead(run.tasks[d])]
        if s.status == "pending" and not s.replaced and dead:
            why = f"“{run.tasks[dead[0]].task.title}” did not succeed"
            found.append(f.TaskCancelled(s.task.id, s.task.agent, why))
    return found


def _dead(dep: TaskState) -> bool:
    return dep.status in ("failed", "cancelled") and not dep.unable


def _end_of_work(run: Run, limits: Limits) -> Facts:
    states = [s for s in run.tasks.values() if not s.replaced]
    if not states or any(s.status not in SETTLED for s in states) or awaits_scrutiny(run):
        return []
    lost = [s for s in states if s.lost and s.task.id not in run.revising]  # the first version waits on
    done = [s for s in states if s.status == "completed"]
    if lost or not done:
        told = lost or [s for s in states if s.status == "failed"]
        reasons = "; ".join(f"{s.task.title}: {_first_line(s.summary)}" for s in told)
        return [f.RunFailed(reasons or "no task could be done")]
    if cover := _cover(run, limits):
        return cover
    waiting = len(run.pending_changes)
    noun = "change" if waiting == 1 else "changes"
    return [f.RunReady(f"{len(done)} of {len(states)} tasks done, {waiting} {noun} to review")]


def _cover(run: Run, limits: Limits) -> Facts:
    """Changed lines that no test executes are one more task for the tester, once in a run.

    Not for the local team: what it changes keeps behaviour, and its tester chooses its modules itself.
    """
    found = run.quality
    if found is None or found.changed_coverage is None or limits.coverage is None or not limits.tester:
        return []
    once = any(task_id.startswith("cover-") for task_id in run.tasks)
    if once or run.started.team == "local" or found.changed_coverage >= limits.coverage:
        return []
    return revise(run, to_cover(found, limits.tester, 1), "NEXUS", limits)


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


def _count(run: Run, test: Callable[[str], bool]) -> int:
    return sum(1 for s in run.changes.values() if test(s.status))


def _completed(run: Run) -> f.Fact:
    return f.RunCompleted(
        accepted=_count(run, lambda s: s == "accepted"),
        rejected=_count(run, lambda s: s == "rejected"),
        outdated=_count(run, lambda s: s == "outdated"),
    )
