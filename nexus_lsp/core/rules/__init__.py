"""What follows from each happening, a module for each part of a run's life; `core.decide` is their table."""
