"""Encodings that are kept: of texts, boxes and pictures, for every model, under one byte budget.

An encoding is kept by what it is of and by its model, and each is computed by itself: so a picture
that is drawn from a kept encoding is the one that would be drawn without, whatever ran beside it.
"""

from __future__ import annotations

import hashlib
import weakref
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from webui.engine.model import LoadedModel
from webui.engine.work import (
    Answer,
    EncodeBoxes,
    EncodedText,
    EncodeImage,
    EncodeText,
    Execute,
    ReadPicture,
    Work,
)

Encoding = Tensor | EncodedText
ENCODES = (EncodeText, EncodeBoxes, EncodeImage, ReadPicture)
_Key = tuple[object, object]
"""A mark of the model, and the content."""


@dataclass
class EncodingCounts:
    """How useful the cache was so far."""

    hits: int = 0
    """Encodings that were asked for and kept, or just being made for another."""
    misses: int = 0
    """Those that a network had to make."""
    dropped: int = 0
    """Those that made room for others."""


class EncodingCache:
    """The least recently used go first; those of an unloaded model go with it."""

    def __init__(self, budget_bytes: int = 256 * 2**20) -> None:
        """`budget_bytes` is for all models together."""
        self.counts = EncodingCounts()
        self.bytes = 0
        """That the kept encodings take."""
        self._budget = budget_bytes
        self._kept: OrderedDict[_Key, Encoding] = OrderedDict()
        self._marks: WeakKeyDictionary[LoadedModel, object] = WeakKeyDictionary()
        self._gone: deque[object] = deque()  # marks of unloaded models; filled from any thread
        self._keys: WeakKeyDictionary[Work, _Key] = WeakKeyDictionary()

    def tensors(self) -> Iterator[Tensor]:
        """All that is kept."""
        for kept in list(self._kept.values()):
            parts = (kept,) if isinstance(kept, Tensor) else vars(kept).values()
            yield from (part for part in parts if isinstance(part, Tensor))

    def get(self, work: Work) -> Encoding | None:
        """The encoding that the work asks for, where it is kept."""
        self._drop_unloaded()
        if not isinstance(work, ENCODES):
            return None
        key = self._key(work)
        if key not in self._kept:
            return None
        self.counts.hits += 1
        self._kept.move_to_end(key)
        return self._kept[key]

    def run(self, execute: Execute, works: Sequence[Work]) -> list[Answer]:
        """Run works of one group, equal encodings once, and keep what comes of them."""
        if not isinstance(works[0], ENCODES):
            return execute(works)
        distinct: dict[_Key, Work] = {}
        for work in works:
            distinct.setdefault(self._key(work), work)
        answers = dict(zip(distinct, execute([*distinct.values()]), strict=True))
        self.counts.misses += len(distinct)
        self.counts.hits += len(works) - len(distinct)
        for key, answer in answers.items():
            if isinstance(answer, Encoding):
                self._put(key, answer)
        return [answers[self._key(work)] for work in works]

    def _put(self, key: _Key, encoding: Encoding) -> None:
        self._drop(key)
        if encoding.nbytes > self._budget:
            return
        self._kept[key] = encoding
        self.bytes += encoding.nbytes
        while self.bytes > self._budget:
            self._drop(next(iter(self._kept)))
            self.counts.dropped += 1

    def _drop(self, key: _Key) -> None:
        old = self._kept.pop(key, None)
        self.bytes -= 0 if old is None else old.nbytes

    def _drop_unloaded(self) -> None:
        while self._gone:
            mark = self._gone.popleft()
            for key in [key for key in self._kept if key[0] is mark]:
                self._drop(key)

    def _key(self, work: Work) -> _Key:
        """Computed once a work: the pixels of a large picture take milliseconds to digest."""
        key = self._keys.get(work)
        if key is None:
            values = [getattr(work, f.name) for f in fields(work) if f.name != "model"]
            content = (type(work), *map(_content, values))
            key = self._keys[work] = (self._mark(work.model), content)
        return key

    def _mark(self, model: LoadedModel) -> object:
        mark = self._marks.get(model)
        if mark is None:
            mark = self._marks[model] = object()
            weakref.finalize(model, self._gone.append, mark).atexit = False
        return mark


# Any: a field of a piece of work.
def _content(value: Any) -> object:
    """Equal for equal values; holds neither weights nor pixels."""
    if isinstance(value, Tensor):
        # A copy on the CPU, for that of a GPU has no bytes to read.
        data = value.detach().cpu().contiguous().numpy().tobytes()
        return tuple(value.shape), str(value.dtype), hashlib.blake2b(data).digest()
    if isinstance(value, tuple):
        return tuple(_content(each) for each in value)
    return getattr(value, "key", value)  # an adapter's identity
