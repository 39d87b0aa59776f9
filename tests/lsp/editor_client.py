"""A test editor over real stdio, and runs that were made before it was started.

The editor keeps documents with versions, applies workspace edits as editors do (and checks their versions),
undoes, and answers what a server may ask. It counts characters by itself: nothing here is NEXUS's own.

`EarlierRun` makes a run with agents that are plain functions, in a real state directory; the server finds it
there as after a restart, waiting for review.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import unquote_to_bytes, urlparse

Json = dict[str, Any]
PATIENCE = 30.0
ROOT = Path(__file__).parents[2]
NEVER = object()
"""An answer to an ask that does not come."""

_QUICK = """
import sys
from nexus_lsp.lsp import desk, editor
desk.REST, editor.ANSWER_SECONDS = {rest}, {answer}
from nexus_lsp.cli import main
sys.exit(main(["serve", "--stdio"]))
"""


class WireError(Exception):
    """An error that the server answered."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


# --- text, counted by the test itself ----------------------------------------------------------------


def lines_of(text: str) -> list[str]:
    """Lines with their ends, one more than there are line ends."""
    found: list[str] = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
    return [*found, ""] if not found or found[-1][-1] in "\r\n" else found


def units(text: str, encoding: str) -> int:
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    return len(text.encode(encoding if size == 1 else encoding + "-le", "surrogatepass")) // size


def offset_of(text: str, at: Json, encoding: str) -> int:
    """An exact position; one that no editor would take raises."""
    lines = lines_of(text)
    return _offset(lines, list(accumulate(map(len, lines), initial=0)), at, encoding)


def _offset(lines: Sequence[str], begins: Sequence[int], at: Json, encoding: str) -> int:
    if at["line"] >= len(lines):
        assert at["line"] == len(lines) and at["character"] == 0, f"no such position: {at}"
        return begins[len(lines)]
    body = lines[at["line"]].rstrip("\r\n")
    ends = [0, len(body)] if len(body) > 10_000 else range(len(body) + 1)
    for index in ends:
        if units(body[:index], encoding) == at["character"]:
            return begins[at["line"]] + index
    raise AssertionError(f"no character starts at {at} of {body!r}")


def position_of(text: str, offset: int, encoding: str) -> Json:
    lines = lines_of(text)
    return _position(lines, list(accumulate(map(len, lines), initial=0))[:-1], offset, encoding)


def _position(lines: Sequence[str], begins: Sequence[int], offset: int, encoding: str) -> Json:
    number = max(bisect_right(begins, offset) - 1, 0)
    before = lines[number][: offset - begins[number]].rstrip("\r\n")
    return {"line": number, "character": units(before, encoding)}


def file_of(uri: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(urlparse(uri).path)))


@dataclass
class Document:
    text: str
    version: int = 1
    undo: list[str] = field(default_factory=list)
    redo: list[str] = field(default_factory=list)


# --- the editor --------------------------------------------------------------------------------------


