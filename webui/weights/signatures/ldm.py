"""The latent-diffusion papers' own models, in the layout of the original code.

What a model is for shows in its conditioning stage, else in the channels that stand beside its latent.
"""

from __future__ import annotations

from pathlib import Path

from webui.contracts.checkpoint import Task
from webui.contracts.errors import BrokenModel, LacksFile
from webui.contracts.palettes import COCO_STUFF, palettes
from webui.weights.class_names import class_names
from webui.weights.ldm_first_stage import PREFIX as FIRST_STAGE
from webui.weights.ldm_first_stage import FirstStageShape
from webui.weights.ldm_unet import UNET, Shapes, UnetShape, unet_shape
from webui.weights.ldm_zoo import RELEASED, Released, most_like, released
from webui.weights.signatures.facts import Facts, No, WeightsFile

FAMILY = "ldm"
CONDITION = "cond_stage_model."
WORDS = f"{CONDITION}transformer.token_emb.weight"
PLACES = f"{CONDITION}transformer.pos_emb.emb.weight"
CLASSES = f"{CONDITION}embedding.weight"
MAPPER = f"{CONDITION}channel_mapper.weight"
CLIP = (
    f"{CONDITION}transformer.text_model.",
    f"{CONDITION}transformer.embeddings.",
    f"{CONDITION}model.",
)
LAYOUT_PLACES = 92
"""Tokens of a layout: thirty boxes of three, and two for the crop."""
VOCABULARY = "vocab.txt"
VOCABULARY_FOLDER = "bert-base-uncased"
_FOLDERS_UP = 4
_DEFAULTS: dict[Task, tuple[tuple[str, str | int | float], ...]] = {
    "text": (("sampler", "DDIM"), ("steps", 50), ("guidance_scale", 5.0)),
    "class": (("sampler", "DDIM"), ("steps", 50), ("guidance_scale", 3.0)),
    "retrieval": (("sampler", "DDIM"), ("steps", 50), ("guidance_scale", 5.0)),
    "upscale": (("sampler", "DDIM"), ("steps", 50)),
}
_UNGUIDED = (("sampler", "DDIM"), ("steps", 50), ("guidance_scale", 1.0))
"""Of models that were not taught to draw without what they follow."""


def describe(file: WeightsFile) -> Facts | No:
    """See `facts.Describe`."""
    shapes = file.header.shapes
    if any(
        name.startswith(CLIP) for name in shapes
    ):  # nearly all files that people have; seen soonest
        return No("its text encoder is CLIP's.")
    network = unet_shape(shapes)
    if network is None:
        return No(f"it has no '{UNET}input_blocks.0.0.weight'.")
    if f"{FIRST_STAGE}post_quant_conv.weight" not in shapes:
        return No(f"it has no first stage (no '{FIRST_STAGE}post_quant_conv.weight').")
    stage = _first_stage(shapes)
    if stage.latent_channels != network.out_channels:
        return No(
            f"its network draws {network.out_channels} channels, its first stage reads {stage.latent_channels}."
        )
    task = _task(shapes, network, stage)
    return task if isinstance(task, No) else _facts(file, task, network, stage)


def _first_stage(shapes: Shapes) -> FirstStageShape:
    try:
        return FirstStageShape.of(
            {n.removeprefix(FIRST_STAGE): s for n, s in shapes.items() if n.startswith(FIRST_STAGE)}
        )
    except ValueError as error:
        raise BrokenModel(f"The file is damaged: {error}. Download it again.") from error


def _task(shapes: Shapes, network: UnetShape, stage: FirstStageShape) -> Task | No:
    beside = network.in_channels - stage.latent_channels
    if WORDS in shapes and PLACES in shapes:
        return "layout" if shapes[PLACES][0] == LAYOUT_PLACES else "text"
    if CLASSES in shapes and network.context is not None:
        return "class"
    if MAPPER in shapes and shapes[MAPPER][0] == beside:
        return "semantic"
    if network.context is not None:
        found = beside == 0 and stage.latent_channels > 4
        return "retrieval" if found else No("what makes the tokens that it attends to is missing.")
    tasks: dict[int, Task] = {
        0: "unconditional",
        3: "upscale",
        stage.latent_channels + 1: "inpaint",
    }
    if beside not in tasks:
        return No(f"its network takes {beside} channels beside the latent, as none of this family.")
    return tasks[beside]


