"""What a request's handler may raise, and the JSON-RPC error the client gets for it.

CommandError(code, message)     exactly this code and sentence
core.problems.Unknown           -32001 and its sentence
core.problems.InvalidArgument   -32602 and its sentence
core.problems.Refused           -32803 and its sentence (LSP's RequestFailed: it came at the wrong time)
asyncio.CancelledError          -32800
anything else                   -32603, and a traceback in the log
"""

from __future__ import annotations

import logging
import re
from typing import Any

import cattrs
from lsprotocol.types import ResponseError
from pygls.exceptions import JsonRpcException

from nexus_lsp.core.problems import InvalidArgument, Refused, Unknown
from nexus_lsp.lsp.messages import INTERNAL_ERROR, INVALID_PARAMS, REQUEST_FAILED, UNKNOWN

_log = logging.getLogger(__name__)


class CommandError(JsonRpcException):
    """A request that cannot be done; `message` is a sentence that says what to do instead."""

    def __init__(self, code: int, message: str, data: Any | None = None):
        super().__init__(message, code, data)


def error_of(method: str, error: BaseException) -> ResponseError:
    """The answer to a request whose handler raised this."""
    match error:
        case JsonRpcException():
            return error.to_response_error()
        case Unknown():
            return ResponseError(UNKNOWN, str(error))
        case InvalidArgument():
            return ResponseError(INVALID_PARAMS, str(error))
        case Refused():
            return ResponseError(REQUEST_FAILED, str(error))
        case _:
            _log.error("%s failed", method, exc_info=error)
            kind = type(error).__name__
            return ResponseError(
                INTERNAL_ERROR, f"NEXUS failed at {method} ({kind}); its log has the details."
            )


def invalid_params(method: str, error: BaseException) -> CommandError:
    """What is wrong with parameters that cattrs could not read, by place, in the wire's own names."""
    faults = "; ".join(_fault(text) for text in cattrs.transform_error(error, path=""))
    return CommandError(INVALID_PARAMS, f"{method}: {faults}.")


def _fault(text: str) -> str:
    what, _, where = text.rpartition(" @ ")
    place = re.sub(r"_([a-z])", lambda match: match[1].upper(), where.removeprefix("."))
    return f"{what} at `{place or 'params'}`"
