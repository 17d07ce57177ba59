"""Full-size files of Stable Diffusion 1 and 2 are told apart by their headers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.weights.files import write_sparse
from tests.weights.ldm_layout import Shapes, sd1_shapes, sd2_shapes, unclip_shapes, x4_shapes
from webui.contracts.errors import BrokenModel, LacksFile, NotAModel
from webui.weights.read import read_weights
from webui.weights.signatures import identify
from webui.weights.signatures.facts import Facts, WeightsFile
from webui.weights.signatures.unclip import STATISTICS_FILE, STATISTICS_FOLDER


def _identify(file: Path, said: Mapping[str, Any] | None = None) -> Facts:
    return identify(WeightsFile(file, read_weights(file), said or {}))


@pytest.mark.parametrize(
    ("shapes", "variant", "task"),
    [
        (sd1_shapes(), "1.x", "text"),
        (sd1_shapes(9), "1.x", "inpaint"),
        (sd2_shapes(), "2.x", "text"),
        (sd2_shapes(9), "2.x", "inpaint"),
        (sd2_shapes(5), "2.x", "depth"),
    ],
)
def test_each_variant_is_known(tmp_path: Path, shapes: Shapes, variant: str, task: str) -> None:
    facts = _identify(write_sparse(tmp_path / "a.safetensors", shapes))
    assert (facts.family, facts.variant, facts.task) == ("sd1", variant, task)
    assert (facts.latent_channels, facts.latent_factor) == (4, 8)
    assert (facts.prediction, facts.native_size) == ("epsilon", 512)


def test_the_x4_upscaler_is_known_and_predicts_v(tmp_path: Path) -> None:
    facts = _identify(write_sparse(tmp_path / "a.safetensors", x4_shapes()))
    assert (facts.family, facts.variant, facts.task) == ("sd1", "x4", "upscale")
    assert (facts.latent_channels, facts.latent_factor, facts.native_size) == (4, 4, 512)
    assert (facts.prediction, facts.defaults) == ("v_prediction", (("noise_augmentation", 0.02),))
    said = _identify(write_sparse(tmp_path / "b.safetensors", x4_shapes()), {"prediction": "eps"})
    assert said.prediction == "epsilon"


def test_image_variations_are_known_and_predict_v(tmp_path: Path) -> None:
    facts = _identify(write_sparse(tmp_path / "a.safetensors", unclip_shapes()))
    assert (facts.family, facts.variant, facts.task) == ("sd1", "unclip", "variation")
    assert (facts.prediction, facts.native_size, facts.text_width) == ("v_prediction", 768, 1024)


def test_image_variations_by_the_smaller_clip_ask_for_its_statistics(tmp_path: Path) -> None:
    file = write_sparse(tmp_path / "models" / "a.safetensors", unclip_shapes(1024, 768, 24))
    with pytest.raises(LacksFile, match=r"ViT-L-14_stats\.th.*2-1-unclip-small") as error:
        _identify(file)
    assert error.value.places[0] == str(file.parent / STATISTICS_FILE)
    beside = tmp_path / STATISTICS_FOLDER / STATISTICS_FILE
    beside.parent.mkdir()
    torch.save((torch.zeros(768), torch.ones(512)), beside)
    with pytest.raises(BrokenModel, match="a mean and a spread of 768 numbers"):
        _identify(file)
    torch.save((torch.zeros(768), torch.ones(768)), beside)
    facts = _identify(file)
    assert (facts.task, facts.parts) == ("variation", (("image_normalizer", str(beside)),))


def test_image_variations_without_their_image_encoder_are_refused(tmp_path: Path) -> None:
    shapes = {n: s for n, s in unclip_shapes().items() if not n.startswith("embedder.")}
    with pytest.raises(NotAModel, match=r"unCLIP.*no image encoder"):
        _identify(write_sparse(tmp_path / "a.safetensors", shapes))
    other = unclip_shapes() | {"embedder.model.visual.proj": (1280, 512)}
    with pytest.raises(BrokenModel, match="told 1024 numbers of a picture"):
        _identify(write_sparse(tmp_path / "b.safetensors", other))


def test_a_network_of_version_1_that_is_told_a_vector_is_no_unclip(tmp_path: Path) -> None:
    shapes = sd1_shapes() | {"model.diffusion_model.label_emb.0.0.weight": (1280, 2048)}
    with pytest.raises(NotAModel, match="4 channels and a vector beside the timestep"):
        _identify(write_sparse(tmp_path / "a.safetensors", shapes))


def test_the_old_names_of_the_text_encoder_are_known(tmp_path: Path) -> None:
    shapes = {name.replace(".text_model.", "."): shape for name, shape in sd1_shapes().items()}
    assert _identify(write_sparse(tmp_path / "a.safetensors", shapes)).variant == "1.x"


def test_text_encoder_and_network_of_different_widths_are_broken(tmp_path: Path) -> None:
    shapes = sd1_shapes()
    shapes["cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"] = (49408, 7)
    with pytest.raises(BrokenModel, match="tokens of 768 numbers"):
        _identify(write_sparse(tmp_path / "a.safetensors", shapes))


@pytest.mark.parametrize("channels", [6, 12])
def test_other_input_channels_are_not_of_this_family(tmp_path: Path, channels: int) -> None:
    with pytest.raises(NotAModel, match=f"takes {channels} channels"):
        _identify(write_sparse(tmp_path / "a.safetensors", sd1_shapes(channels)))


def test_a_file_of_something_else_has_the_reasons(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match=r"sd1: it has no 'model\.diffusion_model"):
        _identify(write_sparse(tmp_path / "a.safetensors", {"x": [1]}))
