"""What a list of paths tells about a repository: languages, tests, foreign code; and a map for a prompt."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

LANGUAGES: dict[str, str] = {
    "py": "Python", "pyi": "Python", "ipynb": "Jupyter", "js": "JavaScript", "jsx": "JavaScript",
    "mjs": "JavaScript", "cjs": "JavaScript", "ts": "TypeScript", "tsx": "TypeScript", "mts": "TypeScript",
    "go": "Go", "rs": "Rust", "java": "Java", "kt": "Kotlin", "scala": "Scala", "rb": "Ruby", "php": "PHP",
    "c": "C", "h": "C", "cc": "C++", "cpp": "C++", "hpp": "C++", "cs": "C#", "swift": "Swift", "lua": "Lua",
    "ex": "Elixir", "exs": "Elixir", "hs": "Haskell", "dart": "Dart", "sh": "Shell", "sql": "SQL",
    "vue": "Vue", "svelte": "Svelte", "html": "HTML", "css": "CSS", "scss": "CSS", "md": "Markdown",
    "rst": "reStructuredText", "json": "JSON", "yaml": "YAML", "yml": "YAML", "toml": "TOML",
}  # fmt: skip
"""Language by file ending, lower case, no dot."""

PROSE_AND_DATA = frozenset({"Markdown", "reStructuredText", "JSON", "YAML", "TOML", "HTML", "CSS", "other"})
"""What does not count as a programming language of the repository."""

FOREIGN = frozenset(
    {"node_modules", "vendor", "third_party", "site-packages", "bower_components", "venv", "env", "dist"}
    | {"build", "target", "__pycache__"}
)
"""Directories whose files others wrote or a tool made; dot-directories count as well."""

_NAMES_SHOWN = 40
_DIRS_SHOWN = 60
_LONGEST_NAME = 100

File = tuple[str, int]
"""(workspace-relative path, bytes)."""


def language(path: str) -> str:
    """The language of a file by its ending, or "other"."""
    return LANGUAGES.get(path.rpartition("/")[2].rpartition(".")[2].lower(), "other")


def own(path: str) -> bool:
    """Whether the project's people wrote it, as far as the path tells."""
    return not any(part in FOREIGN or part.startswith(".") for part in path.split("/")[:-1])


def is_test(path: str) -> bool:
    """Whether a path is a test or belongs to the tests, by the usual names of the usual languages."""
    *dirs, name = path.split("/")
    stem = name.partition(".")[0]
    if any(part in ("tests", "test", "__tests__", "spec") for part in dirs):
        return True
    return stem.startswith("test_") or stem.endswith("_test") or stem == "conftest" or _marked(name)


def _marked(name: str) -> bool:
    return any(mark in name for mark in (".test.", ".spec."))


def languages(paths: Iterable[str]) -> list[tuple[str, int]]:
    """(language, files) of the project's own files, most files first; "other" left out."""
    counts = Counter(language(path) for path in paths if own(path))
    del counts["other"]
    return counts.most_common()


@dataclass(slots=True)
class _Dir:
    path: str
    dirs: dict[str, _Dir] = field(default_factory=dict[str, "_Dir"])
    files: list[str] = field(default_factory=list[str])
    count: int = 0
    kinds: Counter[str] = field(default_factory=Counter[str])
    focused: bool = False
    hinted: int = 0


def repo_map(
    files: Sequence[File], focus: Collection[str] = (), hints: Collection[str] = (), budget: int = 12_000
) -> str:
    """The tree in at most `budget` characters: what is in focus, relevant and large is opened first.

    Args:
        focus: paths the request points at; every directory above one is opened before others.
        hints: lower-case words; directories with files named by one are opened earlier.
    """
    root = _tree(files, focus, frozenset(hints))
    head = _head(files)
    blocks = _open_best_first(root, budget - len(head) - 1)
    return "\n".join([head, *_render(root, blocks, 0)])[:budget]


def _head(files: Sequence[File]) -> str:
    kinds = ", ".join(f"{name} {count:,}" for name, count in languages(path for path, _ in files)[:8])
    size = sum(size for _, size in files)
    return f"{len(files):,} files, {size:,} bytes. Files by language: {kinds or 'none known'}."


