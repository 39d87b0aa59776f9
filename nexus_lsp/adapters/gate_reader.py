"""The process that reads texts for a scrutiny; `gate_reading` starts it, and may end it at any time.

On stdin comes one JSON value a line: first the order, `{"job": …}`, then each text. On stdout goes what was
found, one JSON object a line, what is needed most first. The job "honesty", for `TextChange`s and with where
the tree stands:

    {"source": {path, lines}}             changed source and its statements, as in `SourceChange`
    {"sources_known": true}               all of it has been named
    {"test": {...}}, {"question": {...}}  see `core.integrity`
    {"tests_known": true}                 all new tests have been named
    {"read": path}                        all has been asked about that file
    {"quality": {...}}                    some figures

The job "faults", for (path, text, lines, limit): {"fault": {path, line, what, source}}, see `local.mutants`.

**Invariant:** texts are parsed, never executed, and no module is looked for in the workspace.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nexus_lsp.adapters.complexity import complexity
from nexus_lsp.adapters.gate_change import source_change
from nexus_lsp.adapters.local.mutants import line_mutants
from nexus_lsp.core.integrity import ChangedTests, TextChange, count_tests
from nexus_lsp.core.quality import is_source


def main() -> None:
    """Read what is asked on stdin, and answer on stdout."""
    lines = [json.loads(line) for line in sys.stdin.buffer]
    job: dict[str, Callable[[Any, Any], Iterator[dict[str, Any]]]] = {"honesty": _honesty, "faults": _faults}
    for fact in job[lines[0]["job"]](lines[0], lines[1:]):
        sys.stdout.write(json.dumps(fact) + "\n")
        sys.stdout.flush()


def _honesty(order: dict[str, Any], lines: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    texts = [TextChange(*line) for line in lines]
    for text in texts:
        if source := source_change(text):
            yield {"source": {"path": source.path, "lines": list(source.lines.items())}}
    yield {"sources_known": True}
    yield from _asked(texts)
    yield {"quality": _complexities(texts)}
    if order["python"]:
        yield {"quality": {"tests_total": _tests_in(Path(order["root"]), order["tests"])}}


def _faults(_: dict[str, Any], lines: Sequence[Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for path, text, reached, limit in lines:
        for made in line_mutants(text, reached, limit):
            fault = {"path": path, "line": made.line, "what": made.what, "source": made.source}
            yield {"fault": fault}


def _asked(texts: Sequence[TextChange]) -> Iterator[dict[str, Any]]:
    changed = ChangedTests.of(texts)
    yield from ({"test": asdict(test)} for test in changed.tests())
    yield {"tests_known": True}
    last = {path: at for at, (path, _) in enumerate(changed.files())}
    for at, (path, asked) in enumerate(changed.files()):
        yield from ({"question": asdict(question)} for question in asked)
        if last[path] == at:
            yield {"read": path}


def _complexities(texts: Sequence[TextChange]) -> dict[str, Any]:
    """Before and after, where any source changed."""
    sources = [text for text in texts if is_source(text.path)]
    if not sources:
        return {}
    old = {text.old_path or text.path: text.old for text in sources if text.old is not None}
    new = {text.path: text.new for text in sources if text.new is not None}
    return {
        "complexity_before": asdict(complexity(old)),
        "complexity_after": asdict(complexity(new)),
    }


def _tests_in(root: Path, paths: Iterable[str]) -> int:
    """Test functions of these files, which are read where they stand."""
    total = 0
    for path in paths:
        file = root / path
        if file.is_file() and not file.is_symlink():
            total += count_tests(path, file.read_text(encoding="utf-8-sig", errors="replace"))
    return total
