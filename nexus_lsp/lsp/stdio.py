"""Serving over stdin and stdout, until something ends it.

**Invariant:** nothing but our writer can reach the editor's stream: descriptor 1 is stderr, descriptor 0
is empty, and children inherit only those.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from nexus_lsp.lsp.framing import Framer
from nexus_lsp.lsp.language_server import NexusLanguageServer

EXIT_SECONDS = 2.0
FLUSH_SECONDS = 0.3
LINGER_SECONDS = 0.2
CHUNK = 64 * 1024
CHUNKS_AHEAD = 16
"""How far the reading thread may run ahead of the loop."""

SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


def serve_stdio(server: NexusLanguageServer) -> int:
    """Serve until the end; the exit code. Blocks, and takes descriptors 0 and 1 for good.

    0: `exit` or end of input after `shutdown`; 1: without; 128 + n: signal n.
    """
    incoming, outgoing = _take_streams()
    return asyncio.run(_serve(server, incoming, outgoing))


async def _serve(server: NexusLanguageServer, incoming: int, outgoing: int) -> int:
    loop = asyncio.get_running_loop()
    ended = server.begin()
    writer = PipeWriter(outgoing, partial(_from_thread, loop, server.end_of_stream))
    server.protocol.set_writer(writer)
    _end_on_signals(loop, server)
    _start_reading(loop, incoming, server)
    code = await ended
    _go_anyway(EXIT_SECONDS, code)
    await server.clean_up()
    await server.protocol.finish(LINGER_SECONDS)
    writer.close()
    _go_anyway(LINGER_SECONDS, code)
    return code


def _take_streams() -> tuple[int, int]:
    """Private duplicates of stdin and stdout, which children do not inherit."""
    incoming, outgoing = os.dup(0), os.dup(1)
    for stream in (incoming, outgoing):
        os.set_blocking(stream, True)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # started without a stderr
        os.dup2(null, 1)
    os.close(null)
    return incoming, outgoing


def _end_on_signals(loop: asyncio.AbstractEventLoop, server: NexusLanguageServer) -> None:
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None:
            with contextlib.suppress(NotImplementedError):  # loops on Windows
                loop.add_signal_handler(number, server.end, 128 + number)


def _go_anyway(seconds: float, code: int) -> None:
    """Leave after this time even if a worker thread or a hook that ignores its cancelling hangs on."""
    timer = threading.Timer(seconds, os._exit, (code,))
    timer.daemon = True
    timer.start()


# --- reading -----------------------------------------------------------------------------------------


def _start_reading(loop: asyncio.AbstractEventLoop, stream: int, server: NexusLanguageServer) -> None:
    """Read in a daemon thread of its own: any kind of stdin, no pool to run out of, no wait at exit."""
    room = threading.Semaphore(CHUNKS_AHEAD)
    framer = Framer()

    def take(data: bytes) -> None:
        room.release()
        for frame in framer.feed(data):
            if isinstance(frame, bytes):
                server.protocol.receive(frame)
            else:
                server.protocol.complain(frame)
        if not data:
            server.end_of_stream()

    def pump() -> None:
        more = True
        while more:
            room.acquire()
            data = _read(stream)
            more = _from_thread(loop, take, data) and bool(data)

    threading.Thread(target=pump, name="nexus-stdin", daemon=True).start()


def _read(stream: int) -> bytes:
    """What has come; empty at the end, which a broken pipe is too."""
    try:
        return os.read(stream, CHUNK)
    except OSError:
        return b""


def _from_thread(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *args: object) -> bool:
    """Run a call in the loop; False where the loop is closed."""
    try:
        loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return False
    return True


# --- writing -----------------------------------------------------------------------------------------


class PipeWriter:
    """Writes in order from a thread of its own: an editor that does not read cannot block the loop."""

    def __init__(self, stream: int, lost: Callable[[], object]):
        self._stream = stream
        self._lost = lost
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nexus-stdout", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        """Queue bytes; returns at once."""
        self._queue.put(data)

    def close(self) -> None:
        """Wait until all is written, for `FLUSH_SECONDS` at most."""
        self._queue.put(None)
        self._thread.join(FLUSH_SECONDS)

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[os.write(self._stream, rest) :]
            except OSError:
                self._lost()
                return
