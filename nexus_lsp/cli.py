"""The command line: parses arguments, joins the faces to the wiring, gives exit codes."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nexus_lsp import __version__
from nexus_lsp.cli_types import amount, dollars, line_of, named

if TYPE_CHECKING:
    from rich.console import Console

    from nexus_lsp.core.settings import Settings
    from nexus_lsp.ports import EngineApi, Face

USAGE, FAILED, CANCELLED = 2, 1, 3
ACTIONS = ("ask", "list", "accept", "reject", "undo", "resolve", "revise", "commit", "why", "diff")


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit with its code."""
    args = _parser().parse_args(argv)
    sys.exit(args.run(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("nexus-lsp", description="A team of coding agents inside your editor.")
    parser.add_argument("--version", action="version", version=f"nexus-lsp {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _serve_arguments(commands.add_parser("serve", help="the language server, for editors"))
    _delegate_arguments(
        commands.add_parser("delegate", help="give the team a request and review what it does")
    )
    _review_arguments(commands.add_parser("review", help="see, accept, reject and undo what is proposed"))
    _memory_arguments(commands.add_parser("memory", help="search, export and forget what the team remembers"))
    _say_arguments(commands.add_parser("say", help="say something to agents at work"))
    _demo_arguments(commands.add_parser("demo", help="see the whole way once, on a sample repository"))
    for name, run, told in (
        ("trust", _trust, "let NEXUS run this workspace's code (tests, setup)"),
        ("runs", _runs, "list the runs of this workspace"),
        ("doctor", _doctor, "check keys, Claude Code, git, sandbox, and say how to mend each"),
    ):
        sub = commands.add_parser(name, help=told)
        sub.add_argument("directory", nargs="?", type=Path, default=Path())
        sub.set_defaults(run=run)
        if name == "runs":
            sub.add_argument("--resume", metavar="RUN", help="go on with a run that was cut off or paused")
            sub.add_argument("--cancel", metavar="RUN", help="give a run up; what landed can be reviewed")
            sub.add_argument("--transcript", metavar="RUN", help="all that happened in a run, in order")
        if name == "trust":
            sub.add_argument("--remove", action="store_true", help="take the trust back")
    return parser


def _serve_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--stdio", action="store_true", help="speak over stdin and stdout (the only way)")
    sub.set_defaults(run=_serve)


def _delegate_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("request", help="what the team is to do, in a sentence")
    sub.add_argument("--workspace", type=Path, default=Path(), metavar="DIR")
    sub.add_argument("--team", choices=("auto", "claude", "local"), default="auto")
    sub.add_argument("--accept", choices=("all", "none", "ask"), default=None)
    sub.add_argument("--priority", choices=("low", "medium", "high", "critical"), default="medium")
    sub.add_argument(
        "--approval", choices=("auto", "ask"), default="auto", help="whether you approve the plan"
    )
    sub.add_argument("--trust", action="store_true", help="let this run run the workspace's code")
    sub.add_argument(
        "--budget", type=dollars, default=None, metavar="USD", help="pause once it has cost that"
    )
    sub.add_argument("--budget-tokens", type=amount, default=None, metavar="N", help="the same in tokens")
    sub.add_argument("--budget-seconds", type=amount, default=None, metavar="N", help="the same in seconds")
    sub.add_argument("--test-command", default=None, metavar="COMMAND")
    sub.add_argument(
        "--permissions",
        choices=("ask", "askAll", "allow", "deny"),
        default="ask",
        help="before an agent's command that reaches beyond its copy (askAll: before every command)",
    )
    sub.add_argument("--json", action="store_true", help="print one event a line")
    sub.set_defaults(run=_delegate)


def _review_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("action", nargs="?", choices=ACTIONS, default="ask")
    sub.add_argument(
        "ids",
        nargs="*",
        metavar="CHANGE",
        help="ids of changes, groups or runs, or paths; last of `resolve`, how; of `why`, FILE:LINE",
    )
    sub.add_argument("--workspace", type=Path, default=Path(), metavar="DIR")
    sub.add_argument("--reason", default="", help="why you reject; the agents hear it")
    sub.add_argument("--feedback", default="", help="what is to be different, for `revise`")
    sub.add_argument("--with-needed", action="store_true", help="accept or undo what belongs to it as well")
    sub.add_argument("--anyway", action="store_true", help="accept or undo it whatever it needs")
    sub.add_argument("--all", action="store_true", help="list every change, however many there are")
    sub.add_argument("--branch", default=None, metavar="NAME", help="accept into a new branch of this name")
    sub.add_argument("--message", default=None, metavar="TEXT", help="the commit's message, not the draft")
    sub.add_argument("--notes", action="store_true", help="keep who, why and evidence in refs/notes/nexus")
    sub.add_argument("--whole-files", action="store_true", help="commit your own edits of these files, too")
    sub.add_argument("--dry-run", action="store_true", help="only say what would be committed")
    sub.set_defaults(run=_review)


def _memory_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("action", choices=("search", "export", "forget"))
    sub.add_argument("words", nargs="*", metavar="WORD", help="what to search for, or ids of items to forget")
    sub.add_argument("--agent", default=None, metavar="AGENT", help="only what this persona remembers")
    sub.add_argument("--everything", action="store_true", help="forget all of it")
    sub.add_argument("--workspace", type=Path, default=Path(), metavar="DIR")
    sub.set_defaults(run=_memory)


def _say_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("run_id", metavar="RUN")
    sub.add_argument("to", metavar="TO", help="a task's id, an agent's name, or `team`")
    sub.add_argument("text", metavar="TEXT")
    sub.add_argument("--workspace", type=Path, default=Path(), metavar="DIR")
    sub.set_defaults(run=_say)


def _demo_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("directory", nargs="?", type=Path, help="a folder of yours instead of the sample")
    sub.add_argument("--request", default=None, help="what the team is to do there")
    sub.add_argument("--team", choices=("auto", "claude", "local"), default="auto")
    sub.set_defaults(run=_demo)


def _serve(args: argparse.Namespace) -> int:
    if not args.stdio:
        print("nexus-lsp serve: say --stdio; no other transport is safe to offer.", file=sys.stderr)
        return USAGE
    from nexus_lsp.lsp.server import serve

    return serve(_connect)


async def _connect(directory: Path, settings: Settings, face: Face) -> EngineApi:
    from nexus_lsp.app import connect

    return await connect(directory, settings, os.environ, face)


def _delegate(args: argparse.Namespace) -> int:
    from nexus_lsp.core.budget import Allowance, Budgets
    from nexus_lsp.core.settings import Settings

    argument = {
        "request": args.request,
        "team": args.team,
        "approval": args.approval,
        "priority": args.priority,
    }
    settings = Settings(
        trusted=args.trust,
        budget=args.budget,
        budgets=Budgets(run=Allowance(tokens=args.budget_tokens, seconds=args.budget_seconds)),
        test_command=args.test_command,
        permissions=args.permissions,
    )
    accept = args.accept or ("ask" if sys.stdin.isatty() and not args.json else "none")

    async def run(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal.delegate import delegate

        return await delegate(api, console, argument, accept, args.json)

    return _with_engine(args.workspace, settings, run, quiet=args.json)


def _demo(args: argparse.Namespace) -> int:
    """On the sample everything is decided by itself; on a folder of the user's, by the user."""
    from nexus_lsp.core.settings import Settings
    from nexus_lsp.terminal.demo import REQUEST

    argument = {"request": args.request or REQUEST, "team": args.team}
    if args.directory is not None:
        accept = "ask" if sys.stdin.isatty() else "none"

        async def own(api: EngineApi, console: Console) -> int:
            from nexus_lsp.terminal.delegate import delegate

            return await delegate(api, console, argument, accept, as_json=False)

        return _with_engine(args.directory, Settings(), own)

    from tempfile import mkdtemp

    place = Path(mkdtemp(prefix="nexus-demo-"))

    async def sample(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal.demo import demo

        return await demo(api, console, argument)

    return _with_engine(place, Settings(trusted=True), sample, prepare=_fetch)


async def _fetch(directory: Path, console: Console) -> Path:
    from nexus_lsp.adapters.sample import NAME, VERSION, fetch_sample

    console.print(f"Fetching a real repository to work on: {NAME} {VERSION} …")
    return await fetch_sample(directory)


def _review(args: argparse.Namespace) -> int:
    from nexus_lsp.core.settings import Settings

    async def run(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal import committing, review

        ids = [named(word, args.workspace) for word in args.ids]
        if args.action == "commit":
            asked = {"message": args.message, "notes": args.notes, "dry_run": args.dry_run}
            return await committing.commit(api, console, args.ids, asked | {"whole_files": args.whole_files})
        if args.action == "accept" and args.branch is not None:
            asked = {"name": args.branch, "message": args.message, "notes": args.notes}
            return await committing.branch(api, console, ids, asked)
        if args.action == "why":
            return await committing.why(api, console, [line_of(word, args.workspace) for word in args.ids])
        if args.action == "diff":
            return await committing.diff(api, console, ids)
        how = (args.reason, args.with_needed, args.anyway, args.all)
        return await review.command(api, console, review.Wish(args.action, tuple(ids), *how))

    async def revise(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal.delegate import revise

        ids = [named(word, args.workspace) for word in args.ids]
        return await revise(api, console, ids, args.feedback)

    if args.action == "revise":
        return _with_engine(args.workspace, Settings(), revise)
    return _with_engine(args.workspace, Settings(), run, at_rest=True)


def _memory(args: argparse.Namespace) -> int:
    from nexus_lsp.core.settings import Settings

    async def run(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal import memory

        if args.action == "search":
            return await memory.search(api, console, " ".join(args.words), args.agent)
        if args.action == "export":
            return await memory.export(api, console)
        return await memory.forget(api, console, args.words, args.agent, args.everything)

    return _with_engine(args.workspace, Settings(), run, at_rest=True)


def _say(args: argparse.Namespace) -> int:
    from nexus_lsp.core.settings import Settings

    async def run(api: EngineApi, console: Console) -> int:
        given = {"run_id": args.run_id, "to": args.to, "text": args.text}
        sent = await api.execute("message.send", given)
        console.print(f"Sent as {sent['message_id']}; it is read at the next step.")
        return 0

    return _with_engine(args.workspace, Settings(), run, at_rest=True)


def _runs(args: argparse.Namespace) -> int:
    from nexus_lsp.core.settings import Settings

    async def run(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal.show import runs_table

        if args.cancel:
            await api.execute("run.cancel", {"run_id": args.cancel})
        runs = (await api.execute("runs", {}))["runs"]
        console.print(runs_table(runs) if runs else 'No runs yet: `nexus-lsp delegate "…"` starts one.')
        return 0

    async def go_on(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal.delegate import resume

        return await resume(api, console, args.resume)

    async def transcript(api: EngineApi, console: Console) -> int:
        from nexus_lsp.terminal.delegate import transcript

        return await transcript(api, console, args.transcript)

    if args.resume:
        return _with_engine(args.directory, Settings(), go_on)
    if args.transcript:
        return _with_engine(args.directory, Settings(), transcript, at_rest=True)
    return _with_engine(args.directory, Settings(), run, at_rest=True)


def _with_engine(
    directory: Path,
    settings: Settings,
    run: Callable[[EngineApi, Console], Awaitable[int]],
    quiet: bool = False,
    prepare: Callable[[Path, Console], Awaitable[Path]] | None = None,
    at_rest: bool = False,
) -> int:
    """Join the workspace's engine, do something with it, leave it; problems become a sentence."""
    import logging

    from rich.console import Console
    from rich.text import Text

    from nexus_lsp.core.problems import InvalidArgument, Refused
    from nexus_lsp.ports import JournalFailed, RepositoryFailed

    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    # an agent that is killed is told as an event, and so is an engine that ends
    logging.getLogger("claude_agent_sdk").setLevel(logging.CRITICAL)
    logging.getLogger("nexus_lsp.adapters.shared_engine").setLevel(logging.CRITICAL)
    console = Console(stderr=quiet, highlight=False)
    try:
        return asyncio.run(_joined(directory, settings, run, console, prepare, at_rest))
    except InvalidArgument as error:
        console.print(Text(str(error), "red"))
        return USAGE
    except (Refused, JournalFailed, RepositoryFailed) as error:
        console.print(Text(str(error), "red"))
        return FAILED
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("[yellow]Cancelled.[/] What landed can be reviewed: `nexus-lsp review`.")
        return CANCELLED


async def _joined(
    directory: Path,
    settings: Settings,
    run: Callable[[EngineApi, Console], Awaitable[int]],
    console: Console,
    prepare: Callable[[Path, Console], Awaitable[Path]] | None,
    at_rest: bool,
) -> int:
    from nexus_lsp.app import connect

    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    workspace = await prepare(directory, console) if prepare else directory
    api = await connect(workspace, settings, os.environ, at_rest=at_rest)
    try:
        return await run(api, console)
    finally:
        await api.close()


def _trust(args: argparse.Namespace) -> int:
    from nexus_lsp.adapters.state import state_root, workspace_of
    from nexus_lsp.adapters.trust import TrustStore
    from nexus_lsp.core.problems import Refused

    try:
        workspace = workspace_of(args.directory)
        store = TrustStore(state_root(os.environ))
        (store.untrust if args.remove else store.trust)(workspace)
    except (Refused, OSError) as error:
        print(f"nexus-lsp trust: {error}", file=sys.stderr)
        return FAILED
    if args.remove:
        print(f"NEXUS no longer runs code of {workspace}.")
    else:
        print(f"NEXUS may now run code of {workspace} (its tests, its setup).")
        print("`nexus-lsp trust --remove` takes it back.")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from nexus_lsp.doctor import doctor
    from nexus_lsp.terminal.doctor import show_readiness

    return show_readiness(asyncio.run(doctor(args.directory, os.environ)))