class TestEditor:
    """One editor with its own server process.

    Attributes:
        carry: what it does with a workspace edit: "apply", "refuse", "late" (applies at once, answers after
            `lateness` seconds), "slow" (does both after that), "tell last" (answers before its didChange).
        unopened: whether an edit of a file that is not open opens it ("open") or writes it ("disk").
        ask: gives the title chosen in a message request, None to dismiss it, NEVER not to answer.
        faults: what the server did that no editor would take.

    `agents` is Python that puts a team of its own into the server before it serves; `capabilities` are
    another editor's, in the place of this one's own, and `lacks` the requests that it does not know.
    """

    __test__ = False
    lacks: Sequence[str] = ()

    def __init__(
        self,
        root: Path | None,
        state: Path,
        *,
        encoding: str = "utf-16",
        options: Json | None = None,
        configuration: Json | None = None,
        operations: Sequence[str] = ("create", "rename", "delete"),
        progress: bool = True,
        rest: float | None = None,
        answer: float | None = None,
        env: Mapping[str, str] | None = None,
        folders: Sequence[Path] | None = None,
        virtual: bool = False,
        ask: Callable[[Json], Any] = lambda params: None,
        agents: str = "",
        capabilities: Json | None = None,
        lacks: Sequence[str] = (),
    ) -> None:
        self._begin(root, encoding, configuration, ask)
        self.lacks = lacks
        self.log = state.parent / f"{state.name}-log-{time.monotonic_ns()}"
        command = [sys.executable, "-m", "nexus_lsp", "serve", "--stdio"]
        if rest is not None or answer is not None:
            command = [sys.executable, "-c", _QUICK.format(rest=rest or 2.0, answer=answer or 5.0)]
        if agents:
            serving = 'from nexus_lsp.cli import main\nsys.exit(main(["serve", "--stdio"]))\n'
            command = [sys.executable, "-c", agents + serving]
        home = state.parent / "home"
        home.mkdir(parents=True, exist_ok=True)
        clean = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=state.parent,
                env=clean | {"NEXUS_STATE_DIR": str(state)} | dict(env or {}),
            )
        threading.Thread(target=self._read, daemon=True).start()
        named = [{"uri": f.as_uri(), "name": f.name} for f in folders] if folders else None
        workspace: Json = {
            "applyEdit": True,
            "configuration": configuration is not None,
            "workspaceEdit": {"documentChanges": True, "resourceOperations": list(operations)},
        }
        if virtual:
            workspace["textDocumentContent"] = {"dynamicRegistration": True}
        answer_ = self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": root.as_uri() if root else None,
                "workspaceFolders": named,
                "initializationOptions": options if options is not None else {"team": "local"},
                "capabilities": capabilities
                or {
                    "general": {"positionEncodings": [encoding]},
                    "window": {"workDoneProgress": progress},
                    "workspace": workspace,
                },
            },
        )
        self.capabilities: Json = answer_["capabilities"]
        assert self.capabilities.get("positionEncoding", "utf-16") == encoding
        self.notify("initialized", {})

    def _begin(
        self, root: Path | None, encoding: str, configuration: Json | None, ask: Callable[[Json], Any]
    ) -> None:
        """Nothing is open, nothing has come."""
        self.root, self.encoding, self.configuration = root, encoding, configuration
        self.documents: dict[str, Document] = {}
        self.diagnostics: dict[str, Json] = {}
        self.published: list[Json] = []
        self.events: list[Json] = []
        self.progress: list[tuple[str, Json]] = []
        self.messages: list[Json] = []
        self.asks: list[Json] = []
        self.edits: list[Json] = []
        self.refreshed: list[str] = []
        self.faults: list[str] = []
        self.carry, self.unopened, self.lateness = "apply", "open", 1.0
        self.create_progress = True
        self.ask = ask
        self._answers: dict[int, Json] = {}
        self._sent = 0
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)

    # --- the wire ------------------------------------------------------------------------------------

    def _write(self, message: Json) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        with self._lock, contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while line := stream.readline():
            assert line.startswith(b"Content-Length: "), line
            stream.readline()
            message = json.loads(stream.read(int(line[16:])))
            with self._news:
                try:
                    self._take(message)
                except Exception as error:
                    self.faults.append(f"{message.get('method')}: {error!r}")
                    if "id" in message:
                        self._write({"id": message["id"], "error": {"code": -32603, "message": str(error)}})
                self._news.notify_all()

    def _take(self, message: Json) -> None:
        method = message.get("method")
        if method is None:
            self._answers[message["id"]] = message
            return
        params = message.get("params") or {}
        if "id" in message:
            self._take_request(message["id"], method, params)
        elif method == "textDocument/publishDiagnostics":
            self.diagnostics[params["uri"]] = params
            self.published.append(params)
        elif method == "nexus/event":
            self.events.append(params)
        elif method == "$/progress":
            self.progress.append((params["token"], params["value"]))
        elif method == "window/showMessage":
            self.messages.append(params)

    def _take_request(self, msg_id: Any, method: str, params: Json) -> None:
        def reply(result: Any) -> None:
            self._write({"id": msg_id, "result": result})

        if method in self.lacks:
            self._write({"id": msg_id, "error": {"code": -32601, "message": f"{method} is not known"}})
        elif method == "workspace/applyEdit":
            self._carry(params, reply)
        elif method == "workspace/configuration":
            reply([self.configuration for _ in params["items"]])
        elif method == "window/showMessageRequest":
            self.asks.append(params)
            chosen = self.ask(params)
            if chosen is not NEVER:
                reply({"title": chosen} if chosen else None)
        elif method == "workspace/textDocumentContent/refresh":
            self.refreshed.append(params["uri"])
            reply(None)
        elif method == "window/workDoneProgress/create":
            if self.create_progress:
                reply(None)
        else:
            self._write({"id": msg_id, "error": {"code": -32601, "message": method}})

    def request(self, method: str, params: Json) -> Any:
        """The result; WireError for an error."""
        with self._lock:
            self._sent += 1
            msg_id = self._sent
            self._write({"id": msg_id, "method": method, "params": params})
        self.wait(lambda: msg_id in self._answers, f"an answer to {method}")
        answer = self._answers.pop(msg_id)
        if "error" in answer:
            raise WireError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def notify(self, method: str, params: Json) -> None:
        self._write({"method": method, "params": params})

    def command(self, name: str, argument: Any = None, **given: Any) -> Any:
        """The answer to `nexus.<name>`."""
        arguments = [given if argument is None else argument]
        return self.request("workspace/executeCommand", {"command": f"nexus.{name}", "arguments": arguments})

    def bare_command(self, name: str) -> Any:
        """The same as editors call a command that was picked from a list: without any argument."""
        return self.request("workspace/executeCommand", {"command": f"nexus.{name}"})

    def wait(self, holds: Callable[[], Any], what: str = "", seconds: float = PATIENCE) -> Any:
        """What `holds` gives once it is true."""
        end = time.monotonic() + seconds
        with self._news:
            while not (found := holds()):
                left = end - time.monotonic()
                if left <= 0 or not (self._news.wait(min(left, 0.5)) or self.process.poll() is None):
                    log = self.log.read_text("utf-8", "replace")[-3000:]
                    raise AssertionError(f"waited in vain for {what or 'that'}; the server's log:\n{log}")
            return found

    def until_its_end(self) -> Iterator[TestEditor]:
        """Given to a module's tests; then it ends as it should, and nothing went wrong in its log."""
        yield self
        try:
            assert self.end() == 0
            log = self.log.read_text()
            assert "Traceback" not in log, log
        finally:
            self.kill()

    def end(self) -> int:
        """`shutdown`, `exit`; the exit code."""
        with contextlib.suppress(WireError):
            self.request("shutdown", {})
        self.notify("exit", {})
        code = self.process.wait(10)
        return code

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    # --- documents -----------------------------------------------------------------------------------

    def uri(self, path: str) -> str:
        assert self.root
        return (self.root / path).as_uri()

    def text(self, path: str) -> str:
        """What the user sees: the buffer, else the file."""
        document = self.documents.get(self.uri(path))
        return document.text if document else (self.root / path).read_bytes().decode()  # type: ignore[operator]

    def open(self, path: str) -> str:
        """Open a file as an editor does (without its BOM); gives its URI."""
        uri = self.uri(path)
        self._open(uri, file_of(uri).read_bytes().decode().removeprefix("\ufeff"))
        return uri

    def _open(self, uri: str, text: str) -> None:
        with self._lock:
            self.documents[uri] = Document(text)
            item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
            self.notify("textDocument/didOpen", {"textDocument": item})

    def close(self, path: str) -> None:
        with self._lock:
            del self.documents[self.uri(path)]
            self.notify("textDocument/didClose", {"textDocument": {"uri": self.uri(path)}})

    def save(self, path: str) -> None:
        document = self.documents[self.uri(path)]
        (self.root / path).write_bytes(document.text.encode())  # type: ignore[operator]
        self.notify("textDocument/didSave", {"textDocument": {"uri": self.uri(path)}})
        self.touched(path)

    def write(self, path: str, text: str) -> None:
        """Another program writes a file."""
        (self.root / path).write_bytes(text.encode())  # type: ignore[operator]
        self.touched(path)

    def rename(self, path: str, new: str, tell: bool = True) -> None:
        """The user gives a file or folder another name: the file first, then the documents, with their undo.

        `tell`: as an editor that has `workspace/didRenameFiles`; others only close and open.
        """
        old, moved = self.root / path, self.root / new  # type: ignore[operator]
        moved.parent.mkdir(parents=True, exist_ok=True)
        old.rename(moved)
        for uri, document in list(self.documents.items()):
            place = file_of(uri)
            if place == old or old in place.parents:
                self._gone(uri)
                there = (moved / place.relative_to(old)).as_uri()
                self._open(there, document.text)
                self.documents[there].undo, self.documents[there].redo = document.undo, document.redo
        if tell:
            files = [{"oldUri": self.uri(path), "newUri": self.uri(new)}]
            self.notify("workspace/didRenameFiles", {"files": files})

    def save_as(self, path: str, new: str) -> None:
        """Save a document under another name; the file of the old name stays."""
        text = self.documents[self.uri(path)].text
        self.close(path)
        (self.root / new).write_bytes(text.encode())  # type: ignore[operator]
        self._open(self.uri(new), text)

    def touched(self, *paths: str, kind: int = 2) -> None:
        changes = [{"uri": self.uri(p), "type": kind} for p in paths]
        self.notify("workspace/didChangeWatchedFiles", {"changes": changes})

    def type(self, path: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text."""
        document = self.documents[self.uri(path)]
        start = document.text.index(old)
        self.replace(self.uri(path), [(start, start + len(old), new)])

    def insert(self, path: str, line: int, text: str) -> None:
        """Put text in before a line."""
        document = self.documents[self.uri(path)]
        at = sum(map(len, lines_of(document.text)[:line]))
        self.replace(self.uri(path), [(at, at, text)])

    def replace(self, uri: str, edits: Sequence[tuple[int, int, str]], keep: bool = True) -> None:
        """Edits in offsets of the text as it is, told as VS Code does: from the last to the first."""
        with self._lock:
            document = self.documents[uri]
            if keep:
                document.undo.append(document.text)
                document.redo.clear()
            changes: list[Json] = []
            last_first = sorted(edits, reverse=True)
            old, lines = document.text, lines_of(document.text)  # above an edit, nothing has moved yet
            begins = list(accumulate(map(len, lines), initial=0))[:-1]
            for start, end, new in last_first:
                at = [_position(lines, begins, o, self.encoding) for o in (start, end)]
                changes.append({"range": {"start": at[0], "end": at[1]}, "text": new})
            document.text = _replaced(old, last_first)
            document.version += 1
            told = {"uri": uri, "version": document.version}
            self.notify("textDocument/didChange", {"textDocument": told, "contentChanges": changes})

    def undo(self, path: str, times: int = 1) -> None:
        self._turn(path, times, "undo")

    def redo(self, path: str, times: int = 1) -> None:
        self._turn(path, times, "redo")

    def _turn(self, path: str, times: int, way: str) -> None:
        """To an earlier or later text, in one didChange of the part that differs."""
        with self._lock:
            document = self.documents[self.uri(path)]
            taken, given = (document.undo, document.redo) if way == "undo" else (document.redo, document.undo)
            text = document.text
            for _ in range(times):
                given.append(text)
                text = taken.pop()
            old = document.text
            pairs = enumerate(zip(old, text, strict=False))
            top = next((at for at, (a, b) in pairs if a != b), min(len(old), len(text)))
            if old[top - 1 : top] == "\r":  # no position lies within a line end
                top -= 1
            self.replace(self.uri(path), [(top, len(old), text[top:])], keep=False)

    # --- workspace edits -----------------------------------------------------------------------------

    def _carry(self, params: Json, reply: Callable[[Any], None]) -> None:
        self.edits.append(params["edit"])
        yes: Json = {"applied": True}
        match self.carry:
            case "refuse":
                reply({"applied": False, "failureReason": "the user said no"})
            case "late":
                self._apply(params["edit"])
                threading.Timer(self.lateness, reply, [yes]).start()
            case "slow":

                def later() -> None:
                    with self._lock:
                        self._apply(params["edit"])
                        reply(yes)

                threading.Timer(self.lateness, later).start()
            case "tell last":
                reply(yes)
                self._apply(params["edit"])
            case _:
                self._apply(params["edit"])
                reply(yes)

    def _apply(self, edit: Json) -> None:
        assert "changes" not in edit, "edits must be versioned"
        for change in edit["documentChanges"]:
            match change.get("kind"):
                case "create":
                    file = file_of(change["uri"])
                    assert not file.exists(), f"{file} is there already"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(b"")
                case "delete":
                    self._gone(change["uri"])
                    file_of(change["uri"]).unlink()
                case "rename":
                    old = self._gone(change["oldUri"])
                    file_of(change["newUri"]).parent.mkdir(parents=True, exist_ok=True)
                    file_of(change["oldUri"]).rename(file_of(change["newUri"]))
                    if old:
                        self._open(change["newUri"], old.text)
                case _:
                    self._apply_text(change)

    def _gone(self, uri: str) -> Document | None:
        document = self.documents.pop(uri, None)
        if document:
            self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        return document

    def _apply_text(self, change: Json) -> None:
        uri, version = change["textDocument"]["uri"], change["textDocument"]["version"]
        document = self.documents.get(uri)
        if document is None:
            assert version is None, f"{uri} is not open, and has no version {version}"
            text = file_of(uri).read_bytes().decode()
            if self.unopened == "disk":
                bom = "\ufeff" if text.startswith("\ufeff") else ""
                found = self._ranges(text.removeprefix(bom), change["edits"])
                new = _replaced(text.removeprefix(bom), found)
                file_of(uri).write_bytes((bom + new).encode())
                return
            self._open(uri, text.removeprefix("\ufeff"))
            document = self.documents[uri]
        else:
            fresh = file_of(uri).exists() and version is None and document.version == 1
            assert fresh or version == document.version, f"version {version} of {uri}: {document.version}"
        self.replace(uri, self._ranges(document.text, change["edits"]))

    def _ranges(self, text: str, edits: Sequence[Json]) -> list[tuple[int, int, str]]:
        lines = lines_of(text)
        begins = list(accumulate(map(len, lines), initial=0))

        def offset(at: Json) -> int:
            return _offset(lines, begins, at, self.encoding)

        found = [(offset(e["range"]["start"]), offset(e["range"]["end"]), e["newText"]) for e in edits]
        ends = sorted(found)
        assert all(a[1] <= b[0] for a, b in pairwise(ends)), "edits overlap"
        return found

    # --- what the user sees --------------------------------------------------------------------------

    def marks(self, path: str) -> list[Json]:
        """The diagnostics shown on a file now, by place."""
        shown = self.diagnostics.get(self.uri(path), {"diagnostics": []})["diagnostics"]
        return sorted(
            shown, key=lambda d: (d["range"]["start"]["line"], d.get("data", {}).get("changeId", ""))
        )

    def shown_lines(self, path: str) -> list[str]:
        """The text that each mark covers."""
        text = self.text(path).removeprefix("\ufeff")
        spans = [d["range"] for d in self.marks(path)]
        ends = [[offset_of(text, s[k], self.encoding) for k in ("start", "end")] for s in spans]
        return [text[a:b] for a, b in ends]

    def wait_marks(self, path: str, count: int) -> list[Json]:
        self.wait(lambda: self.uri(path) in self.diagnostics or count == 0, f"marks on {path}")
        try:
            self.wait(lambda: len(self.marks(path)) == count, f"{count} marks on {path}", 12)
        except AssertionError as error:
            raise AssertionError(f"{error}\nshown: {self.marks(path)}") from None
        return self.marks(path)

    def wait_shown(self, path: str, *texts: str) -> None:
        try:
            self.wait(lambda: self.shown_lines(path) == list(texts), "marks", 12)
        except AssertionError:
            assert self.shown_lines(path) == list(texts)

    def changes(self, path: str | None = None, **wanted: str) -> list[Json]:
        """`nexus.review.list`, by file."""
        given = wanted | ({"uri": self.uri(path)} if path else {})
        return self.command("review.list", given)["changes"]

    def status(self, change_id: str) -> str:
        return next(c["status"] for c in self.changes() if c["id"] == change_id)

    def wait_status(self, change_id: str, status: str) -> None:
        end = time.monotonic() + 12
        while (now := self.status(change_id)) != status:
            assert time.monotonic() < end, f"{change_id} is {now}, not {status}"
            time.sleep(0.02)

    def stays(self, change_id: str, status: str) -> None:
        """So it is, and so it is after everything that was seen has had its time."""
        end = time.monotonic() + 3
        while time.monotonic() < end:
            assert self.status(change_id) == status
            time.sleep(0.1)

    def wait_event(self, *types: str, run_id: str | None = None) -> Json:
        return self.wait(
            lambda: next(
                (e for e in self.events if e["type"] in types and run_id in (None, e["runId"])), None
            ),
            " or ".join(types),
            60,
        )

    def actions(self, path: str, line: int, only: Sequence[str] | None = None) -> list[Json]:
        at = {"line": line, "character": 0}
        context: Json = {"diagnostics": self.marks(path)} | ({"only": list(only)} if only else {})
        return self.request(
            "textDocument/codeAction",
            {"textDocument": {"uri": self.uri(path)}, "range": {"start": at, "end": at}, "context": context},
        )

    def run_action(self, action: Json) -> Any:
        return self.request(
            "workspace/executeCommand",
            {"command": action["command"]["command"], "arguments": action["command"]["arguments"]},
        )


def _replaced(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


# --- runs made before --------------------------------------------------------------------------------

Work = Callable[[Path], object]


@dataclass
class EarlierRun:
    """A workspace, its state directory, and what agents proposed there before the editor started."""

    root: Path
    state: Path
    run_id: str = ""

    def propose(self, *tasks: tuple[str, str, Work]) -> str:
        """Run tasks one after the other, each (agent, title, what it does in its checkout); the run's id."""
        self.run_id = asyncio.run(self._propose(tasks))
        return self.run_id

    async def _propose(self, tasks: Sequence[tuple[str, str, Work]]) -> str:
        from nexus_lsp import app
        from nexus_lsp.core.plan import Plan, Task
        from nexus_lsp.core.quality import Scrutiny
        from nexus_lsp.core.settings import Settings
        from nexus_lsp.ports import Outcome

        plan = Plan(
            "As told.",
            tuple(
                Task(f"t{n}", title, agent, "implementation", title, (f"t{n - 1}",) if n else ())
                for n, (agent, title, _) in enumerate(tasks)
            ),
        )

        class Agents:
            name = "local"

            async def work(self, assignment: Any, report: Any, line: Any) -> Any:
                tasks[int(assignment.task.id[1:])][2](assignment.checkout)
                return Outcome("done", "Done as told.")

        class Prime:
            source = "told"

            async def plan(self, brief: Any) -> Any:
                return plan

        async def no_gates(*_: Any) -> tuple[()]:
            return ()

        async def no_scrutiny(*_: Any) -> Scrutiny:
            return Scrutiny()

        env = {"NEXUS_STATE_DIR": str(self.state), "PATH": os.environ["PATH"]}
        with (
            patch.object(app.Staff, "backend", lambda _self, _name: Agents()),
            patch.object(app.Staff, "planner", lambda _self, _team: (Prime(), "a test")),
            patch("nexus_lsp.adapters.gates.WorkspaceGates.measure", no_gates),
            patch("nexus_lsp.adapters.gates.WorkspaceGates.scrutinise", no_scrutiny, create=True),
        ):
            return await self._delegate(await app.connect(self.root, Settings(team="local"), env))

    async def _delegate(self, api: Any) -> str:
        answer = await api.execute("delegate", {"request": "as told"})
        run_id = answer["run_id"]
        for _ in range(1200):
            run = await api.execute("run", {"run_id": run_id})
            if run["status"] in ("ready", "failed", "completed"):
                break
            await asyncio.sleep(0.02)
        await api.close()
        assert run["status"] == "ready", (run["status"], run["reason"], run["tasks"])
        return run_id
