"""Real processes on one workspace: small editors over LSP, and terminals."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

PATIENCE = 60.0
"""Seconds until silence counts as a failure: the machine is shared."""

LINT = "import os\n\n\ndef {name}() -> int:\n    return 1\n"
CLEAN = "def {name}() -> int:\n    return 1\n"
PYTHON = (sys.executable, "-m", "nexus_lsp")
ROOT = Path(__file__).parents[2]


class House:
    """A workspace with one finding in each file, and a state directory of its own."""

    def __init__(self, place: Path, *names: str) -> None:
        self.root = place / "work"
        self.root.mkdir()
        for name in names:
            (self.root / f"{name}.py").write_text(LINT.format(name=name))
        git = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")
        for command in (("init", "-q"), ("add", "."), ("commit", "-qm", "start")):
            subprocess.run([*git, *command], cwd=self.root, check=True)
        keys = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY")
        plain = {k: v for k, v in os.environ.items() if k not in keys}
        self.env = plain | {"NEXUS_STATE_DIR": str(place / "state"), "PYTHONPATH": str(ROOT)}
        self.state = place / "state"

    def text(self, name: str) -> str:
        return (self.root / f"{name}.py").read_text()

    async def terminal(self, *words: str) -> Terminal:
        process = await asyncio.create_subprocess_exec(
            *PYTHON, *words, cwd=self.root, env=self.env, stdout=-1, stderr=-1, limit=1 << 24
        )
        return Terminal(process)

    async def delegate(self, *words: str) -> Terminal:
        local = ("--team", "local", "--accept", "none", "--json")
        return await self.terminal("delegate", "fix the lint findings", *local, *words)

    async def say(self, *words: str) -> str:
        """What a command prints; it has to succeed."""
        terminal = await self.terminal(*words)
        out, err = await asyncio.wait_for(terminal.process.communicate(), PATIENCE)
        assert terminal.process.returncode == 0, (out.decode(), err.decode())
        return out.decode()


class Terminal:
    """A `nexus-lsp … --json` at work."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []

    async def until(self, kind: str) -> dict[str, Any]:
        """Read events until one of this type comes."""
        assert self.process.stdout and self.process.stderr
        while True:
            line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
            if not line:
                raise AssertionError(f"no {kind}: {(await self.process.stderr.read()).decode()}")
            self.events.append(json.loads(line))
            if self.events[-1]["type"] == kind:
                return self.events[-1]

    async def end(self) -> int:
        out, err = await asyncio.wait_for(self.process.communicate(), PATIENCE)
        self.events += [json.loads(line) for line in out.splitlines()]
        self.errors = err.decode()
        return self.process.returncode or 0

    def told(self) -> str:
        return "\n".join(["", *(str(event)[:600] for event in self.events), self.errors])


class Editor:
    """One editor window: versions, edits applied as asked, events kept."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._client = LanguageClient("test editor", "1")
        self._versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self._heard = asyncio.Event()
        self._client.feature("workspace/applyEdit")(partial(self._apply))
        self._client.feature("nexus/event")(partial(self._hear))
        for quiet in ("textDocument/publishDiagnostics", "window/showMessage"):
            self._client.feature(quiet)(partial(_ignore))

    @property
    def process(self) -> asyncio.subprocess.Process:
        return self._client._server

    async def start(self) -> Editor:
        await self._client.start_io(*PYTHON, "serve", "--stdio", env=self._house.env)
        edit = lsp.WorkspaceEditClientCapabilities(document_changes=True)
        workspace = lsp.WorkspaceClientCapabilities(apply_edit=True, workspace_edit=edit)
        await self._client.initialize_async(
            lsp.InitializeParams(
                capabilities=lsp.ClientCapabilities(workspace=workspace),
                process_id=os.getpid(),
                root_uri=self._house.root.as_uri(),
                initialization_options={"team": "local"},
            )
        )
        self._client.initialized(lsp.InitializedParams())
        await self.run("runs")
        return self

    async def run(self, name: str, **argument: Any) -> Any:
        params = lsp.ExecuteCommandParams(f"nexus.{name}", [argument])
        answer = self._client.workspace_execute_command_async(params)
        return plain(await asyncio.wait_for(answer, PATIENCE))

    def open(self, name: str, text: str) -> None:
        uri = self._uri(name)
        self.texts[uri], self._versions[uri] = text, 1
        item = lsp.TextDocumentItem(uri, "python", 1, text)
        self._client.text_document_did_open(lsp.DidOpenTextDocumentParams(item))

    def text(self, name: str) -> str:
        return self.texts[self._uri(name)]

    async def until(self, kind: str, where: Callable[[Mapping[str, Any]], bool] = bool) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                for event in self.events:
                    if event["type"] == kind and where(event):
                        return event
                self._heard.clear()
                await self._heard.wait()

    async def leave(self) -> None:
        await self._client.shutdown_async(None)
        self._client.exit(None)
        await self.gone()

    async def kill(self) -> None:
        self.process.kill()
        await self.gone()

    async def gone(self) -> None:
        await asyncio.wait_for(self.process.wait(), PATIENCE)
        await self._client.stop()

    def _uri(self, name: str) -> str:
        return (self._house.root / f"{name}.py").as_uri()

    def _hear(self, params: Any) -> None:
        self.events.append(plain(params))
        self._heard.set()

    def _apply(self, params: lsp.ApplyWorkspaceEditParams) -> lsp.ApplyWorkspaceEditResult:
        for change in params.edit.document_changes or ():
            assert isinstance(change, lsp.TextDocumentEdit)
            uri, version = change.text_document.uri, change.text_document.version
            if uri not in self.texts or version != self._versions[uri]:
                return lsp.ApplyWorkspaceEditResult(False, "it is not open in this version")
            for edit in reversed(change.edits):
                self.texts[uri] = _edited(self.texts[uri], edit)
            self._versions[uri] += 1
            whole = lsp.TextDocumentContentChangeWholeDocument(self.texts[uri])
            identifier = lsp.VersionedTextDocumentIdentifier(self._versions[uri], uri)
            self._client.text_document_did_change(lsp.DidChangeTextDocumentParams(identifier, [whole]))
        return lsp.ApplyWorkspaceEditResult(True)


def _edited(text: str, edit: Any) -> str:
    lines = text.splitlines(keepends=True)

    def offset(at: lsp.Position) -> int:
        return sum(map(len, lines[: at.line])) + at.character

    return text[: offset(edit.range.start)] + edit.new_text + text[offset(edit.range.end) :]


def plain(value: Any) -> Any:
    """pygls gives unknown objects as namedtuples."""
    if hasattr(value, "_asdict"):
        return {key: plain(item) for key, item in value._asdict().items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _ignore(_params: Any) -> None:
    """What these tests do not look at."""
