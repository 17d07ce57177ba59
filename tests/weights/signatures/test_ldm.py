"""The released models of the latent-diffusion papers are known by their headers alone, at full size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.engine.families.ldm.original_bert import Bert
from tests.engine.ldm_layout.original_first_stage import FirstStage, StageSizes
from tests.engine.ldm_layout.original_unet import Unet, UnetSizes
from tests.weights.files import write_sparse
from tests.weights.ldm_layout import sd1_shapes, sd2_shapes
from webui.contracts.checkpoint import Task
from webui.contracts.errors import BrokenModel
from webui.weights.read import read_weights
from webui.weights.signatures import identify
from webui.weights.signatures.facts import Facts, No, WeightsFile
from webui.weights.signatures.ldm import describe

KL8 = StageSizes(4, 128, (1, 2, 4, 4), 2)
VQ4 = StageSizes(3, 128, (1, 2, 4), 2, codes=8192)
VQ4_BARE = StageSizes(3, 128, (1, 2, 4), 2, codes=8192, middle_attends=False)
VQ8 = StageSizes(4, 128, (1, 2, 2, 4), 2, (3,), codes=16384)
KL16 = StageSizes(16, 128, (1, 1, 2, 2, 4), 2, (4,))


@dataclass(frozen=True)
class Published:
    """A system at its true size, and what is to be said of it."""

    unet: UnetSizes
    stage: StageSizes
    task: Task
    native: int
    condition: str = ""
    width: int = 0
    rows: int = 0
    depth: int = 0


def _wide(
    taken: int, made: int, channels: int, mult: tuple[int, ...], *at: int, **of: object
) -> UnetSizes:
    return UnetSizes(taken, made, channels, mult, 2, at, **of)  # type: ignore[arg-type]


PUBLISHED = {
    "txt2img-1p4B": Published(
        _wide(4, 4, 320, (1, 2, 4, 4), 4, 2, 1, context=1280), KL8, "text", 256, "bert", 1280, 30522, 32
    ),
    "text2img256": Published(
        _wide(3, 3, 192, (1, 2, 3, 5), 8, 4, 2, context=640), VQ4, "text", 256, "bert", 640, 30522, 32
    ),
    "cin256": Published(
        _wide(4, 4, 256, (1, 2, 4), 4, 2, 1, context=512), VQ8, "class", 256, "class", 512, 1000
    ),
    "cin256-v2": Published(
        _wide(3, 3, 192, (1, 2, 3, 5), 8, 4, 2, context=512), VQ4, "class", 256, "class", 512, 1001
    ),
    "celeba256": Published(_wide(3, 3, 224, (1, 2, 3, 4), 8, 4, 2), VQ4, "unconditional", 256),
    "lsun_churches256": Published(
        _wide(4, 4, 192, (1, 2, 2, 4, 4), 1, 2, 4, 8, heads=8, scale_shift=True, resblock_updown=True),
        KL8, "unconditional", 256,
    ),
    "semantic_synthesis256": Published(
        _wide(6, 3, 128, (1, 4, 8), 32, 16, 8, heads=8), VQ4, "semantic", 256, "map", 3, 182
    ),
    "layout2img-openimages256": Published(
        _wide(3, 3, 128, (1, 2, 3, 4), 8, 4, 2, context=512, depth=3), VQ4, "layout", 256, "bert", 512, 8192, 16
    ),
    "bsr_sr": Published(_wide(6, 3, 160, (1, 2, 2, 4), 16, 8), VQ4, "upscale", 256),
    "inpainting_big": Published(
        _wide(7, 3, 256, (1, 2, 3, 4), 8, 4, 2, heads=8, resblock_updown=True), VQ4_BARE, "inpaint", 256
    ),
    "rdm768x768": Published(
        _wide(16, 16, 448, (1, 2, 3, 4), 4, 2, 1, context=768), KL16, "retrieval", 768
    ),
}  # fmt: skip


@cache
def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a system; its networks are stated in full and take no memory."""
    system = PUBLISHED[name]
    with torch.device("meta"):
        whole = nn.ModuleDict({"model": nn.ModuleDict({"diffusion_model": Unet(system.unet)})})
        whole["first_stage_model"] = FirstStage(system.stage)
        if system.condition == "bert":
            places = 92 if system.task == "layout" else 77
            bert = Bert(system.rows, places, system.width, system.depth)
            whole["cond_stage_model"] = nn.ModuleDict({"transformer": bert})
        elif system.condition == "class":
            table = nn.Embedding(system.rows, system.width)
            whole["cond_stage_model"] = nn.ModuleDict({"embedding": table})
        elif system.condition == "map":
            mapper = nn.Conv2d(system.rows, system.width, 1, bias=False)
            whole["cond_stage_model"] = nn.ModuleDict({"channel_mapper": mapper})
    return {name: tuple(weight.shape) for name, weight in whole.state_dict().items()}


