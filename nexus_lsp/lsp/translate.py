"""Operations and events between the wire (camelCase, URIs) and the engine (snake_case, paths)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nexus_lsp.core.problems import InvalidArgument
from nexus_lsp.core.wire import camel, snake_key

Json = dict[str, Any]
ToPath = Callable[[str], str | None]
ToUri = Callable[[str], str]


def argument_in(argument: Mapping[str, Any], to_path: ToPath) -> Json:
    """A command's argument for the engine: `uri` becomes `path`, `uris` becomes `paths`."""
    given: Json = {}
    for key, value in argument.items():
        if key == "uri" and isinstance(value, str):
            given["path"] = _path(value, to_path)
        elif key == "uris" and isinstance(value, list):
            given["paths"] = [_path(str(uri), to_path) for uri in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        else:
            given[snake_key(key)] = value
    return given


def _path(uri: str, to_path: ToPath) -> str:
    path = to_path(uri)
    if path is None:
        raise InvalidArgument(f"{uri} is not a file of this workspace.")
    return path


def answer_out(answer: Json, to_uri: ToUri) -> Json:
    """An operation's answer for the wire."""
    return camel(_uris(answer, to_uri))


def event_out(event: Json, to_uri: ToUri) -> Json:
    """An event for the wire."""
    return camel(_uris(event, to_uri))


def _uris(value: Any, to_uri: ToUri) -> Any:
    """The same value with `uri` beside every change's `path`, and `unsaved` as URIs."""
    if isinstance(value, list):
        return [_uris(item, to_uri) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, dict):
        return value
    out: Json = {}
    for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
        if key == "unsaved":
            out[key] = [to_uri(path) for path in item]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        elif key in ("plan", "agents"):
            out[key] = item
        else:
            out[str(key)] = _uris(item, to_uri)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(out.get("path"), str) and "kind" in out:
        out["uri"] = to_uri(out["path"])
    return out
