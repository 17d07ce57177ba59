"""Texts and their encodings: what is kept of them, and what of a request no encoding can take."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from torch import Tensor

from webui.contracts.adapter import AdapterInfo
from webui.contracts.request import GenerationRequest
from webui.engine.adapters.lora import patch_key
from webui.engine.model import LoadedModel
from webui.engine.work import EncodeText
from webui.prompt.check import problems_in
from webui.prompt.counting import TextCounter, vectors_of
from webui.prompt.tokens import MAX_CHUNKS


class TextCache:
    """Least recently used encodings go first; those of an unloaded model go with it."""

    def __init__(self, budget_bytes: int = 64 * 2**20) -> None:
        """`budget_bytes` is for each model."""
        self._budget = budget_bytes
        self._texts: WeakKeyDictionary[LoadedModel, OrderedDict[object, Tensor]]
        self._texts = WeakKeyDictionary()

    def get(self, work: EncodeText) -> Tensor | None:
        """The encoding, if it is kept."""
        kept, key = self._texts.get(work.model), _key(work)
        if kept is None or key not in kept:
            return None
        kept.move_to_end(key)
        return kept[key]

    def put(self, work: EncodeText, tokens: Tensor) -> None:
        """Keep an encoding, at the price of the oldest ones."""
        kept, key = self._texts.setdefault(work.model, OrderedDict()), _key(work)
        kept[key] = tokens
        kept.move_to_end(key)
        while sum(tensor.nbytes for tensor in kept.values()) > self._budget:
            kept.popitem(last=False)


def cut_note(
    model: LoadedModel, request: GenerationRequest, adapters: Sequence[AdapterInfo] = ()
) -> str | None:
    """Sentences that say what of a request the model is not given; None when it is all.

    `adapters` are those that came with the request; embeddings take places in a text.
    """
    notes = (_text_note(model, request, adapters), _box_note(model, request))
    return " ".join(note for note in notes if note) or None


def _text_note(
    model: LoadedModel, request: GenerationRequest, adapters: Sequence[AdapterInfo]
) -> str | None:
    if model.tokenize is None or model.frame is None:
        return "The model reads no text." if request.prompt else None
    counter = TextCounter(
        model.tokenize, model.frame, request.steps, request.emphasis, vectors_of(adapters)
    )
    notes, cuts = [], []
    for name, texts in (
        ("prompt", [text.prompt for text in request.every_text]),
        ("negative prompt", [text.negative_prompt for text in request.every_text]),
    ):
        negative = name != "prompt"
        found = [p for text in texts for p in problems_in(text, negative=negative)]
        notes += [f"In the {name}: {found[0].sentence}"] if found else []
        worst = max(map(counter.count, dict.fromkeys(texts)), key=lambda count: count.cut)
        if worst.cut:
            cuts.append(f"the last {worst.cut} of the {worst.tokens} tokens of the {name} were cut")
    if cuts:
        most = MAX_CHUNKS * model.frame.content
        notes.append(f"Too long: {' and '.join(cuts)}; {most} is the most that is used.")
    return " ".join(notes) or None


def _box_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    count, most = len(request.boxes), model.max_boxes
    if count <= most:
        return None
    if most == 0:
        return "The model takes no boxes; they were left out."
    return f"Too many boxes: the last {count - most} of the {count} were left out."


def _key(work: EncodeText) -> object:
    return work.text, patch_key(work.patches), work.reading.key
