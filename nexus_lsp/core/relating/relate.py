"""`relate`: the relations of all changes of a run at once."""

from __future__ import annotations

from nexus_lsp.core.changes import Relation
from nexus_lsp.core.relating.dependencies import dependencies, read_sources
from nexus_lsp.core.relating.given import Given
from nexus_lsp.core.relating.together import together
from nexus_lsp.core.relating.traits import traits_of


def relate(given: Given) -> tuple[Relation, ...]:
    """One relation for each of `given.changes`, in their order."""
    sources = read_sources(given)
    needs = dependencies(given, sources)
    for one, others in together(given).items():
        needs.setdefault(one, set()).update(others)
    order = {change.id: at for at, change in enumerate(given.changes)}
    traits = traits_of(given.changes, sources)
    return tuple(
        Relation(
            c.id, tuple(sorted(needs.get(c.id, set()) & order.keys(), key=order.__getitem__)), traits[c.id]
        )
        for c in given.changes
    )
