"""The socket between faces and the engine, both ends in this process and the engine a fake."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from nexus_lsp.adapters import socket_client, socket_place, socket_server, socket_wire
from nexus_lsp.adapters.shared_engine import MOVED, SharedEngine
from nexus_lsp.adapters.socket_place import LONGEST, address
from nexus_lsp.adapters.socket_server import SocketServer
from nexus_lsp.core.changes import Applied, Change
from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.core.settings import Settings
from nexus_lsp.ports import CarriedOut, Face, JournalFailed

CHANGE = Change("change_1", ("t",), ("a",), "x\udcff.py", "edit", "why", "blob", 3, "old\r\n", "nëw\n")


class FakeEngine:
    """An engine whose events tests make; the seam that `LocalApi` fills."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.faces: list[Face] = []
        self.hears: list[Callable[[dict[str, Any]], None]] = []
        self.done: list[tuple[str, Mapping[str, Any]]] = []
        self.hangs = asyncio.Event()
        self.left = asyncio.Event()

    def happen(self, kind: str = "something", **more: Any) -> None:
        self.events.append({"seq": len(self.events) + 1, "type": kind, **more})
        for hear in list(self.hears):
            hear(self.events[-1])


class FakeApi:
    def __init__(self, engine: FakeEngine, face: Face | None) -> None:
        self.engine, self.face = engine, face
        if face:
            engine.faces.append(face)

    @property
    def seq(self) -> int:
        return len(self.engine.events)

    def listen(self, hear: Callable[[dict[str, Any]], None], after: int | None = None) -> Callable[[], None]:
        for event in self.engine.events[after:] if after is not None else ():
            hear(event)
        self.engine.hears.append(hear)
        return lambda: self.engine.hears.remove(hear)

    async def execute(self, name: str, argument: Mapping[str, Any]) -> dict[str, Any]:
        self.engine.done.append((name, argument))
        errors = {"a": InvalidArgument, "u": Unknown, "r": Refused, "j": JournalFailed, "v": ValueError}
        if name in errors:
            raise errors[name](f"{name}: ein Satz")
        if name == "hang":
            self.engine.hangs.set()
            await asyncio.Event().wait()
        return {"did": name}

    async def close(self) -> None:
        if self.face in self.engine.faces:
            self.engine.faces.remove(self.face)
        self.engine.left.set()


class FakeFace:
    def __init__(self) -> None:
        self.asked: list[tuple[Change, bool]] = []
        self.hangs = False
        self.called = asyncio.Event()

    async def open_texts(self) -> Mapping[str, str]:
        return {"x\udcff.py": "text\n"}

    def can_carry(self, kind: str) -> bool:
        return kind == "edit"

    async def carry_out(self, changes: Any, undo: bool = False) -> CarriedOut:
        self.called.set()
        if self.hangs:
            await asyncio.Event().wait()
        self.asked += [(c, undo) for c in changes]
        return CarriedOut(tuple(c.id for c in changes), (("other", "why"),), ("x.py",))


@asynccontextmanager
async def serving(state: Path, engine: FakeEngine) -> AsyncIterator[SocketServer]:
    server = SocketServer(state, lambda face: FakeApi(engine, face))
    await server.start(os.environ)
    try:
        yield server
    finally:
        await server.close()


async def joined(state: Path, face: Face | None = None, take: Any = None) -> SharedEngine:
    async def nobody(_settings: Settings) -> None:
        return None

    shared = SharedEngine(state, Settings(team="local"), face, take or nobody)
    await shared.join()
    return shared


@pytest.fixture
def state(tmp_path: Path) -> Path:
    place = tmp_path / "state"
    place.mkdir(mode=0o700)
    return place


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.parametrize("depth", [0, 130])
async def test_only_this_user_can_open_it_however_long_the_path(tmp_path: Path, depth: int):
    state = tmp_path / ("d" * depth or "s")
    state.mkdir(mode=0o700)
    async with serving(state, FakeEngine()):
        at = address(state)
        assert at and stat.S_ISSOCK(at.stat().st_mode) and len(os.fsencode(at)) <= LONGEST
        assert (mode(at), mode(at.parent)) == (0o600, 0o700)
        shared = await joined(state)
        assert await shared.execute("runs", {}) == {"did": "runs"}
        await shared.close()
    assert not at.exists() and address(state) is None
    assert (at.parent == state) == (depth == 0)
    assert depth == 0 or not at.parent.exists()


