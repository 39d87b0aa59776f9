"""Operations and events between the wire (camelCase, URIs) and the engine (snake_case, paths)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast
from urllib.parse import quote, unquote

from nexus_lsp.core.problems import InvalidArgument

Json = dict[str, Any]
ToPath = Callable[[str], str | None]
ToUri = Callable[[str], str]

INSIDE = frozenset({"path", "paths", "settings", "sides", "as_files"})
"""Names of arguments that only the inside of NEXUS uses."""


def argument_in(argument: Mapping[str, Any], to_path: ToPath) -> Json:
    """A command's argument for the engine: `uri` becomes `path`, `uris` becomes `paths`."""
    from nexus_lsp.core.wire import snake_key

    given: Json = {}
    for key, value in argument.items():
        if key in INSIDE or "_" in key:
            raise InvalidArgument(
                f"`{key}` is not known here. Names are camelCase; files are `uri` or `uris`."
            )
        if key == "uri":
            given["path"] = None if value is None else _path(value, key, to_path)
        elif key == "uris":
            if not isinstance(value, list):
                raise InvalidArgument("`uris` is a list: write the files' URIs in brackets.")
            given["paths"] = [_path(uri, key, to_path) for uri in cast("list[Any]", value)]
        else:
            given[snake_key(key)] = value
    return given


def in_wire_words(sentence: str) -> str:
    """What the engine says of an argument, in the names of this wire."""
    return re.sub(
        r"(Write an object with: )(.*)\.$", lambda m: m[1] + ", ".join(_wire_names(m[2])) + ".", sentence
    )


def _wire_names(listed: str) -> list[str]:
    names = {"path": "uri", "paths": "uris", "settings": "", "sides": "", "asFiles": ""}
    return [found for name in listed.split(", ") if (found := names.get(name, name))]


def _path(uri: object, key: str, to_path: ToPath) -> str:
    if not isinstance(uri, str):
        raise InvalidArgument(f"`{key}` holds {uri!r}: write a URI as text, such as file:///home/me/a.py.")
    path = to_path(uri)
    if path is None:
        raise InvalidArgument(
            f"`{key}`: {uri!r} is no file of this workspace: write its URI, such as file:///home/me/a.py."
        )
    return path


def answer_out(answer: Json, to_uri: ToUri) -> Json:
    """An operation's answer for the wire."""
    from nexus_lsp.core.wire import camel

    return camel(_uris(answer, to_uri))


def event_out(event: Json, to_uri: ToUri) -> Json:
    """An event for the wire."""
    from nexus_lsp.core.wire import camel

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
        elif key in ("plan", "agents", "message", "response"):
            out[key] = item
        else:
            out[str(key)] = _uris(item, to_uri)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(out.get("path"), str) and "kind" in out:
        out["uri"] = to_uri(out["path"])
    return out


# --- previews: documents of the editor's own that show what does not exist yet ----------------------------


def preview_uri(scheme: str, uri: str, change_id: str) -> str:
    """The document that shows a waiting new file: `<scheme>:/home/me/new.py?<change id>`."""
    return f"{scheme}:{uri.removeprefix('file://')}?{quote(change_id, safe='')}"


def previewed(scheme: str, uri: str) -> str | None:
    """The id in a preview's query; None for other documents (a fragment marks the other half of a diff)."""
    head, found, change_id = uri.rpartition("?")
    known = scheme and head.lower().startswith(f"{scheme.lower()}:")
    return unquote(change_id) if known and found and "#" not in change_id else None
