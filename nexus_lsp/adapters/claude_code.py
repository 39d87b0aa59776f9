"""The agents' backend on Claude Code: an assignment in, an outcome out, no process left behind.

One process and one conversation an attempt. Every agent has a directory of its own (a berth) under the
state directory, kept from attempt to attempt so that its session can be resumed.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nexus_lsp.adapters.claude_attempt import Attempt
from nexus_lsp.adapters.claude_launcher import (
    Berth,
    Hold,
    board,
    end_tree,
    environment,
    find_cli,
    find_hold,
    has_credentials,
)
from nexus_lsp.adapters.claude_session import Talk, converse
from nexus_lsp.core.personas import claude_tools, current_model
from nexus_lsp.core.prompts import standing_orders, task_prompt
from nexus_lsp.ports import Assignment, Line, Outcome, Readiness, Report

__all__ = ["ClaudeCodeBackend", "has_credentials"]

_BEAT = 0.2
"""Seconds between two looks of the watchdog."""

_GOODBYE = 8.0
"""Seconds within which a stopped conversation must be over."""


@dataclass(frozen=True, slots=True)
class _Work:
    """One `work` call in progress: how to stop it, and when it is over."""

    stop: asyncio.Event
    over: asyncio.Future[None]


class ClaudeCodeBackend:
    """Does tasks with Claude Code.

    Args:
        state_dir: where agents' directories go; never inside a workspace.
        env: the user's environment; only allow-listed names of it reach an agent.
        home: the user's home, for a login; hidden from agents where bubblewrap works.
        cli: the CLI, where it is not the bundled one. `hold`: see `claude_launcher`; found out if None.
        readable: what agents must read of the user's home or `/tmp` besides their checkout.
        silence: seconds without a word from the model after which an attempt is broken off (twice that
            while the line is kept open); None for what the persona's models may take, at least five minutes.
        retries: how often a failed call to the service is repeated before the attempt counts as broken.
    """

    name = "claude"

    def __init__(
        self,
        state_dir: Path,
        env: Mapping[str, str],
        home: Path | None = None,
        *,
        cli: Path | None = None,
        hold: Hold | None = None,
        readable: Sequence[Path] = (),
        silence: float | None = None,
        retries: int = 4,
    ) -> None:
        self._agents = state_dir / "agents"
        self._env = env
        self._home = home or Path.home()
        self._cli = cli
        self._hold: Hold | None = hold
        self._readable = tuple(readable)
        self._silence = silence
        self._retries = retries
        self._running: dict[Berth, _Work] = {}

    async def work(self, assignment: Assignment, report: Callable[[Report], None], line: Line) -> Outcome:
        """Do the task in its checkout. Never raises for what the work or the service did wrong."""
        why = self._cannot(assignment)
        if why:
            return Outcome("broken", why)
        berth = Berth(self._agents / assignment.run_id / assignment.task.id)
        attempt = Attempt(assignment, report, line, self._silence, self._credential())
        work = _Work(asyncio.Event(), asyncio.get_running_loop().create_future())
        while earlier := self._running.get(berth):  # cancelled and still leaving: the berth is one agent's
            await asyncio.shield(earlier.over)
        self._running[berth] = work
        try:
            talk = await self._prepare(assignment, berth, line)
            await self._converse(talk, attempt, work.stop, berth)
        except OSError as error:
            told = f"Claude Code could not be started: {error}."
            return Outcome("broken", told, retryable=True, fault="program")
        finally:
            del self._running[berth]
            work.over.set_result(None)
            berth.clear()
        return attempt.outcome()

    async def check(self) -> Sequence[Readiness]:
        """What is there and what is missing."""
        return (await self._check_cli(), self._check_credentials(), await self._check_hold())

    async def close(self) -> None:
        """End every process this backend started."""
        for work in self._running.values():
            work.stop.set()
        if self._running:
            await asyncio.wait([work.over for work in self._running.values()], timeout=_GOODBYE)
        for berth in list(self._running):
            end_tree(berth)

    def forget(self, run_id: str) -> None:
        """Remove what the agents of a run left in their directories; none of its sessions can be resumed."""
        shutil.rmtree(self._agents / run_id, ignore_errors=True)

    # --- one attempt ---------------------------------------------------------------------------------

    def _cannot(self, assignment: Assignment) -> str:
        """Why no attempt can be made, or ""."""
        if sys.platform == "win32":
            return "Claude Code agents need Linux or macOS. On Windows, run NEXUS inside WSL."
        ok, why = has_credentials(self._env, self._home)
        if not ok:
            return why
        if self._program() is None:
            return "Claude Code is missing. Install it with `pip install --force-reinstall claude-agent-sdk`."
        if not assignment.checkout.is_dir():
            return f"The checkout {assignment.checkout} is not there."
        return ""

    async def _prepare(self, assignment: Assignment, berth: Berth, line: Line) -> Talk:
        persona = assignment.persona
        cli = self._program()
        assert cli is not None
        hold = await self._held()
        resume = assignment.session_id
        if resume is not None and not berth.knows(resume):
            resume = None
        more = {"CLAUDE_CODE_MAX_RETRIES": str(self._retries)}
        env = environment(self._env, berth, hold, more)
        launcher = await asyncio.to_thread(
            board,
            berth,
            cli=cli,
            hold=hold,
            checkout=assignment.checkout,
            env=env,
            home=self._home,
            orders=standing_orders(
                persona,
                trusted=assignment.trusted,
                team_tools=True,
                situation=assignment.situation,
                task=assignment.task,
            ),
            readable=self._readable,
        )
        return Talk(
            launcher=launcher,
            env=env,
            checkout=assignment.checkout,
            orders=berth.orders,
            prompt=_prompt(assignment, resumed=resume is not None),
            model=current_model(persona.claude_configuration.model),
            tools=claude_tools(persona, assignment.trusted),
            line=line,
            resume=resume,
            max_usd=assignment.max_usd,
        )

    async def _converse(self, talk: Talk, attempt: Attempt, stop: asyncio.Event, berth: Berth) -> None:
        """Run the conversation under the watchdog; when this returns or raises, its process is gone."""

        async def end() -> None:
            await asyncio.to_thread(end_tree, berth)

        talking = asyncio.create_task(converse(talk, attempt.take, stop, end))
        try:
            while not talking.done() and not attempt.overdue() and not stop.is_set():
                await asyncio.wait({talking}, timeout=_BEAT)
        finally:
            stop.set()
            await _leave(talking, berth)

    # --- what there is -------------------------------------------------------------------------------

    def _program(self) -> Path | None:
        if self._cli is None:
            return find_cli()
        return self._cli if self._cli.is_file() else None

    async def _held(self) -> Hold:
        if self._hold is not None:
            return self._hold
        return (await asyncio.to_thread(find_hold)).hold

    def _credential(self) -> str:
        for name in ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"):
            if self._env.get(name):
                return name
        return ""

    def _check_credentials(self) -> Readiness:
        ok, why = has_credentials(self._env, self._home)
        if ok:
            return Readiness("Claude credentials", True, why)
        detail, _, mend = why.partition(". ")
        return Readiness("Claude credentials", False, detail, mend)

    async def _check_cli(self) -> Readiness:
        cli = self._program()
        mend = "Run `pip install --force-reinstall claude-agent-sdk`."
        if cli is None:
            return Readiness("Claude Code", False, "it is not installed", mend)
        env = {"PATH": self._env.get("PATH", ""), "DISABLE_AUTOUPDATER": "1", "HOME": str(self._agents)}
        try:
            process = await asyncio.create_subprocess_exec(
                cli, "--version", env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            said, _ = await asyncio.wait_for(process.communicate(), 20)
        except (OSError, TimeoutError) as error:
            return Readiness("Claude Code", False, f"{cli} does not start ({error})", mend)
        version = said.decode(errors="replace").strip()[:100]
        works = process.returncode == 0
        return Readiness("Claude Code", works, f"{version} ({cli})", "" if works else mend)

    async def _check_hold(self) -> Readiness:
        hold, detail = await asyncio.to_thread(find_hold)
        if hold == "bwrap":
            return Readiness("agents' hold", True, f"{detail}: agents write in their checkouts only")
        weaker = "a reaper ends agents' processes, but a trusted shell can write outside its checkout"
        mend = "Install bubblewrap (Debian, Ubuntu: `apt install bubblewrap`) and allow user namespaces."
        return Readiness("agents' hold", False, f"{detail}; {weaker}", mend)


async def _leave(talking: asyncio.Task[None], berth: Berth) -> None:
    """Wait for a stopped conversation; kill it where it does not end. A second cancel kills at once."""
    try:
        await asyncio.wait({talking}, timeout=_GOODBYE)
        if not talking.done():
            await asyncio.to_thread(end_tree, berth)
            await asyncio.wait({talking}, timeout=_GOODBYE)
    finally:
        end_tree(berth)
        if not talking.done():
            talking.cancel()


def _prompt(assignment: Assignment, *, resumed: bool) -> str:
    return task_prompt(
        assignment.task,
        request=assignment.request,
        plan_summary=assignment.plan_summary,
        attempt=assignment.attempt,
        results=assignment.results,
        evidence=assignment.evidence,
        notes=assignment.notes,
        project_text=assignment.project_text,
        changed_paths=assignment.changed_paths,
        memories=assignment.memories,
        messages=assignment.letters,
        scratchpad=assignment.scratchpad,
        resumed=resumed,
    )
