"""The bounds that decisions keep to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nexus_lsp.core import facts as f

Facts = list[f.Fact]


@dataclass(frozen=True, slots=True)
class Limits:
    """How often things are tried again, and who may be named in a plan.

    Attributes:
        repairs: further attempts of a task after a conflict or a red gate.
        retries: further attempts after its backend broke; `restarts` says otherwise for single personas.
        replans: how often NEXUS Prime is asked for another way in one run.
        coverage: percent of changed lines that tests are to execute, else the tester gets one more task; None
            asks for nothing.
        tester: who gets it; "" for nobody.
        messages: how many messages one agent may send in a run: talk is to help, not to fill time.
    """

    repairs: int = 2
    retries: int = 2
    restarts: Mapping[str, int] = field(default_factory=dict[str, int])
    agents: frozenset[str] = frozenset()
    replans: int = 0
    coverage: float | None = None
    tester: str = ""
    messages: int = 60

    def restarts_of(self, agent_id: str) -> int:
        """How often an agent of this persona is started again after it broke."""
        return self.restarts.get(agent_id, self.retries)


def answers(asks: Iterable[f.AskOpened], answer: str | None = None) -> Facts:
    """The engine's own answer to asks that nobody has to answer any more; None for each one's default."""
    return [f.AskAnswered(a.ask_id, a.default if answer is None else answer, "engine") for a in asks]


def short(text: str) -> str:
    """A request's first words, to name it in a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "…"