def _facts(file: WeightsFile, task: Task, network: UnetShape, stage: FirstStageShape) -> Facts:
    like = _like(file, task, network)
    classes = _classes(file, task)
    native = like.cells * stage.factor
    if task == "semantic" and "512" in file.path.name:
        native = 512  # of equal shapes, trained on larger pictures
    guided = task != "class" or file.header.shapes[CLASSES][0] > len(classes)
    return Facts(
        family=FAMILY,
        task=task,
        prediction="epsilon",
        latent_channels=stage.latent_channels,
        latent_factor=stage.factor,
        native_size=native,
        variant=like.name,
        defaults=_DEFAULTS.get(task, _UNGUIDED) if guided else _UNGUIDED,
        parts=(("tokenizer", str(_vocabulary(file).parent)),) if task == "text" else (),
        classes=classes,
        reads_text=task == "text",
        text_width=network.context or 0 if task == "text" else 0,
    )


def _like(file: WeightsFile, task: Task, network: UnetShape) -> Released:
    """The released system that it is like; the .json beside it may name one.

    Raises:
        BrokenModel: it names none that was released for the task.
    """
    said = file.said.get("like")
    if said is None:
        return most_like(task, network.channels[0])
    named = released(str(said))
    if named is None or named.task != task:
        known = ", ".join(repr(system.name) for system in RELEASED if system.task == task)
        raise BrokenModel(
            f"The 'like' in the .json beside {str(file.path)!r} is {repr(said)[:100]}; {known} was expected."
        )
    return named


def _classes(file: WeightsFile, task: Task) -> tuple[str, ...]:
    """Names of its classes: as the .json beside it says, else those of the data set, else numbers."""
    shapes = file.header.shapes
    if task == "layout":
        return _said_classes(file, None) or class_names("open_images")
    if task == "class":
        rows = shapes[CLASSES][0]
        usual = class_names("imagenet") if rows in (1000, 1001) else _numbered(rows)
        return _said_classes(file, rows) or usual
    if task == "semantic":
        count = shapes[MAPPER][1]
        usual = palettes()[COCO_STUFF].classes if count == 182 else _numbered(count)
        return _said_classes(file, count) or usual
    return ()


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(count))


def _said_classes(file: WeightsFile, most: int | None) -> tuple[str, ...]:
    """What a person says; empty where nobody does.

    Raises:
        BrokenModel: it is no list of names, or of more than the model has.
    """
    said = file.said.get("classes")
    if said is None:
        return ()
    named = isinstance(said, list) and all(isinstance(name, str) and name for name in said)
    if not named or (most is not None and len(said) > most):
        raise BrokenModel(
            f"The 'classes' in the .json beside {str(file.path)!r} are {repr(said)[:100]}; a list of "
            f"{'' if most is None else f'at most {most} '}names was expected."
        )
    return tuple(said)


def _vocabulary(file: WeightsFile) -> Path:
    """The file of BERT's word pieces: beside the model, or in a folder of its name there or further up.

    Raises:
        LacksFile: there is none.
        BrokenModel: it is another model's.
    """
    count = file.header.shapes[WORDS][0]
    folder = file.path.parent
    places = [folder / VOCABULARY]
    places += [
        up / VOCABULARY_FOLDER / VOCABULARY for up in [folder, *folder.parents][:_FOLDERS_UP]
    ]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise LacksFile(
            f"It reads the {count} word pieces of {VOCABULARY_FOLDER}, which no weights hold. Put that model's "
            f"{VOCABULARY} beside it, or into {str(places[1].parent)!r}.",
            [str(place) for place in places],
        )
    with found.open("rb") as stream:
        lines = sum(1 for line in stream if line.strip())
    if lines != count:
        raise BrokenModel(
            f"{str(found)!r} has {lines} word pieces; the model knows {count}. It is another model's: put the "
            f"{VOCABULARY} of {VOCABULARY_FOLDER} there."
        )
    return found
