"""Ports: what the engine needs from the outside, as small protocols named for their role.

Each port has its real adapter in `adapters/` and a fake in `tests/`; one conformance suite runs against both.
Values that cross a port are frozen and could travel in a message.
"""

from nexus_lsp.ports.agents import (
    AgentBackend,
    Assignment,
    Heard,
    Jotting,
    Letter,
    Line,
    Outcome,
    Progress,
    Readiness,
    Reason,
    Reminder,
    Report,
    SessionStarted,
    Spent,
    TaskResult,
    ToolAnswer,
)
from nexus_lsp.ports.bus import Bus, BusFailed, BusFigures, DeadLetter, Delivery
from nexus_lsp.ports.committing import Blamed, Commits, Head, Made
from nexus_lsp.ports.engine_api import EngineApi
from nexus_lsp.ports.faces import CarriedOut, Face
from nexus_lsp.ports.gates import GateResult, Gates
from nexus_lsp.ports.journal import Journal, JournalFailed
from nexus_lsp.ports.memory import Memory, MemoryFailed
from nexus_lsp.ports.planning import Brief, PlanFailed, Planner
from nexus_lsp.ports.repository import (
    FileContent,
    FileDiff,
    Harvest,
    Merge,
    Repository,
    RepositoryFailed,
    Sides,
    Snapshot,
)

__all__ = [
    "AgentBackend",
    "Assignment",
    "Blamed",
    "Brief",
    "Bus",
    "BusFailed",
    "BusFigures",
    "CarriedOut",
    "Commits",
    "DeadLetter",
    "Delivery",
    "EngineApi",
    "Face",
    "FileContent",
    "FileDiff",
    "GateResult",
    "Gates",
    "Harvest",
    "Head",
    "Heard",
    "Jotting",
    "Journal",
    "JournalFailed",
    "Letter",
    "Line",
    "Made",
    "Memory",
    "MemoryFailed",
    "Merge",
    "Outcome",
    "PlanFailed",
    "Planner",
    "Progress",
    "Readiness",
    "Reason",
    "Reminder",
    "Report",
    "Repository",
    "RepositoryFailed",
    "SessionStarted",
    "Sides",
    "Snapshot",
    "Spent",
    "TaskResult",
    "ToolAnswer",
]
