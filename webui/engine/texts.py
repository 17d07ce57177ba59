"""Texts and their encodings: what is kept of them, and what of a text no encoding can take."""

from __future__ import annotations

from collections import OrderedDict
from weakref import WeakKeyDictionary

from torch import Tensor

from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.prompt.tokens import MAX_CHUNKS, chunk_tokens


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


def cut_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    """A sentence that says how much of an overlong prompt the model is not given; else None."""
    cuts = []
    for name, text in (("prompt", request.prompt), ("negative prompt", request.negative_prompt)):
        ids = model.tokenize(text)
        cut = chunk_tokens(ids, model.frame).cut
        if cut:
            cuts.append(f"the last {cut} of the {len(ids)} tokens of the {name} were cut")
    if not cuts:
        return None
    most = MAX_CHUNKS * model.frame.content
    return f"Too long: {' and '.join(cuts)}; {most} is the most that is used."
