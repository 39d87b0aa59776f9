"""Decisions: functions over frozen values. No clock, no file, no id source, no asyncio, no SDK."""
