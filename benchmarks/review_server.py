"""Our language server over `PendingEngine`: `python -m benchmarks.review_server LINES CHANGES`."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.pending import PendingEngine
from nexus_lsp.core.settings import Settings
from nexus_lsp.lsp.server import serve
from nexus_lsp.ports import EngineApi, Face


async def connect(directory: Path, settings: Settings, face: Face) -> EngineApi:
    return PendingEngine(int(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    sys.exit(serve(connect))
