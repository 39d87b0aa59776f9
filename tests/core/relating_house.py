"""Proposals in a test's own words: files before and after, and what is said of their hunks.

A hunk is named by its file and its first line (1-based) in the text that it stands on: `a.py:3`. Whole files
are named by their path alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from nexus_lsp.core.changes import Change, Relation
from nexus_lsp.core.diff import diff
from nexus_lsp.core.hunks import apply
from nexus_lsp.core.proposals import hunk_of
from nexus_lsp.core.relating import Given, file_given, relate
from nexus_lsp.core.text import split_lines

Files = Mapping[str, str | None]


@dataclass(frozen=True)
class Proposed:
    """The changes that turn some files into others, each under its name."""

    before: Files
    changes: tuple[Change, ...]

    def relations(self, *accepted: str) -> dict[str, Relation]:
        """By name; `accepted` are in the user's text already."""
        bases = {path: text for path, text in self.before.items() if text is not None}
        chosen = set(accepted)
        files = [
            file_given(path, self._of(path, chosen), bases, self._user(path, chosen)) for path in self.paths()
        ]
        there = {path for path, text in self.before.items() if text is not None}
        there |= {f.path for f in files if f.new is not None}
        there -= {f.path for f in files if f.new is None}
        changes = tuple(self._on_user(c, chosen) for c in self.changes)
        return {r.change_id: r for r in relate(Given(changes, tuple(files), frozenset(there)))}

    def paths(self) -> list[str]:
        return list(dict.fromkeys(p for c in self.changes for p in (c.old_path, c.path) if p))

    def _of(self, path: str, accepted: set[str]) -> list[tuple[Change, bool]]:
        mine = [c for c in self.changes if path in (c.path, c.old_path)]
        return [(self._on_user(c, accepted), c.id in accepted) for c in mine]

    def _user(self, path: str, accepted: set[str]) -> str | None:
        wholes = [c for c in self.changes if c.id in accepted and c.kind != "edit" and path == c.path]
        if wholes:
            return wholes[0].after
        text = self.before.get(path)
        if text is None:
            return None
        hunks = [hunk_of(c) for c in self.changes if c.id in accepted and c.path == path and c.kind == "edit"]
        return "".join(apply(split_lines(text), hunks))

    def _on_user(self, change: Change, accepted: set[str]) -> Change:
        """Those that wait stand on the user's text."""
        if change.kind != "edit" or change.id in accepted:
            return change
        above = [
            hunk_of(c)
            for c in self.changes
            if c.id in accepted and c.path == change.path and c.line < change.line
        ]
        return replace(change, line=change.line + sum(len(h.after) - len(h.before) for h in above))


def proposed(before: Files, after: Files, renamed: Mapping[str, str] | None = None) -> Proposed:
    """`renamed`: old path → new path."""
    moved = dict(renamed or {})
    changes: list[Change] = []
    for old, new in moved.items():
        changes.append(_whole(new, "rename", before[old], after[new], old))
    for path in dict.fromkeys((*before, *after)):
        old, new = before.get(path), after.get(path)
        if path in moved or path in moved.values() or old == new:
            continue
        if old is None or new is None:
            changes.append(_whole(path, "create" if old is None else "delete", old, new))
        else:
            changes += _edits(path, old, new)
    return Proposed(before, tuple(changes))


def _whole(path: str, kind: str, old: str | None, new: str | None, source: str | None = None) -> Change:
    made = Change(path, ("t",), ("a",), path, kind, "Do it", before=old or "", after=new or "")  # type: ignore[arg-type]
    return replace(made, old_path=source)


def _edits(path: str, old: str, new: str) -> Iterable[Change]:
    for hunk in diff(split_lines(old), split_lines(new)):
        before, after = "".join(hunk.before), "".join(hunk.after)
        name = f"{path}:{hunk.line + 1}"
        yield Change(name, ("t",), ("a",), path, "edit", "Do it", path, hunk.line, before, after)


def needs(found: Mapping[str, Relation]) -> dict[str, str]:
    """By name, the names of those that are needed; without those that need none."""
    return {name: " ".join(sorted(r.depends_on)) for name, r in found.items() if r.depends_on}
