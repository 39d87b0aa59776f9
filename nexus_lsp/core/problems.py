"""Problems are data: what is wrong in something a user or a model wrote, where, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: the place, in the writer's own terms (`personas/aria.json: claude_configuration.model`).
        what: what is wrong there.
        mend: what to write instead.
    """

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}"


class Refused(Exception):
    """An operation that cannot be done; its text is a sentence that the user can act on.

    Nexus' own faults, as a tree:

        Refused                 the operation was wrong or came at the wrong time; nothing changed
        ├── Unknown             it names a run, change or ask that does not exist
        └── InvalidArgument     it is not written as it should be
    """


class Unknown(Refused):
    """The operation names something that is not there (JSON-RPC error -32001)."""


class InvalidArgument(Refused):
    """The operation's argument is wrong (JSON-RPC error -32602); the text says what to write instead."""
