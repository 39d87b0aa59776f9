"""Effects: one file for each outside thing (git, SQLite, OpenAI, Claude Code, local tools, watching)."""
