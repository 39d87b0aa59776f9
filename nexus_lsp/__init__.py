"""NEXUS: a team of coding agents inside the developer's editor."""

__version__ = "0.1.0"
