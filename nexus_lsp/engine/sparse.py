"""What the user's sparse checkout leaves out: nobody saw what git has there, so nothing is put over it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from nexus_lsp.core.changes import Change
from nexus_lsp.ports import Repository


async def unseen(repository: Repository, changes: Iterable[Change]) -> dict[str, str]:
    """Those that would put a new file where git may have one; and why not."""
    told = "{} is left out of this sparse checkout, so what git has there was not seen; {}"
    return await _left_out(repository, {c.id: c.path for c in changes if _is_new(c)}, told)


async def hidden(repository: Repository, changes: Iterable[Change]) -> dict[str, str]:
    """Those whose file is left out by now; and why nothing can be done to it."""
    told = "{} is left out of this sparse checkout; {}"
    return await _left_out(repository, {c.id: c.path for c in changes}, told)


async def _left_out(repository: Repository, paths: Mapping[str, str], told: str) -> dict[str, str]:
    left = await repository.left_out(list(paths.values()))
    add = {path: f"`git sparse-checkout add {shlex.quote(folder)}` first" for path, folder in left.items()}
    return {i: told.format(path, add[path]) for i, path in paths.items() if path in add}


def _is_new(change: Change) -> bool:
    return change.after_blob is not None and (change.before_blob is None or change.old_path is not None)
