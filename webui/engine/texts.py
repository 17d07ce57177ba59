"""What of a request no encoding can take, in sentences."""

from __future__ import annotations

from webui.contracts.request import GenerationRequest
from webui.engine.model import LoadedModel
from webui.prompt.check import bracket_problem
from webui.prompt.timeline import split_parts, stages_of
from webui.prompt.tokens import MAX_CHUNKS, chunk_prompt


def cut_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    """Sentences that say how much of a request the model is not given; None when it is all."""
    sentences = [note for note in (_text_note(model, request), _box_note(model, request)) if note]
    return " ".join(sentences) or None


def _text_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    if model.tokenize is None or model.frame is None:
        return "The model reads no text." if request.prompt else None
    notes, cuts = [], []
    for name, text in (("prompt", request.prompt), ("negative prompt", request.negative_prompt)):
        if problem := bracket_problem(text):
            notes.append(f"In the {name}: {problem}")
        said = {
            stage.text
            for part in split_parts(text)
            for stage in stages_of(part.text, request.steps)
        }
        chunks = [chunk_prompt(each, model.tokenize, model.frame) for each in said]
        worst = max(chunks, key=lambda c: c.cut)
        if worst.cut:
            cuts.append(f"the last {worst.cut} of the {worst.count} tokens of the {name} were cut")
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
