"""Encoded texts, kept by model and text under a byte budget."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakKeyDictionary

from torch import Tensor

from webui.engine.model import LoadedModel


class TextCache:
    """Least recently used encodings go first; those of an unloaded model go with it."""

    def __init__(self, budget_bytes: int = 64 * 2**20) -> None:
        """`budget_bytes` is for each model."""
        self._budget = budget_bytes
        self._texts: WeakKeyDictionary[LoadedModel, OrderedDict[str, Tensor]] = WeakKeyDictionary()

    def get(self, model: LoadedModel, text: str) -> Tensor | None:
        """The encoding, if it is kept."""
        kept = self._texts.get(model)
        if kept is None or text not in kept:
            return None
        kept.move_to_end(text)
        return kept[text]

    def put(self, model: LoadedModel, text: str, tokens: Tensor) -> None:
        """Keep an encoding, at the price of the oldest ones."""
        kept = self._texts.setdefault(model, OrderedDict())
        kept[text] = tokens
        kept.move_to_end(text)
        while sum(tensor.nbytes for tensor in kept.values()) > self._budget:
            kept.popitem(last=False)
