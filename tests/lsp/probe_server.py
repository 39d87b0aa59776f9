"""A tiny server on NEXUS's own base, for tests over a real pipe; it leaves marks in the file `PROBE_MARK`."""

import asyncio
import logging
import os
import sys
from pathlib import Path

from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.lsp.errors import CommandError
from nexus_lsp.lsp.language_server import create_server
from nexus_lsp.lsp.stdio import serve_stdio

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
server = create_server("probe", "1")


def mark(word: str) -> None:
    with Path(os.environ["PROBE_MARK"]).open("a") as file:
        file.write(word + "\n")


@server.command("probe.echo")
async def echo(argument: dict) -> dict:
    return {"got": argument}


@server.command("probe.text")
def text(argument: dict) -> dict:
    document = server.workspace.get_text_document(argument["uri"])
    edits = [[edit.start, edit.end, edit.text] for edit in getattr(document, "edits", ())]
    return {
        "text": document.source,
        "lines": len(document.lines),
        "version": document.version,
        "edits": edits,
    }


@server.command("probe.sleep")
async def sleep(argument: dict) -> str:
    mark("started")
    await asyncio.sleep(argument["seconds"])
    mark("ran on")
    return "slept"


@server.command("probe.fail")
async def fail(argument: dict) -> None:
    raise {
        "command": CommandError(-32001, "There is no run 7; list them with nexus.runs."),
        "unknown": Unknown("There is no run 8."),
        "argument": InvalidArgument("Give one of changeIds and uri."),
        "refused": Refused("The run is over."),
        "bug": RuntimeError("a bug"),
    }[argument["how"]]


@server.command("probe.not_json")
async def not_json(argument: dict) -> object:
    return object()


@server.command("probe.much")
async def much(argument: dict) -> str:
    mark("writing")
    return "x" * 5_000_000


@server.command("probe.print")
async def stray_print(argument: dict) -> str:
    print("a stray print")
    os.system("echo a child's print")
    os.write(1, b"Content-Length: 2\r\n\r\n{}")
    return "printed"


@server.command("probe.stdin")
async def child_reads_stdin(argument: dict) -> int:
    child = await asyncio.create_subprocess_exec("cat", stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    return len(out)


@server.command("probe.ask")
async def ask(argument: dict) -> str:
    """Ask the client, and give up at once; the reply will come late."""
    try:
        await asyncio.wait_for(server.request("probe/question", {"camelCase": 1}), argument["seconds"])
    except TimeoutError:
        return "gave up"
    return "answered"


@server.command("probe.held")
async def held(argument: dict) -> dict:
    protocol = server.protocol
    return {
        "asked": len(protocol._request_futures),
        "running": len(protocol._running),
        "told": len(protocol._told),
    }


@server.command("probe.block")
async def block(argument: dict) -> str:
    """Occupy a worker thread for longer than anybody waits."""
    import time

    asyncio.get_running_loop().run_in_executor(None, time.sleep, 30)
    return "blocking"


@server.feature("probe/told")
async def told(params: dict) -> None:
    await asyncio.sleep(0)


@server.feature("nexus/events")
async def events(params: dict) -> dict:
    server.notify(
        "nexus/event", {"runId": params["runId"], "agent_id": "a", "nested": {"camelCase": [1, None]}}
    )
    return {"events": [], "afterSeq": params["afterSeq"]}


@server.on_close
async def leave_mark() -> None:
    await asyncio.sleep(0.05)
    mark("cleaned up")


if os.environ.get("PROBE_HANGS"):

    @server.on_close
    async def hang() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                mark("refused to go")


if __name__ == "__main__":
    sys.exit(serve_stdio(server))
