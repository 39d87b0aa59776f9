"""The process that relates changes; `change_reading` starts it, and may end it at any time.

On stdin comes what `core.relating.relate` is given, pickled by the same NEXUS; on stdout goes what it finds,
as JSON: who reads hostile texts is not trusted with more than words.

**Invariant:** texts are parsed, never executed, and no module is looked for in the workspace.
"""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import asdict

from nexus_lsp.core.relating import Given, relate


def main() -> None:
    """Read, relate, answer."""
    given: Given = pickle.load(sys.stdin.buffer)  # noqa: S301 - what our own process wrote
    json.dump([asdict(relation) for relation in relate(given)], sys.stdout)
