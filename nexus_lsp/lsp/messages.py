"""JSON-RPC messages as values: what one body of the stream says.

Only the body's top level is read as a message; a `jsonrpc` key deeper inside is data like any other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
NOT_INITIALIZED = -32002
UNKNOWN = -32001
CANCELLED = -32800
REQUEST_FAILED = -32803

MessageId = int | str


@dataclass(frozen=True, slots=True)
class Request:
    """The other side wants an answer under this id."""

    id: MessageId
    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Notification:
    """The other side tells something."""

    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """The other side's answer to our request `id`; None where it could not tell which."""

    id: MessageId | None
    result: Any


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """The other side could not do our request `id`."""

    id: MessageId | None
    code: int
    message: str
    data: Any


@dataclass(frozen=True, slots=True)
class Malformed:
    """Not a message; `code` and `why` are to be answered, under `id` where there is a usable one."""

    id: MessageId | None
    code: int
    why: str


Message = Request | Notification | Reply | ErrorReply | Malformed


def parse(body: bytes) -> Message:
    """What a body says; never raises."""
    try:
        found: object = json.loads(body)
    except RecursionError:
        return Malformed(None, PARSE_ERROR, "The message is nested too deeply.")
    except ValueError as error:
        return Malformed(None, PARSE_ERROR, f"The message is not JSON in UTF-8: {_place(error)}.")
    if not isinstance(found, dict):
        return Malformed(None, INVALID_REQUEST, "A message must be one JSON object; batches are not taken.")
    return _message(cast(dict[str, Any], found))


def _message(found: dict[str, Any]) -> Message:
    msg_id = found.get("id")
    if "id" in found and not _is_id(msg_id) and not (msg_id is None and "method" not in found):
        return Malformed(None, INVALID_REQUEST, "`id` must be a string or a whole number.")
    if found.get("jsonrpc") != "2.0":
        return Malformed(msg_id, INVALID_REQUEST, 'A message must say `"jsonrpc": "2.0"`.')
    if "method" in found:
        return _call(found, msg_id)
    if "id" not in found:
        return Malformed(None, INVALID_REQUEST, "A message needs a `method`, or the `id` it answers.")
    return _answer(found, msg_id)


def _call(found: dict[str, Any], msg_id: MessageId | None) -> Message:
    method = found["method"]
    if not isinstance(method, str):
        return Malformed(msg_id, INVALID_REQUEST, "`method` must be a string.")
    params = found.get("params")
    return Notification(method, params) if msg_id is None else Request(msg_id, method, params)


def _answer(found: dict[str, Any], msg_id: MessageId | None) -> Reply | ErrorReply:
    if "error" not in found:
        return Reply(msg_id, found.get("result"))
    raw = found["error"]
    error = cast(dict[str, Any], raw) if isinstance(raw, dict) else {}
    code = error.get("code")
    return ErrorReply(
        msg_id,
        code if isinstance(code, int) else INTERNAL_ERROR,
        str(error.get("message") or "The client gave no reason."),
        error.get("data"),
    )


def _is_id(value: object) -> bool:
    return isinstance(value, int | str) and not isinstance(value, bool)


def _place(error: ValueError) -> str:
    """Where the JSON goes wrong, without quoting it: the text may hold a secret."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} cannot be decoded"
    return "a number is too long"
