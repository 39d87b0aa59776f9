"""Makes `tests/fakes.py` importable from every folder of tests."""