def written(name: str, folder: Path, file: str = "model.safetensors") -> WeightsFile:
    (folder / "vocab.txt").write_text("".join(f"{i}\n" for i in range(30522)), "utf-8")
    path = write_sparse(folder / file, shapes_of(name), "F32")
    return WeightsFile(path, read_weights(path))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_released_model_is_known_at_its_true_size(name: str, tmp_path: Path) -> None:
    facts, system = identify(written(name, tmp_path)), PUBLISHED[name]
    assert (facts.family, facts.variant, facts.task) == ("ldm", name, system.task)
    assert (facts.native_size, facts.reads_text) == (system.native, system.task == "text")
    factor = 2 ** (len(system.stage.mult) - 1)
    assert (facts.latent_channels, facts.latent_factor) == (system.stage.z, factor)
    assert facts.prediction == "epsilon"


@pytest.mark.parametrize(
    ("name", "count", "number", "label"),
    [
        ("cin256", 1000, 207, "golden retriever"),
        ("cin256-v2", 1000, 985, "daisy"),
        ("semantic_synthesis256", 182, 156, "sky-other"),
        ("layout2img-openimages256", 340, 0, "tortoise"),
    ],
)
def test_classes_have_the_names_of_their_data_set(
    name: str, count: int, number: int, label: str, tmp_path: Path
) -> None:
    classes = identify(written(name, tmp_path)).classes
    assert (len(classes), len(set(classes)), classes[number]) == (count, count, label)


def test_only_what_knows_nothing_to_guide_away_from_suits_no_guidance(tmp_path: Path) -> None:
    scales = {
        name: dict(identify(written(name, tmp_path)).defaults)["guidance_scale"]
        for name in ("cin256", "cin256-v2", "celeba256", "txt2img-1p4B")
    }
    assert scales == {"cin256": 1.0, "cin256-v2": 3.0, "celeba256": 1.0, "txt2img-1p4B": 5.0}


def test_maps_of_the_larger_model_are_larger(tmp_path: Path) -> None:
    file = written("semantic_synthesis256", tmp_path, "semantic_synthesis512.safetensors")
    assert identify(file).native_size == 512


def test_the_vocabulary_may_lie_in_a_folder_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "models" / "paper").mkdir(parents=True)
    (tmp_path / "models" / "bert-base-uncased").mkdir()
    file = written("text2img256", tmp_path / "models" / "paper")
    pieces = file.path.parent / "vocab.txt"
    place = tmp_path / "models" / "bert-base-uncased"
    pieces.rename(place / "vocab.txt")
    assert dict(identify(file).parts) == {"tokenizer": str(place)}


def test_a_missing_vocabulary_is_asked_for(tmp_path: Path) -> None:
    file = written("text2img256", tmp_path)
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(BrokenModel, match=r"vocab\.txt beside it"):
        identify(file)


def test_a_vocabulary_of_another_model_is_refused(tmp_path: Path) -> None:
    file = written("text2img256", tmp_path)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(BrokenModel, match="has 2 word pieces; the model knows 30522"):
        identify(file)


def _said(file: WeightsFile, **said: object) -> Facts:
    return identify(WeightsFile(file.path, file.header, said))


def test_a_person_may_say_what_it_is_like_and_how_its_classes_are_called(tmp_path: Path) -> None:
    file = written("cin256", tmp_path)
    facts = _said(file, like="cin256-v2", classes=["moss", "fern"])
    assert (facts.variant, facts.classes) == ("cin256-v2", ("moss", "fern"))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"like": "bsr_sr"}, "'cin256', 'cin256-v2' was expected"),
        ({"classes": "moss"}, "at most 1000 names"),
        ({"classes": ["moss"] * 1001}, "at most 1000 names"),
    ],
)
def test_what_a_person_says_wrongly_is_named(
    said: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(BrokenModel, match=sentence):
        _said(written("cin256", tmp_path), **said)


@pytest.mark.parametrize("shapes", [sd1_shapes(), sd2_shapes()])
def test_stable_diffusion_is_not_taken_for_one_of_them(
    shapes: dict[str, tuple[int, ...]], tmp_path: Path
) -> None:
    path = write_sparse(tmp_path / "sd.safetensors", shapes)
    answer = describe(WeightsFile(path, read_weights(path)))
    assert answer == No("its text encoder is CLIP's.")


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("celeba256", {"first_stage_model.post_quant_conv.weight": None}, "no first stage"),
        ("celeba256", {"model.diffusion_model.input_blocks.0.0.weight": (224, 8, 3, 3)}, "takes 5 channels"),
        ("cin256", {"cond_stage_model.embedding.weight": None}, "what makes the tokens"),
        ("celeba256", {"model.diffusion_model.out.2.weight": (5, 224, 3, 3)}, "draws 5 channels"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_has_its_reason(
    name: str, changes: dict[str, tuple[int, ...] | None], reason: str, tmp_path: Path
) -> None:
    shapes = {**shapes_of(name), **changes}
    kept = {key: shape for key, shape in shapes.items() if shape is not None}
    path = write_sparse(tmp_path / "model.safetensors", kept, "F32")
    answer = describe(WeightsFile(path, read_weights(path)))
    assert isinstance(answer, No)
    assert reason in answer.reason
