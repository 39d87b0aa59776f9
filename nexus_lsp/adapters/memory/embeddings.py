"""Meaning as vectors: texts embedded without a network, and the nearest of many found in a few megabytes.

An item's vector is kept as 256 numbers of a byte each, and as a code of one bit each: the code's Hamming
distance picks some hundreds out of all, the cosine of the full vectors ranks these. Imported, with numpy,
only where the extra `embeddings` is installed.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]

FAINTEST = 0.12
"""Cosine below which two texts have nothing to do with each other: four of five pairs at random are."""

_NEVER = 65_535
"""More bits than any two codes differ in: stands for an item that is not asked for."""


class Embedder(Protocol):
    """Texts to vectors, near ones for like things. Called from a thread; may load at first use.

    `dimensions` is a multiple of 64. Vectors of another `name` are not compared with these.
    """

    name: str
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row of `dimensions` numbers a text, in order; a row of zeros for a text without words."""
        ...


def find_embedder() -> Embedder | None:
    """The embedder of the extra `embeddings`; None where it is not installed. Loads nothing yet."""
    if importlib.util.find_spec("wordllama") is None or importlib.util.find_spec("numpy") is None:
        return None
    return WordLlamaEmbedder()


class WordLlamaEmbedder:
    """The 32,000 static token vectors that the package `wordllama` carries in its wheel; no network."""

    name = "wordllama-l2-supercat-256"
    dimensions = 256

    def __init__(self) -> None:
        self._model: Any = None
        self._loading = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Mean of a text's token vectors. Its own `embed` pads a batch to its longest text: 160 MB for 64."""
        import numpy as np

        model = self._loaded()
        found = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in enumerate(texts):
            ids = model.tokenizer.encode(text, add_special_tokens=False).ids
            if ids:
                found[row] = model.embedding[ids].mean(axis=0)
        return found

    def _loaded(self) -> Any:
        with self._loading:
            if self._model is None:
                with _logging_kept():
                    wordllama: Any = importlib.import_module("wordllama")  # it has no type stubs
                home = Path(wordllama.__file__).parent
                self._model = wordllama.WordLlama.load(cache_dir=home, disable_download=True)
            return self._model


@contextmanager
def _logging_kept() -> Generator[None]:
    """Undo that importing `wordllama` sends every library's log lines to stderr."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


# --- as they are kept ----------------------------------------------------------------------------------


def packed(vectors: Vectors) -> list[tuple[bytes, bytes]]:
    """(code, vector) of each row as they are kept: a bit a number, and a signed byte a number."""
    import numpy as np

    most = np.maximum(np.abs(vectors).max(axis=1, keepdims=True, initial=0.0), 1e-12)
    small = np.rint(vectors * (127 / most)).astype(np.int8)
    codes = np.packbits(vectors > 0, axis=1)
    return [(code.tobytes(), row.tobytes()) for code, row in zip(codes, small, strict=True)]


def nearest(asked: Vectors, kept: Sequence[tuple[int, bytes]]) -> list[tuple[int, float]]:
    """(key, cosine) of those of the kept vectors that are near a vector, nearest first."""
    import numpy as np

    if not kept:
        return []
    rows = np.frombuffer(b"".join(vector for _, vector in kept), np.int8).reshape(len(kept), -1)
    full = rows.astype(np.float32)
    lengths = np.linalg.norm(full, axis=1) * np.linalg.norm(asked)
    cosines = (full @ asked) / np.maximum(lengths, 1e-12)
    order = np.argsort(-cosines, kind="stable")
    return [(kept[at][0], float(cosines[at])) for at in order if cosines[at] >= FAINTEST]


class Codes:
    """The codes of all items in memory, some 40 bytes each, with the number of each item's scope.

    They lie in columns of 64 bits (the first of every item, the second of every item, …): numpy adds up
    along long rows five times as fast as along short ones.
    """

    def __init__(self, dimensions: int) -> None:
        import numpy as np

        self._codes: NDArray[np.uint64] = np.zeros((dimensions // 64, 0), np.uint64)
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._scopes: NDArray[np.uint16] = np.zeros(0, np.uint16)
        self._held = 0

    def __len__(self) -> int:
        return self._held

    @property
    def size(self) -> int:
        """Bytes that are held."""
        return self._codes.nbytes + self._keys.nbytes + self._scopes.nbytes

    def add(self, keys: Sequence[int], codes: Sequence[bytes], scopes: Sequence[int]) -> None:
        """Take in codes of items that are not here yet."""
        import numpy as np

        start, end = self._held, self._held + len(keys)
        if end > len(self._keys):
            self._grow(max(end, len(self._keys) * 5 // 4, 1_024))
        self._codes[:, start:end] = np.frombuffer(b"".join(codes), np.uint64).reshape(len(keys), -1).T
        self._keys[start:end] = keys
        self._scopes[start:end] = scopes
        self._held = end

    def _grow(self, room: int) -> None:
        import numpy as np

        more = room - len(self._keys)
        self._codes = np.pad(self._codes, ((0, 0), (0, more)))
        self._keys = np.pad(self._keys, (0, more))
        self._scopes = np.pad(self._scopes, (0, more))

    def drop(self, keys: Sequence[int]) -> None:
        """Take items out; the rest keeps its order."""
        import numpy as np

        stay = ~np.isin(self._keys[: self._held], np.asarray(keys, np.int64))
        self._codes = self._codes[:, : self._held][:, stay]
        self._keys = self._keys[: self._held][stay]
        self._scopes = self._scopes[: self._held][stay]
        self._held = len(self._keys)

    def near(self, asked: Vectors, most: int, scopes: Sequence[int] | None = None) -> list[int]:
        """The keys of the items (of these scopes) whose codes differ least from a vector's, in no order.

        Of several that differ in as many bits the newer come, where not all can.
        """
        import numpy as np

        apart = self._apart(asked)
        if scopes is not None:
            others = np.ones(_NEVER + 1, np.bool_)
            others[list(scopes)] = False
            apart[others[self._scopes[: self._held]]] = _NEVER
        within = np.bincount(apart, minlength=_NEVER + 1)[:_NEVER].cumsum()
        furthest = min(int(np.searchsorted(within, most)), _NEVER - 1)
        closer, as_far = np.flatnonzero(apart < furthest), np.flatnonzero(apart == furthest)
        chosen = np.concatenate((closer, as_far[::-1][: most - len(closer)]))
        return [int(key) for key in self._keys[chosen]]

    def _apart(self, asked: Vectors) -> NDArray[np.uint16]:
        """In how many bits each code differs from a vector's."""
        import numpy as np

        apart = np.zeros(self._held, np.uint16)
        for column, part in zip(self._codes, np.packbits(asked > 0).view(np.uint64), strict=True):
            apart += np.bitwise_count(column[: self._held] ^ part)
        return apart