def _tree(files: Sequence[File], focus: Collection[str], hints: frozenset[str]) -> _Dir:
    root = _Dir("")
    for path, _ in files:
        *parts, name = path.split("/")
        kind, focused = language(path), path in focus
        hinted = bool(hints) and (name.partition(".")[0].lower() in hints)
        at = root
        _count(at, kind, focused, hinted)
        for part in parts:
            below = at.dirs.get(part)
            if below is None:
                below = at.dirs[part] = _Dir(f"{at.path}{part}/", hinted=int(part.lower() in hints))
            at = below
            _count(at, kind, focused, hinted)
        at.files.append(name)
    return root


def _count(at: _Dir, kind: str, focused: bool, hinted: bool) -> None:
    at.count += 1
    at.kinds[kind] += 1
    at.focused = at.focused or focused
    at.hinted += hinted


def _rank(at: _Dir) -> tuple[bool, bool, int, int, str]:
    """Smaller is shown earlier."""
    depth = at.path.count("/") - (2 if at.hinted else 0)
    return (not at.focused, not own(at.path), depth, -at.count, at.path)


@dataclass(frozen=True, slots=True)
class _Block:
    """What stands below the heading of an opened directory."""

    files: str
    shown: tuple[_Dir, ...]
    more: str


def _open_best_first(root: _Dir, budget: int) -> dict[str, _Block]:
    """The directories that are opened, each with its block, so that all lines together fit the budget."""
    opened: dict[str, _Block] = {}
    waiting = [(_rank(root), root)]
    while waiting:
        _, at = heapq.heappop(waiting)
        block = _block(at)
        cost = _cost(at, block)
        if cost > budget:
            continue
        budget -= cost
        opened[at.path] = block
        for below in block.shown:
            if own(below.path):
                heapq.heappush(waiting, (_rank(below), below))
    return opened


def _block(at: _Dir) -> _Block:
    ranked = sorted(at.dirs.values(), key=_rank)
    shown = tuple(sorted(ranked[:_DIRS_SHOWN], key=lambda below: below.path))
    hidden = ranked[_DIRS_SHOWN:]
    count = sum(below.count for below in hidden)
    more = f"(+{len(hidden)} more directories, {count:,} files)" if hidden else ""
    return _Block(_names(at.files), shown, more)


def _names(files: list[str]) -> str:
    # Sources before data: in a directory of fixtures the few modules are what a planner must see.
    ordered = sorted(files, key=lambda name: (language(name) in PROSE_AND_DATA, name))
    text = ", ".join(sorted(map(_plain, ordered[:_NAMES_SHOWN])))
    left = Counter(map(language, ordered[_NAMES_SHOWN:]))
    if left:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in left.most_common(3))
        text += f" (+{left.total():,} more: {kinds})"
    return text


def _plain(name: str) -> str:
    """A file name as one short printable word: it goes into a prompt and anyone may have chosen it."""
    text = "".join(c if c.isprintable() else "?" for c in name)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "…"


def _heading(at: _Dir) -> str:
    kind, _ = at.kinds.most_common(1)[0]
    name = _plain(at.path.rstrip("/").rpartition("/")[2])
    return f"{name}/ ({at.count:,}{'' if kind == 'other' else ', ' + kind})"


def _depth(at: _Dir) -> int:
    return at.path.count("/")


def _cost(at: _Dir, block: _Block) -> int:
    """Characters of the block's lines, line ends and indents included."""
    lines = [line for line in (block.files, block.more, *map(_heading, block.shown)) if line]
    return sum(len(line) + _depth(at) + 1 for line in lines)


def _render(at: _Dir, blocks: dict[str, _Block], depth: int) -> list[str]:
    block = blocks.get(at.path)
    if block is None:
        return []
    pad = " " * depth
    lines = [pad + block.files] if block.files else []
    for below in block.shown:
        lines += [pad + _heading(below), *_render(below, blocks, depth + 1)]
    return [*lines, pad + block.more] if block.more else lines
