"""Previews as read-only files, for editors that cannot show a document that is no file."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nexus_lsp.adapters.git_checkout import remove_tree


class PreviewFiles:
    """A folder in the state directory; it is emptied when it is opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        remove_tree(folder)

    async def put(self, subject: str, path: str, text: str) -> str:
        """Write one preview, in place of an older one of the same subject; its name."""
        return await asyncio.to_thread(self._put, subject, path, text)

    def _put(self, subject: str, path: str, text: str) -> str:
        place = self._folder / subject / path
        if not place.resolve().is_relative_to(self._folder.resolve()):
            raise ValueError(f"{path} leads out of the previews")
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = place.with_name(f".{place.name}.part")
        part.unlink(missing_ok=True)
        part.write_bytes(text.encode("utf-8", "surrogatepass"))
        part.chmod(0o444)
        part.replace(place)
        return str(place)
