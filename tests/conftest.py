"""Makes `tests/fakes.py` importable from every folder of tests."""

# Imported here and now: at a session's end Hypothesis' pytest plugin would import it, and Python 3.11.7 can
# fail to parse a module while a dead subprocess' transport is collected (python/cpython#106905).
import hypothesis  # noqa: F401
