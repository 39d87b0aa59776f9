"""Probe servers: a fresh one where a test ends it, a shared one where it does not."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from .wire import Wire

# Time limits for single examples fail on a busy machine without any fault in the code.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Wire]]:
    """Start probe servers; what still runs at the end is killed."""
    started: list[Wire] = []

    def start_one(initialize: bool = True, **env: str) -> Wire:
        wire = Wire(tmp_path, **env)
        started.append(wire)
        if initialize:
            wire.initialize()
        return wire

    yield start_one
    for wire in started:
        wire.process.kill()
        wire.process.wait()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One initialized server for the whole module; tests leave it running."""
    shared = Wire(tmp_path_factory.mktemp("shared"))
    shared.initialize()
    yield shared
    shared.process.kill()
    shared.process.wait()
