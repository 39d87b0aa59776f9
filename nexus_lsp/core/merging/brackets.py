"""Brackets and what stands between their commas: lists, dictionaries, arguments, in whatever language."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nexus_lsp.core.merging.tree import Group, Node, Order, Part, Rule, joined, never

_CLOSES = {"(": ")", "[": "]", "{": "}"}
_KEYWORD = frozenset(
    [
        "and",
        "or",
        "not",
        "in",
        "is",
        "if",
        "else",
        "return",
        "yield",
        "lambda",
        "await",
        "assert",
        "for",
        "while",
        "del",
        "raise",
    ]
)
"""Words before a bracket that are no name: what follows is not called."""


@dataclass(frozen=True, slots=True)
class Lexis:
    """How a language writes: `token` matches one token, its group's name says of which kind.

    Kinds: `comment`, `string`, `open`, `close`, `comma`, `space`, `word`, `other`.
    """

    token: re.Pattern[str]
    names_need_no_quotes: bool = True


PYTHON = Lexis(
    re.compile(
        r"""(?P<comment>\#[^\r\n]*)
        |(?P<string>[A-Za-z]{0,2}(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}
            |"(?:\\.|[^"\\\r\n])*"|'(?:\\.|[^'\\\r\n])*'))
        |(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comma>,)|(?P<space>\s+)|(?P<word>\w+)|(?P<other>.)""",
        re.VERBOSE | re.DOTALL,
    )
)
"""Python; TOML and JSON have the same strings, comments and brackets."""


@dataclass(slots=True)
class _Open:
    """A bracket that is being read: `before` is what is called or indexed, if anything is."""

    bracket: str
    called: bool
    parts: list[Part]
    entries: list[tuple[str, list[Part], str]]
    lead: str = ""
    last: str = ""


Kinds = Callable[[str, bool, int], str]
"""(bracket, whether something is called or indexed, how deep) -> the kind of group."""

Rules = Callable[[str, Sequence[Node]], Rule]
"""(kind, the entries there are) -> what may be added by both."""


def kind_of(bracket: str, called: bool, _depth: int) -> str:
    """The kind of a group in an expression."""
    if bracket == "(":
        return "call" if called else "tuple"
    if bracket == "[":
        return "subscript" if called else "list"
    return "braces"


def split(
    text: str, lexis: Lexis, rules: Rules, orders: tuple[Order, ...] = (), kinds: Kinds = kind_of
) -> tuple[Part, ...]:
    """A text as what stands outside of brackets, and groups; what is not closed stays text."""
    return tuple(_flat(_Reader(lexis, rules, orders, kinds).read(text)))


def _flat(parts: Sequence[Part]) -> list[Part]:
    """Texts next to each other as one; begins and ends with a text, and one stands between two groups."""
    out: list[Part] = [""]
    for part in parts:
        if isinstance(part, str) and isinstance(out[-1], str):
            out[-1] += part
        else:
            out += [part] if isinstance(part, str) or isinstance(out[-1], str) else ["", part]
    return out if isinstance(out[-1], str) else [*out, ""]


class _Reader:
    def __init__(self, lexis: Lexis, rules: Rules, orders: tuple[Order, ...], kinds: Kinds) -> None:
        self._lexis, self._rules, self._orders, self._kinds = lexis, rules, orders, kinds

    def read(self, text: str) -> list[Part]:
        """The parts of a text; see `split`."""
        stack = [_Open("", False, [], [])]
        for found in self._lexis.token.finditer(text):
            kind, token, top = found.lastgroup or "other", found[0], stack[-1]
            if kind == "open":
                stack.append(_Open(token, _is_called(top.last), [], []))
                continue
            if kind == "close" and len(stack) > 1 and _CLOSES[top.bracket] == token:
                stack.pop()
                stack[-1].parts += [top.bracket, self._group(top, len(stack)), token]
                stack[-1].last = ")"
                continue
            if kind == "comma" and top.bracket:
                top.entries.append(("", top.parts, ","))
                top.parts, top.last = [], ""
                continue
            top.parts.append(token)
            if kind not in ("space", "comment"):
                top.last = token
        while len(stack) > 1:
            left = stack.pop()
            stack[-1].parts += [left.bracket, *_raw(left)]
        return stack[0].parts

    def _group(self, read: _Open, depth: int) -> Part:
        """The group, or its text where a comment stands before a comma."""
        rows = [*(parts for _, parts, _ in read.entries), read.parts]
        leads: list[str] = []
        cores: list[list[Part]] = []
        trails: list[str] = []
        tail = ""
        for at, row in enumerate(rows):
            lead, core, rest = _trimmed(row)
            if at:  # a comment on the line of the last entry is of that entry
                trail, lead = _own_line(lead)
                trails[-1] += trail
            leads.append(lead)
            cores.append(core)
            trails.append("")
            if at < len(rows) - 1 and rest.strip():
                return joined(_raw(read))
            if at < len(rows) - 1 and (rest or not core):
                return joined(_raw(read))
            if at == len(rows) - 1:
                tail = rest
        if not cores[-1]:
            tail = leads.pop() + tail
            cores.pop()
            trails.pop()
        elif _own_line(tail)[0]:
            trails[-1], tail = _own_line(tail)
        kind = self._kinds(read.bracket, read.called, depth)
        items = tuple(self._entry(kind, *one) for one in zip(leads, cores, trails, strict=True))
        if kind == "braces":
            kind = "dict" if all(item.named or item.key.startswith("**") for item in items) else "set"
        ends = len(read.entries) == len(items) and bool(items)
        tuple_like = kind != "tuple" or len(items) > 1 or ends
        rule = self._rules(kind, items) if tuple_like else never
        orders = self._orders if kind in ("list", "set", "dict", "tuple", "names") else ()
        return Group(kind, items, tail, ",", ends, rule, orders)

    def _entry(self, kind: str, lead: str, core: list[Part], trail: str) -> Node:
        parts = tuple(_flat(core))
        text = joined(parts)
        name = _name(kind, parts[0] if isinstance(parts[0], str) else "", len(parts) > 1)
        opened = (lambda: parts) if len(parts) > 1 else None
        return Node(name or text, lead, text, trail, named=name is not None, open=opened)


def _name(kind: str, head: str, more: bool) -> str | None:
    """`"key":` of a dictionary, `name=` of an argument; None for what has no name."""
    if kind == "braces" and (key := re.match(r"""\s*((?:[^"'\s:]|"[^"]*"|'[^']*')+)\s*:""", head)):
        return key[1] + ":"
    if kind in ("call", "params", "keyed"):
        named = re.match(r"([\w.\-]+)\s*(=(?!=)|:)", head)
        if named:
            return named[1] + "="
        if kind == "params" and re.fullmatch(r"\w+", head.strip()) and not more:
            return head.strip() + "="
    return None


def _is_called(last: str) -> bool:
    return last == ")" or (bool(re.fullmatch(r"\w+", last)) and last not in _KEYWORD)


def _raw(read: _Open) -> list[Part]:
    return [part for _, parts, comma in read.entries for part in (*parts, comma)] + read.parts


def _trimmed(row: Sequence[Part]) -> tuple[str, list[Part], str]:
    """(white space and comments before it, what counts, the same behind it)."""
    first, end = 0, len(row)
    while first < end and _is_trivia(row[first]):
        first += 1
    while end > first and _is_trivia(row[end - 1]):
        end -= 1
    return joined(row[:first]), list(row[first:end]), joined(row[end:])


def _is_trivia(part: Part) -> bool:
    return isinstance(part, str) and (not part.strip() or part.startswith("#"))


def _own_line(lead: str) -> tuple[str, str]:
    """A comment on the line that the text begins on, and the rest."""
    found = re.match(r"[ \t]*#[^\r\n]*", lead)
    return (found[0], lead[found.end() :]) if found else ("", lead)
