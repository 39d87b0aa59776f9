"""The local team's trades: each module does one kind of task with well-kept tools instead of a model."""
