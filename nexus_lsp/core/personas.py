"""Personas: who the agents are, in the seed's own schema."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PersonalityProfile:
    """How a persona thinks and talks."""

    core_traits: tuple[str, ...]
    communication_style: str
    decision_making: str
    collaboration_style: str
    stress_response: str


@dataclass(frozen=True, slots=True)
class ClaudeConfiguration:
    """What a persona asks of Claude Code. `tools_enabled` are the seed's names (`file_editing`, …)."""

    model: str
    max_tokens: int
    temperature: float
    system_prompt: str
    tools_enabled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemorySystem:
    """What a persona remembers, and for how long."""

    conversation_retention: str = "full_session"
    learning_patterns: str = ""
    context_preservation: str = ""


@dataclass(frozen=True, slots=True)
class Persona:
    """One agent's character, expertise and configuration, as `personas/<agent_id>.json` gives it."""

    agent_id: str
    name: str
    role: str
    personality_profile: PersonalityProfile
    expertise_areas: tuple[str, ...]
    capabilities: tuple[str, ...]
    claude_configuration: ClaudeConfiguration
    memory_system: MemorySystem = field(default_factory=MemorySystem)
