"""What the machine of `test_machine_editor` found once, played again: each a story of two files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.review.test_machine_editor import Edited

Step = tuple[str, dict[str, Any]]


class Drawn:
    """What a rule draws, in order."""

    def __init__(self, *values: str) -> None:
        self._values: Iterator[str] = iter(values)

    def draw(self, _: object) -> str:
        return next(self._values)


def one(change: str) -> Drawn:
    return Drawn(change, "one")


STORIES: dict[str, list[Step]] = {
    "undo brings back what a later task has cut down": [
        ("proposed", {"size": 2, "steps": [(0, 0, 2)], "unopened": "open"}),
        ("accepts", {"carry": "apply", "data": one("change_4")}),
        ("takes_back", {"data": Drawn("change_4")}),
        ("a_later_task_lands", {"steps": [(0, 1, 0)]}),
        ("undoes", {"back": False, "key": "b"}),
        ("rests", {}),
    ],
    "undo brings back what two later tasks have cut down": [
        ("proposed", {"size": 2, "steps": [(0, 0, 2)], "unopened": "open"}),
        ("accepts", {"carry": "apply", "data": one("change_4")}),
        ("takes_back", {"data": Drawn("change_4")}),
        ("a_later_task_lands", {"steps": [(2, 1, 2)]}),
        ("a_later_task_lands", {"steps": [(4, 0, 1)]}),
        ("undoes", {"back": False, "key": "b"}),
        ("rests", {}),
    ],
    "undo brings back what a later task has made a replacement of": [
        ("proposed", {"size": 3, "steps": [(1, 0, 2), (2, 1, 0)], "unopened": "open"}),
        ("accepts", {"carry": "apply", "data": one("change_3")}),
        ("takes_back", {"data": Drawn("change_3")}),
        ("a_later_task_lands", {"steps": [(3, 2, 0)]}),
        ("undoes", {"back": False, "key": "a"}),
        ("rests", {}),
        ("undoes", {"back": True, "key": "a"}),
        ("rests", {}),
    ],
    "a file that came back while an agent makes it anew gets another name": [
        ("proposed", {"size": 4, "steps": [(1, 0, 1)], "unopened": "open"}),
        ("another_program_deletes_or_brings_back", {"key": "b"}),
        ("a_later_task_lands", {"steps": [(3, 0, 1)]}),
        ("another_program_deletes_or_brings_back", {"key": "b"}),
        ("renames", {"key": "b", "tell": True}),
    ],
    "a rejection is taken back where a later task took the lines": [
        ("proposed", {"size": 10, "unopened": "open", "steps": [(1, 2, 2)]}),
        ("rejects", {"data": one("change_4")}),
        ("a_later_task_lands", {"steps": [(0, 3, 2)]}),
        ("takes_back", {"data": Drawn("change_4")}),
        ("a_later_task_lands", {"steps": [(4, 1, 1)]}),
    ],
    "both files get other names while a task is at work on them": [
        ("proposed", {"size": 8, "steps": [(3, 2, 0), (2, 0, 0)], "unopened": "open"}),
        ("opens", {"key": "a"}),
        ("renames", {"key": "a", "tell": True}),
        ("opens", {"key": "b"}),
        ("renames", {"key": "b", "tell": False}),
        ("another_program_writes", {"key": "a", "at": 2}),
        ("saves_under_another_name", {"key": "a"}),
        ("a_later_task_lands", {"steps": [(2, 2, 2), (0, 1, 2), (3, 2, 0), (0, 1, 2)]}),
    ],
    "what was accepted and never saved is closed after another program wrote the file": [
        ("proposed", {"size": 7, "steps": [(2, 1, 0), (1, 1, 2), (0, 1, 0), (1, 0, 2)], "unopened": "open"}),
        ("accepts", {"carry": "tell last", "data": Drawn("change_6", "all")}),
        ("another_program_writes", {"key": "b", "at": 9}),
        ("closes", {"key": "b"}),
        ("takes_back", {"data": one("change_6")}),
    ],
}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    machine = Edited()
    try:
        for rule, given in STORIES[name]:
            getattr(machine, rule)(**given)
            machine.all_is_as_it_must_be()
    finally:
        machine.teardown()
