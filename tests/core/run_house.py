"""A run in a few words: what happens to it, and what follows, as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus_lsp.core import facts as f
from nexus_lsp.core import happenings as h
from nexus_lsp.core.changes import Change
from nexus_lsp.core.decide import Limits, decide
from nexus_lsp.core.evolve import begin, evolve
from nexus_lsp.core.facts import Entry, Fact
from nexus_lsp.core.plan import Plan, Task, TaskType
from nexus_lsp.core.problems import Refused
from nexus_lsp.core.run import Run

CODE, ALPHA, BETA = "code_developer", "alpha_test_creator", "beta_test_validator"
LIMITS = Limits(agents=frozenset((CODE, ALPHA, BETA)), replans=2, coverage=90.0, tester=ALPHA)


def task(task_id: str, *depends_on: str, agent: str = CODE, type: TaskType = "implementation") -> Task:
    return Task(task_id, f"Do {task_id}", agent, type, "", depends_on)


def begun(*tasks: Task, **started: object) -> Run:
    """A run whose plan is approved and whose baseline is known."""
    run = planned(*tasks, **started)
    return play(run, (h.ApprovePlan(),)) if run.status == "awaiting_approval" else run


def planned(*tasks: Task, **started: object) -> Run:
    """The same, but with `approval="ask"` its plan waits."""
    values = {"request": "do it", "workspace": "/w", "team": "claude", **started}
    run = begin(Entry(1, 0.0, "run_1", f.RunStarted(**values)))  # type: ignore[arg-type]
    baseline = h.BaselineDone((f.BaselineMeasured("tests", "s0", True),))
    first = (h.SnapshotDone("s0", "refs/heads/main"), baseline)
    return play(run, (*first, h.PlanReady(Plan("the plan", tasks or (task("a"),)), "scripted", "", "ask_1")))


def play(run: Run, happenings: Sequence[h.Happening], limits: Limits = LIMITS, at: float = 0.0) -> Run:
    """The run after these, all at one time (Unix seconds)."""
    for what in happenings:
        for fact in decide(run, what, limits):
            run = evolve(run, Entry(0, at, run.id, fact))
    return run


def told(run: Run, what: h.Happening, limits: Limits = LIMITS) -> list[str]:
    """What follows, a line each."""
    try:
        return [line(fact) for fact in decide(run, what, limits)]
    except Refused as error:
        return [f"refused: {error}"]


def line(fact: Fact) -> str:
    """A fact with the fields that tests speak of."""
    shown = (
        "task_id",
        "message_id",
        "recipient",
        "cause",
        "scope",
        "measure",
        "used",
        "limit",
        "kind",
        "answer",
    )
    said = ("reason", "why", "text", "question", "summary")
    values = {name: getattr(fact, name, "") for name in (*shown, *said)}
    short = " ".join(str(v) for name in shown if (v := values[name]) not in ("", None))
    words = next((str(values[name]) for name in said if values[name]), "")
    return f"{fact.type} {short}".strip() + (f": {words}" if words else "")


# --- happenings --------------------------------------------------------------------------------------


def start(task_id: str, agent: str = CODE) -> h.Start:
    return h.Start(task_id, f"{agent}#{task_id}", "s0")


def submit(task_id: str, attempt: int = 1, **values: Any) -> h.Submitted:
    return h.Submitted(f.TaskSubmitted(task_id, attempt, f"c-{task_id}", ("x.py",), "did it", **values))


def land(task_id: str, *changes: str, onto: str = "s0", to: str = "i1", decisions: int = 0) -> h.Landed:
    made = tuple(
        Change(c, (task_id,), (CODE,), "x.py", "edit", "why", "blob", 0, "a\n", "b\n") for c in changes
    )
    return h.Landed(task_id, onto, to, ("x.py",), made, (), decisions)


def failed(task_id: str, reason: str = "too hard", attempt: int = 1) -> h.Ended:
    return h.Ended(task_id, attempt, "failed", reason)


def red(task_id: str, evidence: str = "t::x is red") -> h.Gated:
    return h.Gated(task_id, "cand", (f.GateFailed("tests", "cand", task_id, ("t::x",), "boom"),), evidence)


def said(
    message_id: str, to: str, kind: str = "information", sender: str = f"{CODE}#a", **more: Any
) -> h.Posted:
    message: Mapping[str, Any] = {
        "message_id": message_id,
        "timestamp": "2026-05-26T18:00:00Z",
        "from": {"agent_id": sender.partition("#")[0], "instance_id": sender},
        "to": {"agent_id": to},
        "message_type": kind,
        "payload": {"text": f"text of {message_id}"},
        "conversation_thread": "t",
        **more,
    }
    return h.Posted(message, (to,))


def measured(commit: str = "i1", **figures: Any) -> h.Scrutinised:
    return h.Scrutinised((f.QualityMeasured(commit, **figures),))
