"""One attempt as its conversation tells it: progress, signs of life, what it used, and how it ended."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

from nexus_lsp.adapters.claude_events import (
    Begun,
    Ended,
    Event,
    Lost,
    Retrying,
    Returned,
    Said,
    Sign,
    Used,
    line_for,
)
from nexus_lsp.ports import (
    Assignment,
    Heard,
    Line,
    Outcome,
    Progress,
    Report,
    SessionStarted,
    Spent,
)

SILENCE = 300.0

_TOOL_SILENCE = 660.0
"""Seconds a tool may run without a word: Claude Code ends a command itself after ten minutes."""

_START_SILENCE = 60.0
"""Seconds the CLI may take to start, on a busy machine or in a large repository."""

_MAX_SUMMARY = 8_000
"""Characters of an outcome's summary."""

_LAST_WORDS = 1_500
"""Characters of what an agent that hung had said last: its successor begins a new conversation."""

HEARD_EVERY = 1.0
"""Seconds between two signs of life that are passed on, at least."""


class Attempt:
    """What is known of one attempt, from the events of its conversation, and the outcome of it all.

    Args:
        silence: seconds without a word from the model after which it is broken off (twice that while the
            line is kept open); None for twice what the persona's models may take to answer, at least SILENCE.
        credential: the environment variable whose key is used, or "".
    """

    def __init__(
        self,
        assignment: Assignment,
        report: Callable[[Report], None],
        line: Line,
        silence: float | None,
        credential: str,
    ) -> None:
        self._assignment = assignment
        self._report = report
        self._line = line
        self._slow = assignment.persona.health.max_response_time
        self._silence = max(SILENCE, 2 * self._slow) if silence is None else silence
        self._credential = credential
        self._session_id: str | None = None
        self._tools: set[str] = set()
        self._tokens = Spent()
        self._said = ""
        self._last: Ended | Lost | None = None
        self._broken: Outcome | None = None
        self._began = self._heard = self._open = time.monotonic()
        self._reported = 0.0
        self._warned = False
        self._asked: float | None = None
        self._responses: list[float] = []

    # --- hearing -------------------------------------------------------------------------------------

    def take(self, event: Event) -> None:
        """Hear one event: report it, remember what matters."""
        self._open = time.monotonic()
        if not (isinstance(event, Sign) and event.ping):
            self._heard, self._warned = self._open, False
        match event:
            case Begun(session_id):
                self._asked = self._open
                if session_id != self._session_id:
                    self._session_id = session_id
                    self._report(SessionStarted(session_id))
            case Used() | Said():
                self._tell(event)
            case Returned(call_id):
                self._tools.discard(call_id)
                self._asked = self._open
            case Retrying(status):
                self._retrying(status)
            case Sign():
                self._count(event)
            case Ended() | Lost():
                self._last = event

    def _tell(self, event: Used | Said) -> None:
        if isinstance(event, Used):
            self._tools.add(event.call_id)
        else:
            self._said = event.text
        line = line_for(event, self._assignment.checkout)
        if line:
            self._report(Progress(line))

    def _retrying(self, status: int | None) -> None:
        if status in (401, 403):
            self._broken = service_fault(status, "", self._credential)
        else:
            told = f"answers {status}" if status else "does not answer"
            self._report(Progress(f"waits: Anthropic {told}, asking again"))

    def _count(self, sign: Sign) -> None:
        if sign.begins and self._asked is not None:
            self._responses.append(self._open - self._asked)
            self._asked = None
        self._tokens = Spent(
            input_tokens=self._tokens.input_tokens + sign.input_tokens,
            output_tokens=self._tokens.output_tokens + sign.output_tokens,
        )
        if self._open - self._reported >= HEARD_EVERY or sign.input_tokens or sign.output_tokens:
            self._reported = self._open
            self._report(Heard(self._tokens.input_tokens + self._tokens.output_tokens))

    # --- watching ------------------------------------------------------------------------------------

    def overdue(self) -> bool:
        """Whether the attempt is to be broken off now; the outcome then says why."""
        if self._broken is not None:
            return True
        waits, waited = self._line.waited()
        now = time.monotonic()
        if self._line.stopped.is_set():
            told = "It was stopped because a budget is spent."
            self._broken = Outcome("broken", told, retryable=True, fault="stopped")
        elif waits:  # for a person, who may take as long as the ask allows
            self._heard = self._open = now
        elif now - self._began - waited > self._assignment.timeout:
            told = f"Claude Code was not done after {self._assignment.timeout:.0f} s."
            self._broken = Outcome("broken", told, retryable=True)
        elif self._is_silent(now):
            told = f"Claude Code fell silent for {now - self._heard:.0f} s.{self._last_words()}"
            self._broken = Outcome("broken", told, retryable=True, fault="hung")
        return self._broken is not None

    def _is_silent(self, now: float) -> bool:
        limit = self._patience()
        if now - self._heard > self._slow and not self._tools and not self._warned and self._session_id:
            self._warned = True
            self._report(Progress(f"has not been heard for {now - self._heard:.0f} s"))
        return now - self._open > limit or now - self._heard > 2 * limit

    def _patience(self) -> float:
        """Seconds of silence to bear: a tool or a start takes its time, a model has to talk."""
        if self._session_id is None:
            return max(self._silence, _START_SILENCE)
        return max(self._silence, _TOOL_SILENCE) if self._tools else self._silence

    def _last_words(self) -> str:
        """What a new conversation should know of this one."""
        said = self._said.strip()
        return f" Before that it said: {said[-_LAST_WORDS:]}" if said else ""

    # --- the end -------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        """How the attempt ended."""
        judged = self._broken or self._judged()
        mean = sum(self._responses) / len(self._responses) if self._responses else None
        return replace(judged, spent=self._spent(), session_id=self._session_id, response_seconds=mean)

    def _judged(self) -> Outcome:
        match self._last:
            case Ended(ok=True, text=text):
                return Outcome("done", (text or self._said or "Done.")[:_MAX_SUMMARY])
            case Ended(status=int(status), text=text):
                return service_fault(status, text, self._credential)
            case Ended(reason="error_max_budget_usd"):
                usd = self._assignment.max_usd or 0.0
                told = f"The task's budget of ${usd:.2f} is spent."
                return Outcome("broken", told, retryable=True, fault="stopped")
            case Ended(reason="refusal", text=text):
                return Outcome("failed", f"Claude declined the task. {text}"[:_MAX_SUMMARY].strip())
            case Ended(reason="api_error", text=text):
                told = f"Anthropic could not be reached: {text}"[:1000]
                return Outcome("broken", told, retryable=True, fault="service")
            case Ended(text=text, reason=reason):
                told = f"Claude Code broke off ({reason}). {text}"[:1000].strip()
                return Outcome("broken", told, retryable=True, fault="program")
            case Lost(why=why, stderr=stderr):
                return Outcome("broken", _lost(why, stderr), retryable=True, fault="program")
            case None:
                return Outcome("broken", "Claude Code was stopped.", retryable=True)

    def _spent(self) -> Spent:
        """The CLI's own figures; where it did not get to say them, the tokens that were counted.

        It tells the cost of a session from its beginning (measured with 2.1): what earlier attempts paid is
        taken off.
        """
        told = self._last.spent if isinstance(self._last, Ended) else Spent()
        given = self._assignment
        paid = given.session_usd if self._session_id == given.session_id else 0.0
        return Spent(
            usd=told.usd - paid if told.usd >= paid else told.usd,
            input_tokens=max(told.input_tokens, self._tokens.input_tokens),
            output_tokens=max(told.output_tokens, self._tokens.output_tokens),
            seconds=time.monotonic() - self._began - self._line.waited()[1],
        )


