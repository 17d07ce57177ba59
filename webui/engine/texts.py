"""What of a request no encoding can take, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from webui.contracts.adapter import AdapterInfo
from webui.contracts.parameters.regions import REGION_PROMPTS
from webui.contracts.parameters.words import TEXTS
from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.prompt.check import problems_in
from webui.prompt.counting import TextCounter, vectors_of
from webui.prompt.tokens import MAX_CHUNKS


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
    for field in TEXTS:
        name = field.replace("_", " ")
        texts = dict.fromkeys(getattr(text, field) for text in request.every_text)
        found = [
            problem
            for text in texts
            for problem in problems_in(
                text, negative="negative" in field, weights=request.emphasis != "None"
            )
        ]
        notes += [f"In the {name}: {found[0].sentence}"] if found else []
        worst = max(map(counter.count, texts), key=lambda count: count.cut)
        if worst.cut:
            cuts.append(f"the last {worst.cut} of the {worst.tokens} tokens of the {name} were cut")
    if cuts:
        most = MAX_CHUNKS * model.frame.content
        notes.append(f"Too long: {' and '.join(cuts)}; {most} is the most that is used.")
    return " ".join(notes) or None


def _box_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    count, most = len(request.boxes), model.max_boxes
    if count <= most or request.map_driver == REGION_PROMPTS:
        return None
    if most == 0:
        return "The model takes no boxes; they were left out."
    return f"Too many boxes: the last {count - most} of the {count} were left out."
