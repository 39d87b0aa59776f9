"""What reaches a terminal: control characters and markup from files and models are shown, never obeyed."""

import io
import json
from typing import Any

import pytest
from any_fact import any_fact
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nexus_lsp.core.facts import FACTS, TaskCompleted
from nexus_lsp.core.wire import fact_to_json
from nexus_lsp.terminal import diffs, show

EVIL = "[/red]\x1b]0;owned\x07[bold]\u202eabc"


def shown(renderable: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=200, force_terminal=False).print(renderable)
    return out.getvalue()


def poisoned(value: Any) -> Any:
    """Every string a fact can hold as evil as can be, but for those that choose what is shown."""
    if isinstance(value, str):
        return EVIL
    if isinstance(value, list):
        return [poisoned(item) for item in value] or []
    if isinstance(value, dict):
        return {
            k: v if k in ("type", "gate", "cause", "by", "scope", "measure") else poisoned(v)
            for k, v in value.items()
        }
    return value


@pytest.mark.parametrize("kind", sorted(FACTS))
@given(data=st.data())
def test_no_fact_is_obeyed_or_breaks_the_display(kind: str, data: st.DataObject) -> None:
    event = poisoned(fact_to_json(data.draw(any_fact(FACTS[kind])))) | {
        "seq": 1,
        "at": 0.0,
        "run_id": "r",
    }
    json.dumps(event)
    line = show.Narrator({}).line(event)
    text = shown(line) if line is not None else ""
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text


def test_a_foreseen_conflict_is_told_once() -> None:
    narrator = show.Narrator({})

    def told(*places: tuple[int, str]) -> str:
        clashes = [{"path": "calc.py", "line": line, "message": message} for line, message in places]
        line = narrator.line({"type": "conflict_forecast", "run_id": "r", "clashes": clashes})
        return shown(line).strip() if line is not None else ""

    first, second = "Code and Alpha both change `parse` here", "Code and Beta both make this file"
    assert told((4, first)) == f"! calc.py:5: {first}"
    assert told((5, first)) == ""
    assert told((5, first), (0, second)) == f"! calc.py:1: {second}"
    assert told() == "no conflict is foreseen any more"
    assert told() == ""


def test_a_change_shows_what_would_be_accepted() -> None:
    line = {
        "path": f"{EVIL}.py",
        "old_path": None,
        "kind": "edit",
        "line": 0,
        "before": "x\r\n",
        "after": f"{EVIL}\n",
        "agent_ids": ["code_developer"],
        "why": EVIL,
        "id": "change_1",
    }
    text = shown(diffs.change(show.visible(line), {}))
    assert "+[/red]^[]0;owned^G[bold]<U+202E>abc" in text
    assert "\x1b" not in text


def test_a_landing_says_what_was_merged_by_structure() -> None:
    fact = TaskCompleted("t", "code_developer", "", "commit", ("a.py", "b.py"), by_structure=("a.py",))
    event = fact_to_json(fact) | {"seq": 1, "at": 0.0, "run_id": "r"}
    assert "(2 files; a.py merged by structure)" in shown(show.Narrator({}).line(event))