def service_fault(status: int, text: str, credential: str) -> Outcome:
    """What an HTTP status from Anthropic means for the user; `credential` is the variable used, or ""."""
    detail = f" {text}"[:500].rstrip()
    match status:
        case 401 | 403:
            what = "API key" if credential == "ANTHROPIC_API_KEY" else "login"
            mend = {
                "ANTHROPIC_API_KEY": "Set ANTHROPIC_API_KEY to a valid key.",
                "CLAUDE_CODE_OAUTH_TOKEN": "Set CLAUDE_CODE_OAUTH_TOKEN anew (`claude setup-token`).",
            }.get(credential, "Start `claude` once to renew it.")
            return Outcome("broken", f"Anthropic refused the {what} ({status}). {mend}")
        case 429:
            return _again(f"Anthropic's rate limit is reached (429).{detail}")
        case 529:
            return _again(f"Anthropic is overloaded (529).{detail}")
        case _ if status >= 500 or status == 408:
            return _again(f"Anthropic failed ({status}).{detail}")
        case _:
            return Outcome("broken", f"Anthropic refused the request ({status}).{detail}")


def _again(told: str) -> Outcome:
    return Outcome("broken", told, retryable=True, fault="service")


def _lost(why: str, stderr: str) -> str:
    exited = re.search(r"exit code:? (-?\d+)", why)
    told = f"it ended with exit code {exited[1]}" if exited else why.strip().partition("\n")[0].rstrip(".")
    last = " ".join(stderr.split("\n")[-3:]).strip()
    return f"Claude Code crashed: {told}. {last}"[:1000].strip()
