"""Tests kept honest in long files: what is asked stays right, and is known in seconds."""

from __future__ import annotations

import ast
import random
import time

from nexus_lsp.core.integrity import TextChange, all_questions

PATH = "tests/test_users.py"


def under_unittest(number: int) -> str:
    return (
        f"    def test_case_{number}_of_users(self):\n"
        f"        user = users.create('u{number}', age={number})\n"
        f"        self.assertEqual(user.name, 'u{number}')\n        self.assertTrue(user.age >= {number})\n\n"
    )


def under_pytest(number: int, name: str) -> str:
    return (
        f"def test_user_{number}():\n    user = users.create('u{number}', age={number})\n"
        f"    assert user.name{name}\n    assert user.age >= {number}\n\n\n"
    )


def rewritten(numbers: list[int], name: str = "") -> TextChange:
    """Tests of unittest, and the same under pytest and other names, in this order."""
    old = "".join(under_unittest(number) for number in sorted(numbers))
    new = "".join(under_pytest(number, name.format(number)) for number in numbers)
    return TextChange(PATH, f"class TestUsers(unittest.TestCase):\n{old}", new)


def test_1000_rewritten_tests_are_compared_in_seconds() -> None:
    began = time.process_time()
    found = all_questions([rewritten(list(range(1000)))])
    assert time.process_time() - began < 8
    assert [q.kind for q in found] == ["assertion_weakened"] * 1000


def test_each_of_many_tests_finds_the_one_that_took_it_up() -> None:
    numbers = list(range(300))
    random.Random(4).shuffle(numbers)
    found = all_questions([rewritten(numbers)])
    lines = (rewritten(numbers).new or "").splitlines()
    assert len(found) == 300
    for question in found:
        number = question.message.partition("test_case_")[2].partition("_")[0]
        assert lines[question.line - 2] == f"def test_user_{number}():", question


def test_many_tests_that_assert_as_much_under_other_names_are_not_asked_about() -> None:
    assert all_questions([rewritten(list(range(300)), " == 'u{}'")]) == ()


def test_of_many_rewritten_tests_the_one_that_is_gone_is_named() -> None:
    change = rewritten(list(range(300)), " == 'u{}'")
    alone = "    def test_refund(self):\n        self.assertEqual(shop.refund(9.5), -1)\n"
    [found] = all_questions([TextChange(PATH, (change.old or "") + alone, change.new)])
    assert found.kind == "test_removed"
    assert "`TestUsers.test_refund` is gone" in found.message


def test_long_tables_that_are_renamed_and_changed_take_seconds() -> None:
    def tables(name: str, sign: str) -> str:
        rows = ", ".join(f"({n}, {2 * n})" for n in range(400))
        mark = f"@pytest.mark.parametrize(('a', 'b'), [{rows}])\n"
        each = "def test_{0}_{1}(a, b):\n    assert {0}(a) {2} b\n\n\n"
        return "".join(mark + each.format(name, number, sign) for number in range(10))

    began = time.process_time()
    found = all_questions([TextChange(PATH, tables("f", "=="), tables("g", "!="))])
    assert time.process_time() - began < 12
    assert len({q.message.split("`")[1] for q in found}) == 10


def test_what_another_program_hangs_on_the_nodes_that_all_trees_share_costs_nothing() -> None:
    """As inline-snapshot does: `Load()` is one object, and everything could be reached from it."""
    tree = ast.parse("".join(under_pytest(number, "") for number in range(1000)))
    shared = ast.parse("x", mode="eval").body.ctx  # type: ignore[attr-defined]
    shared.parent = tree  # type: ignore[attr-defined]
    try:
        began = time.process_time()
        all_questions([rewritten(list(range(20)))])
        assert time.process_time() - began < 2
    finally:
        del shared.parent  # type: ignore[attr-defined]
