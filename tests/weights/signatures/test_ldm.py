"""The released models of the latent-diffusion papers are known by their headers alone, at full size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.weights.files import write_sparse
from tests.weights.ldm_layout import sd1_shapes, sd2_shapes
from tests.weights.ldm_released import PUBLISHED, shapes_of
from webui.contracts.errors import BrokenModel, LacksFile
from webui.weights.read import read_weights
from webui.weights.signatures import identify
from webui.weights.signatures.facts import Facts, No, WeightsFile
from webui.weights.signatures.ldm import describe


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
    with pytest.raises(LacksFile, match=r"vocab\.txt beside it") as raised:
        identify(file)
    assert raised.value.places[0] == str(tmp_path / "vocab.txt")


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
