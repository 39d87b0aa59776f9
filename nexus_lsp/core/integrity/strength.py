"""Whether a check is weaker than the one whose place it takes."""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Iterable

from nexus_lsp.core.integrity.checks import Check
from nexus_lsp.core.integrity.forms import Form, Kind

_RANK: dict[Kind, int] = {
    **{"exact": 5, "close": 5, "raises": 5, "call": 5, "falsity": 4, "member": 3, "bound": 3, "part": 3},
    **{"type": 3, "truth": 2, "different": 1},
}
_MOCKED = {
    **{
        "assert_called_once_with": 3,
        "assert_called_with": 3,
        "assert_has_calls": 3,
        "assert_awaited_with": 3,
    },
    **{
        "assert_awaited_once_with": 3,
        "assert_any_call": 2,
        "assert_called_once": 2,
        "assert_awaited_once": 2,
    },
    **{"assert_called": 1, "assert_awaited": 1},
}
_SHADOWS = frozenset({"len", "bool", "type", "id", "any", "all"})
_SAME_AS_FALSE = frozenset({"False", "0", "''", '""', "[]", "()", "{}", "set()", "b''", "0.0"})
_FIRM_TOLERANCE = 1e-3
"""An exact comparison that becomes one within more than this is weaker; less is a matter of floats."""


def rank(check: Check) -> int:
    """How much it pins down: 0 nothing, 1 little, 5 the value."""
    return 0 if check.empty else _RANK[check.form.kind]


def weaker(old: Check, new: Check) -> bool:
    """Whether `new` lets pass what `old` would not, both looking at the same thing."""
    if new.empty:
        return not old.empty
    before, now = old.form, new.form
    if "call" in (before.kind, now.kind):
        return _mocked(before) > _mocked(now) > 0  # what another helper asserts cannot be seen
    if before.kind == now.kind:
        return _weaker_alike(before, now)
    if now.kind == "close":
        return before.kind == "exact" and (now.number is None or now.number > _FIRM_TOLERANCE)
    if _says_the_same(before, now):
        return False
    return rank(new) < rank(old)


def partial(old: Check, new: Check) -> bool:
    """Whether `new` looks only at a shadow of what `old` pinned: its length, its type, its text."""
    whole, shadow = old.form, new.form
    if whole.kind != "exact" or whole.subject == shadow.subject or whole.subject not in shadow.parts:
        return False
    name, _, _ = shadow.subject.partition("(")
    return name in _SHADOWS and shadow.subject == f"{name}({whole.subject})"


def stronger_whole(old: Check, new: Check) -> bool:
    """Whether `new` pins the whole of what `old` looked at in part: `x == {…}` after `x["a"] == 1`."""
    return not new.empty and new.form.kind == "exact" and new.form.subject in old.form.parts


def same_subject(old: Form, new: Form) -> bool:
    """Whether both look at the same thing."""
    if old.kind == "raises" or new.kind == "raises":
        return old.kind == new.kind and old.subject == new.subject
    if old.kind == new.kind == "call":
        return old.subject.rpartition(".assert_")[0] == new.subject.rpartition(".assert_")[0] != ""
    return not old.sides.isdisjoint(new.sides)


def best(candidates: Iterable[Check]) -> Check | None:
    """The one that pins most; the first of equals."""
    return max(candidates, key=rank, default=None)


def _weaker_alike(before: Form, now: Form) -> bool:
    match before.kind:
        case "exact":
            return before.literal and not now.literal and _asks_itself(before, now)
        case "close":
            return _wider(before.number, now.number)
        case "bound":
            return _looser(before, now)
        case "raises":
            return _catches_more(before, now) or bool(before.match and not now.match)
        case "truth":
            return before.subject.startswith("all(") and now.subject == "any" + before.subject[3:]
        case _:
            return False


def _asks_itself(before: Form, now: Form) -> bool:
    """Whether what is expected now comes from the very thing that is looked at."""
    other = now.expected if now.subject == before.subject else now.subject
    return bool(re.search(rf"(?<![\w.]){re.escape(before.subject)}(?!\w)", other))


def _wider(before: float | None, now: float | None) -> bool:
    return before is not None and now is not None and now > before * 1.001


def _looser(before: Form, now: Form) -> bool:
    if before.sign[:1] != now.sign[:1] or before.number is None or now.number is None:
        return False
    return now.number > before.number if before.sign.startswith("<") else now.number < before.number


def _catches_more(before: Form, now: Form) -> bool:
    """`Exception` after `ValueError`, or a tuple that names more than before."""
    old, new = set(before.expected.split(", ")), set(now.expected.split(", "))
    return any(_is_wider(name, old) for name in new - old) or old < new


def _is_wider(name: str, than: Collection[str]) -> bool:
    kind = getattr(builtins, name, None)
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        return False
    if name in ("Exception", "BaseException"):
        return True
    narrow = [getattr(builtins, each, None) for each in than]
    return any(isinstance(each, type) and issubclass(each, kind) for each in narrow)


def _mocked(form: Form) -> int:
    """How much a mock's own assertion pins; 0 for any other helper."""
    called = re.search(r"\.(assert_\w+)\(", form.subject) if form.kind == "call" else None
    return _MOCKED.get(called[1], 0) if called else 0


def _says_the_same(before: Form, now: Form) -> bool:
    """`x` for `x is True`, `not x` for `x == []`: another way to write it."""
    if before.kind != "exact":
        return False
    return (now.kind == "truth" and before.expected == "True") or (
        now.kind == "falsity" and before.expected in _SAME_AS_FALSE
    )
