"""Reading blobs: one long-lived `git cat-file --batch`, started at the first read."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import DEVNULL, Process

from nexus_lsp.adapters.git_command import Git, RepositoryFailed, stop

_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class BlobReader:
    """Reads one blob at a time; several readers wait for one another."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    async def read(self, blob: str) -> bytes:
        """A blob's bytes; KeyError where there is none."""
        if not _OBJECT_ID.fullmatch(blob):
            raise KeyError(blob)
        async with self._turn:
            try:
                return await self._ask(await self._running(), blob)
            except KeyError:
                raise
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                await self._leave()
                raise RepositoryFailed("git cat-file ended while a file was read.") from error
            except BaseException:
                # Cancelled in the middle of an answer: the rest of it would be taken for the next one.
                await self._leave()
                raise

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            await self._leave()

    async def _running(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await self._git.start("cat-file", "--batch", stderr=DEVNULL)
        return self._process

    async def _ask(self, process: Process, blob: str) -> bytes:
        assert process.stdin and process.stdout
        process.stdin.write(blob.encode() + b"\n")
        await process.stdin.drain()
        header = (await process.stdout.readuntil(b"\n")).split()
        if header[1] == b"missing":
            raise KeyError(blob)
        content = await process.stdout.readexactly(int(header[2]) + 1)
        if header[1] != b"blob":
            raise KeyError(blob)
        return content[:-1]

    async def _leave(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await stop(process)
