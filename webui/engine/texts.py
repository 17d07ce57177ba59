"""What of a request no encoding can take, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from webui.contracts.adapter import AdapterInfo
from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3, UNET
from webui.contracts.parameters.regions import REGION_PROMPTS
from webui.contracts.parameters.upscaling import BY_MODEL
from webui.contracts.parameters.words import TEXTS
from webui.contracts.request import GenerationRequest
from webui.engine.adapters.lora import LoadedLora
from webui.engine.model import LoadedModel
from webui.prompt.check import problems_in
from webui.prompt.counting import TextCounter, vectors_of

_ENCODERS: Mapping[str, str] = {
    TEXT: "the first text encoder", TEXT_2: "the second text encoder", TEXT_3: "the third text encoder (T5)",
}  # fmt: skip


def cut_note(
    model: LoadedModel, request: GenerationRequest, adapters: Sequence[AdapterInfo] = ()
) -> str | None:
    """Sentences that say what of a request the model is not given; None when it is all.

    `adapters` are those that came with the request; embeddings take places in a text.
    """
    notes = (
        _text_note(model, request, adapters),
        _guidance_note(model, request),
        _box_note(model, request),
        _unsteered_note(model, request),
    )
    return " ".join(note for note in notes if note) or None


def unread_note(model: LoadedModel, loras: Iterable[LoadedLora]) -> str | None:
    """Sentences that say which LoRAs also change text encoders that the model has not; None where none does."""
    notes = []
    for lora in loras:
        parts = {part for part, _ in lora.changes} - {UNET, *model.text_parts}
        if parts:
            named = " and ".join(_ENCODERS[part] for part in sorted(parts))
            notes.append(
                f"The LoRA {lora.info.id!r} changes {named} too, which this model has not: that part of it was "
                "left out."
            )
    return " ".join(notes) or None


def _text_note(
    model: LoadedModel, request: GenerationRequest, adapters: Sequence[AdapterInfo]
) -> str | None:
    if model.tokenize is None or model.frame is None:
        named = any(text.embeddings for text in request.every_text)
        return "The model reads no text." if request.prompt and not named else None
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
    if model.traits.lacks:
        notes.append(model.traits.lacks)
    if cuts:
        most = model.frame.most_rows * model.frame.content
        notes.append(f"Too long: {' and '.join(cuts)}; {most} is the most that is used.")
    return " ".join(notes) or None


def _guidance_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    if model.can_be_guided or request.guidance_scale == 1 or model.checkpoint.task == "upscale":
        return None
    return "The model knows nothing to guide a picture away from; the guidance scale was left out."


def _unsteered_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    """What `programs.upscale` leaves out where there are no words."""
    if model.checkpoint.task != "upscale" or model.reads_text or request.upscaler != BY_MODEL:
        return None
    freeu = (request.freeu_b1, request.freeu_b2, request.freeu_s1, request.freeu_s2)
    asked = {
        "perturbed-attention guidance": request.pag_scale > 0,
        "self-attention guidance": request.sag_scale > 0,
        "FreeU": freeu != (1, 1, 1, 1),
        "tiling": request.tiling,
    }
    missed = [name for name, is_asked in asked.items() if is_asked]
    if not missed:
        return None
    return f"The model enlarges without words and is drawn as it is: {' and '.join(missed)} had no effect."


def _box_note(model: LoadedModel, request: GenerationRequest) -> str | None:
    count, most = len(request.boxes), model.max_boxes
    if count <= most or request.map_driver == REGION_PROMPTS:
        return None
    if most == 0:
        return "The model takes no boxes; they were left out."
    return f"Too many boxes: the last {count - most} of the {count} were left out."
