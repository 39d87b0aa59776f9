"""Rules of a run's own life: stopped, paused, taken up again, and what the user answers."""

from __future__ import annotations

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.permissions import THIS_RUN
from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.core.rules import heads, plans
from nexus_lsp.core.rules.limits import Facts, Limits, answers, short
from nexus_lsp.core.run import OVER, SETTLED, Run, TaskState

CUT_OFF = "NEXUS was stopped while this task was at work; go on from what stands in the checkout."
"""Evidence of an attempt that follows one which a stop broke off."""

MOST_ANSWER = 10_000
"""Characters of an answer in the user's own words."""


def cancel(run: Run) -> Facts:
    """The user stops the run."""
    if run.status in OVER:
        raise Refused(f"This run is {run.status} already; there is nothing to cancel.")
    return [*answers(run.open_asks), *cancel_tasks(run, "the run was cancelled"), f.RunCancelled()]


def cancel_tasks(run: Run, reason: str) -> Facts:
    """Every task that is not settled is given up."""
    open_tasks = [s for s in run.tasks.values() if s.status not in SETTLED]
    return [f.TaskCancelled(s.task.id, s.task.agent, reason, s.live_tokens) for s in open_tasks]


def pause(run: Run, reason: str) -> Facts:
    """Nothing new starts."""
    if run.status in OVER or run.status in ("paused", "ready"):
        raise Refused(f"This run is {run.status}; only a run that is at work can be paused.")
    return [f.RunPaused(reason)]


def resume(run: Run) -> Facts:
    """The run goes on, and with it whatever was asked of the user about that."""
    if run.status != "paused" and run.away:
        return heads.taken_along(run)
    if run.status != "paused":
        raise Refused(f"This run is {run.status}; only a paused run can be resumed.")
    if run.revision is not None:
        raise Refused("A new plan waits for your approval: approve or reject it.")
    asks = [f.AskAnswered(a.ask_id, a.options[0], "engine") for a in run.holding_asks if a.kind != "plan"]
    return [*asks, f.RunResumed()]


def retry(run: Run) -> Facts:
    """Failed and cancelled tasks are tried again."""
    again = [s for s in run.tasks.values() if s.status in ("failed", "cancelled") and not s.replaced]
    if not again:
        raise Refused("No task of this run failed or was cancelled: delegate the request anew instead.")
    evidence = "The user asks to try again. "
    return [
        f.RepairRequested(s.task.id, s.attempt, "user", evidence + s.summary, s.repair_start) for s in again
    ]


def answer(run: Run, what: h.Answer, limits: Limits) -> Facts:
    """The user, or the time limit, answered an ask."""
    state = run.asks.get(what.ask_id)
    if state is None:
        raise Unknown(f"There is no ask {what.ask_id!r} in this run.")
    if state.answer is not None:
        raise Refused(f"This ask was answered already: {state.answer}.")
    ask = state.ask
    if ask.kind == "question":
        return [f.AskAnswered(what.ask_id, _in_words(what.answer), what.by)]
    if what.answer not in ask.options:
        raise Refused(f"{what.answer!r} is not one of the answers: {', '.join(ask.options)}.")
    answered: Facts = [f.AskAnswered(what.ask_id, what.answer, what.by)]
    if ask.kind == "permission":
        return answered + (_allowed_too(run, ask) if what.answer == THIS_RUN else [])
    positive = what.answer == ask.options[0]
    if ask.kind == "plan":
        rest = plans.approve(run, None, limits) if positive else plans.reject(run, "")
        return answered + [x for x in rest if not isinstance(x, f.AskAnswered)]
    if run.status != "paused":
        return [*answered, *heads.taken_along(run)] if positive and ask.kind == "head_moved" else answered
    if positive:
        waits = [a for a in run.holding_asks if a.ask_id != what.ask_id]
        return answered if waits else [*answered, f.RunResumed()]
    if what.by == "timeout" or what.answer == heads.WAIT:
        return answered
    return [*answered, *cancel_tasks(run, "the run was not resumed"), f.RunCancelled()]


def _allowed_too(run: Run, ask: f.AskOpened) -> Facts:
    """What others of the run wait for and what this allows as well."""
    allowed = run.allowed.union(ask.grants)
    others = [a for a in run.open_asks if a.kind == "permission" and a.ask_id != ask.ask_id]
    return answers([a for a in others if allowed.issuperset(a.grants)], THIS_RUN)


def _in_words(text: str) -> str:
    words = text.strip()
    if not words:
        raise InvalidArgument("`answer` is empty: write one of the options, or an answer in your own words.")
    if len(words) > MOST_ANSWER:
        raise InvalidArgument(
            f"`answer` has {len(words):,} characters; {MOST_ANSWER:,} are allowed: say it in fewer words."
        )
    return words


def open_ask(run: Run, what: h.OpenAsk) -> Facts:
    """Something has to be asked; an agent's question is put once, however often the agent begins anew."""
    ask = what.ask
    if ask.kind in f.OF_AGENTS:
        state = run.tasks.get(ask.task_id)
        if state is None or not state.working:
            return []
        put = ask.kind == "question" and asked_before(run, ask.task_id, ask.question) is not None
        return [] if put else [ask]
    paused: Facts = [f.RunPaused(ask.question)] if what.pause and run.status != "paused" else []
    return [*paused, ask]


def asked_before(run: Run, task_id: str, question: str) -> str | None:
    """The id of the ask that put this question of this task already, open or answered."""
    for ask_id, state in run.asks.items():
        if (state.ask.task_id, state.ask.question) == (task_id, question):
            return ask_id
    return None


# --- after a crash -----------------------------------------------------------------------------------


def recovered(run: Run, what: h.Recovered) -> Facts:
    """The engine starts again."""
    facts: Facts = []
    if run.status in OVER:
        return facts
    if run.active_since is not None and what.stopped_at is not None:
        facts.append(f.RunRecovered(what.stopped_at))
    for task_id, commit in what.cut_off:
        state = run.tasks[task_id]
        if not state.working:
            continue
        start = commit or own_start(state)
        told = with_earlier(CUT_OFF, state)
        facts.append(
            f.RepairRequested(task_id, state.attempt, "broken", told, start, tokens=state.live_tokens)
        )
    if what.ask_id and run.status in ("pending", "in_progress"):
        question = f"NEXUS was stopped during “{short(run.started.request)}”. Go on with it?"
        ask = f.AskOpened(what.ask_id, "resume", question, ("Go on", "Cancel the run"), "Cancel the run")
        facts += [f.RunPaused("NEXUS was stopped; paid work waits for you"), ask]
    return facts


def own_start(state: TaskState) -> str | None:
    """What an attempt started from, where that was more than the integration head: a repair's commit."""
    return state.start if state.start != state.base else None


def with_earlier(told: str, state: TaskState) -> str:
    """A repair that is cut off must still know what it has to repair."""
    return f"{told}\n\n{state.evidence}" if state.evidence and told not in state.evidence else told
