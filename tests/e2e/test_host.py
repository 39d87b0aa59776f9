"""What the extension does in the real extension host: a row for each test of `host/tests.cjs`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from nexus_lsp.lsp.server import COMMANDS

from .conftest import EXTENSION, HERE, LOGS, drive, failed_steps, shop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

NAMES = re.findall(r'^test\("(.+?)", ', (HERE / "host/tests.cjs").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def told(installed: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came out: `results` by name, `contexts` by key, `errors` that the window showed."""
    home = tmp_path_factory.mktemp("host")
    report = home / "host.json"
    given: dict[str, Any] = {
        "workspace": str(shop(home / "shop")),
        "request": "Fix the lint problems",
        "pictures": str(home),
        "beside": [str(HERE / "host")],
        "settings": {"chat.disableAIFeatures": False},
        "env": {
            "NEXUS_HOST_REPORT": str(report),
            "NEXUS_SERVER_COMMANDS": json.dumps([f"nexus.{name}" for name in COMMANDS]),
            "NEXUS_LOGS": "1" if LOGS.exists() else "0",
        },
    }
    window = drive(home, "host", given, timeout=300)
    results: dict[str, Any] = json.loads(report.read_text())["results"] if report.exists() else {}
    return {"results": results, "window": window, **dict(window["figures"])}


@pytest.mark.parametrize("name", NAMES)
def test_in_the_extension_host(told: dict[str, Any], name: str) -> None:
    result = told["results"].get(name)
    assert result, f"it was not run: {told['window']['steps']}"
    if not result["ok"]:
        pytest.fail(f"{name}:\n{result['error']}", pytrace=False)


def test_every_context_that_a_when_clause_asks_for_is_set(told: dict[str, Any]) -> None:
    manifest = json.loads((EXTENSION / "package.json").read_text())
    clauses = " ".join(_values(manifest["contributes"], ("when", "enablement")))
    views = {view["id"] for view in manifest["contributes"]["views"]["nexus"]}
    asked = set(re.findall(r"\bnexus\.\w+\b", clauses)) - views
    assert sorted(asked - set(told["contexts"])) == []


def test_the_window_did_all_its_steps(told: dict[str, Any]) -> None:
    """Among them the chat: `@nexus` is driven in the editor's own chat view."""
    assert failed_steps(told["window"]) == []


def test_no_command_ends_in_an_error_for_the_user(told: dict[str, Any]) -> None:
    assert told["errors"] == ["This error is expected"]


def _values(tree: Any, keys: tuple[str, ...]) -> list[str]:
    if isinstance(tree, dict):
        own = [str(tree[key]) for key in keys if key in tree]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return own + [v for branch in tree.values() for v in _values(branch, keys)]  # pyright: ignore[reportUnknownVariableType]
    return [v for branch in tree for v in _values(branch, keys)] if isinstance(tree, list) else []  # pyright: ignore[reportUnknownVariableType]
