"""Makes `tests/fakes.py` importable from every folder of tests; puts long tests first."""

# Imported here and now: at a session's end Hypothesis' pytest plugin would import it, and Python 3.11.7 can
# fail to parse a module while a dead subprocess' transport is collected (python/cpython#106905).
import hypothesis  # noqa: F401
import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes most of a minute; such tests come first")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, what is long must not be the last that one waits for."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