@pytest.mark.parametrize("depth", [0, 130])
async def test_what_a_killed_holder_left_does_not_block(tmp_path: Path, depth: int):
    state = tmp_path / ("d" * depth or "s")
    state.mkdir(mode=0o700)
    socket_place.listening(state, os.environ).close()
    left = address(state)
    async with serving(state, FakeEngine()):
        await (await joined(state)).close()
    assert left and not left.exists()


async def test_another_user_is_hung_up_on(state: Path, monkeypatch: pytest.MonkeyPatch):
    engine = FakeEngine()
    async with serving(state, engine):
        monkeypatch.setattr(socket_server, "peer_of", lambda _socket: (os.getpid(), os.geteuid() + 1))
        reader, writer = await asyncio.open_unix_connection(str(address(state)))
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xfe\x00\n",
        b"[]\n",
        b"{}\n",
        b'{"id": "x", "call": "attach", "with": {}}\n',
        b"[" * 100_000 + b"\n",
        b'{"id": 1, "ok": 3}\n',
        b"{" + b" " * 3000 + b"}\n",
        b'{"tell": "half',
    ],
)
async def test_garbage_closes_its_own_connection_only(
    state: Path, garbage: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(socket_server, "MAX_MESSAGE", 2000)
    async with serving(state, FakeEngine()):
        shared = await joined(state)
        reader, writer = await asyncio.open_unix_connection(str(address(state)))
        writer.write(garbage)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
        assert await shared.execute("runs", {}) == {"did": "runs"}
        await shared.close()


async def test_nothing_is_done_before_attach_and_another_version_is_told(state: Path):
    engine = FakeEngine()
    async with serving(state, engine):
        reader, writer = await asyncio.open_unix_connection(str(address(state)))
        for call, told in (("execute", "nothing to ask"), ("attach", "Another version")):
            message = {"id": 1, "call": call, "with": {"name": "runs", "argument": {}}}
            writer.write(json.dumps(message).encode() + b"\n")
            assert told in json.loads(await reader.readline())["why"]
        writer.close()
    assert engine.done == []


@pytest.mark.parametrize(
    ("name", "kind"), [("a", InvalidArgument), ("u", Unknown), ("r", Refused), ("j", JournalFailed)]
)
async def test_errors_keep_their_kind_and_sentence(state: Path, name: str, kind: type[Exception]):
    async with serving(state, FakeEngine()):
        shared = await joined(state)
        with pytest.raises(kind, match=f"{name}: ein Satz") as raised:
            await shared.execute(name, {})
        assert type(raised.value) is kind
        with pytest.raises(RuntimeError, match="NEXUS failed at execute"):
            await shared.execute("v", {})
        await shared.close()


async def test_a_face_elsewhere_shows_its_text_and_carries_out(state: Path):
    engine, mine = FakeEngine(), FakeFace()
    async with serving(state, engine):
        shared = await joined(state, mine)
        [face] = engine.faces
        assert await face.open_texts() == {"x\udcff.py": "text\n"}
        assert face.can_carry("edit") and not face.can_carry("create")
        out = await face.carry_out([CHANGE], undo=True)
        assert out == CarriedOut(("change_1",), (("other", "why"),), ("x.py",))
        assert mine.asked == [(CHANGE, True)]
        await shared.close()
        await asyncio.wait_for(engine.left.wait(), 5)
        assert engine.faces == [] and await face.open_texts() == {}


async def test_a_face_that_dies_or_hangs_while_it_carries_out_refuses(
    state: Path, monkeypatch: pytest.MonkeyPatch
):
    engine, mine = FakeEngine(), FakeFace()
    mine.hangs = True
    async with serving(state, engine):
        shared = await joined(state, mine)
        [face] = engine.faces
        out = asyncio.ensure_future(face.carry_out([CHANGE]))
        await mine.called.wait()
        await shared.close()
        assert "went away" in (await asyncio.wait_for(out, 5)).refused[0][1]
        monkeypatch.setattr(socket_server, "CARRY_SECONDS", 0.05)
        shared = await joined(state, mine)
        assert "in time" in (await engine.faces[-1].carry_out([CHANGE])).refused[0][1]
        await shared.close()


async def test_each_faces_settings_count_for_what_it_delegates(state: Path):
    engine = FakeEngine()
    async with serving(state, engine):
        shared = await joined(state)
        await shared.execute("settings", {"trusted": True})
        await shared.execute("delegate", {"request": "x", "settings": {"trusted": False}})
        [_, (_, argument)] = engine.done
        assert argument["settings"]["trusted"] and argument["settings"]["team"] == "local"
        await shared.close()


async def test_listeners_hear_every_event_once_across_two_holders(state: Path):
    engine, heard = FakeEngine(), list[int]()
    engine.happen()
    free = asyncio.Event()

    async def take(_settings: Settings) -> FakeApi | None:
        return FakeApi(engine, None) if free.is_set() else None

    async with serving(state, engine):
        shared = await joined(state, take=take)
        stop = shared.listen(lambda event: heard.append(event["seq"]))
        engine.happen()
        await shared.execute("runs", {})
        asked = asyncio.ensure_future(shared.execute("hang", {}))
        await engine.hangs.wait()
    engine.happen()
    with pytest.raises(Refused, match=MOVED):
        await asked
    async with serving(state, engine):
        assert await shared.execute("runs", {}) == {"did": "runs"}
        engine.happen()
        await shared.execute("runs", {})
        free.set()
    engine.happen()
    await shared.execute("runs", {})
    engine.happen()
    assert heard == [2, 3, 4, 5, 6]
    stop()
    engine.happen()
    assert heard[-1] == 6
    await shared.close()


async def test_an_accept_the_dead_holder_did_not_journal_is_told_to_the_next(state: Path):
    first, second, mine = FakeEngine(), FakeEngine(), FakeFace()
    async with serving(state, first):
        shared = await joined(state, mine)
        await first.faces[0].carry_out([CHANGE])
    async with serving(state, second):
        await shared.execute("runs", {})
        (said,) = [argument for name, argument in second.done if name == "review.carried"]
        put = asdict(Applied.by(CHANGE))
        assert said == {"change_ids": ["change_1"], "applied": {"change_1": put}}
        await shared.close()


async def test_a_held_workspace_that_nobody_can_reach_is_told_of(
    state: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("nexus_lsp.adapters.shared_engine.JOIN_SECONDS", 0.1)
    with pytest.raises(Refused, match="cannot be reached"):
        await joined(state)
    deaf = socket_place.listening(state, os.environ)
    deaf.listen()
    monkeypatch.setattr(socket_client, "ATTACH_SECONDS", 0.1)
    with pytest.raises(Refused, match="does not answer"):
        await joined(state)
    deaf.close()


async def test_too_much_for_one_message_is_refused_and_the_connection_stays(
    state: Path, monkeypatch: pytest.MonkeyPatch
):
    async with serving(state, FakeEngine()):
        shared = await joined(state)
        monkeypatch.setattr(socket_wire, "MAX_MESSAGE", 2000)
        with pytest.raises(Refused, match="too much"):
            await shared.execute("delegate", {"request": "x" * 5000})
        assert await shared.execute("runs", {}) == {"did": "runs"}
        await shared.close()


async def test_a_process_that_the_holder_started_is_hung_up_on(state: Path):
    """An agent at work is a descendant of the engine's process; it does not decide on its own changes."""
    engine = FakeEngine()
    async with serving(state, engine):
        script = "import socket as s, sys; c = s.socket(s.AF_UNIX); c.connect(sys.argv[1]); print(c.recv(1))"
        child = await asyncio.create_subprocess_exec(
            "python3", "-c", script, str(address(state)), stdout=-1, stderr=-1
        )
        out, err = await asyncio.wait_for(child.communicate(), 20)
        assert out == b"b''\n" or b"reset" in err, (out, err)
