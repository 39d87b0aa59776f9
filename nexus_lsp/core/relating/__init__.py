"""How the changes of a run stand to each other: which need which, and what each is about.

Judged by rules on the texts with and without the changes: Python by its syntax tree, other languages by
words and paths. What a rule cannot be sure of is not said.
"""

from nexus_lsp.core.relating.given import FileGiven, Given, file_given, keep
from nexus_lsp.core.relating.relate import relate

__all__ = ["FileGiven", "Given", "file_given", "keep", "relate"]
