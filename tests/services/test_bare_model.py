"""A network in a file is a model with the rest of a folder, and says what it lacks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests.engine.families.tiny_flow import tiny_flux
from tests.engine.flow_layout.published import FLUX, published
from webui.contracts.errors import BrokenModel, LacksFile, NotAModel
from webui.contracts.ids import ModelId
from webui.services.catalog import Catalog
from webui.services.single_file import describe_file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models: a network in `networks`, and the rest of it in `flux`, without a network."""
    folder = tmp_path_factory.mktemp("bare")
    pipeline = tiny_flux()
    pipeline.save_pretrained(folder / "flux")
    (folder / "flux/transformer/diffusion_pytorch_model.safetensors").unlink()
    (folder / "networks").mkdir()
    weights = published(pipeline.transformer.state_dict(), FLUX)
    safetensors.torch.save_file(weights, folder / "networks/drawn.safetensors")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "models"))


def test_it_is_a_model_with_the_rest_of_the_only_folder_beside_it(folder: Path) -> None:
    model = Catalog([folder]).get(ModelId("networks/drawn.safetensors"))
    assert (model.family, model.task, model.prediction) == ("flux", "text", "flow")
    assert model.part("vae") == str(folder / "flux/vae")
    assert model.part("transformer") == model.path == str(folder / "networks/drawn.safetensors")
    assert model.is_in_parts
    assert model.bytes == Path(model.path).stat().st_size


def test_the_rest_may_come_later(folder: Path) -> None:
    (folder / "flux").rename(folder.parent / "flux")
    catalog = Catalog([folder])
    assert "text encoders" in dict(catalog.problems())[str(folder / "networks/drawn.safetensors")]
    (folder.parent / "flux").rename(folder / "flux")
    catalog.refresh()
    assert catalog.get(ModelId("networks/drawn.safetensors")).family == "flux"


def test_of_several_folders_one_has_to_be_named(folder: Path) -> None:
    shutil.copytree(folder / "flux", folder / "other")
    file = folder / "networks/drawn.safetensors"
    with pytest.raises(BrokenModel, match="'flux', 'other'"):
        describe_file(file, ModelId("x"))
    file.with_suffix(".json").write_text(json.dumps({"rest": "../other"}))
    model = describe_file(file, ModelId("x"))
    assert model is not None
    assert model.part("vae") == str(folder / "other/vae")


@pytest.mark.parametrize(
    ("rest", "kind"),
    [("../../elsewhere", BrokenModel), (7, BrokenModel), ("../nowhere", LacksFile)],
)
def test_a_rest_that_cannot_be_used_is_named(
    folder: Path, rest: object, kind: type[Exception]
) -> None:
    file = folder / "networks/drawn.safetensors"
    file.with_suffix(".json").write_text(json.dumps({"rest": rest}))
    with pytest.raises(kind, match="rest"):
        describe_file(file, ModelId("x"))


def test_a_network_of_another_latent_is_none_of_this_folder(folder: Path) -> None:
    file = folder / "networks/drawn.safetensors"
    weights = safetensors.torch.load_file(file)
    safetensors.torch.save_file({**weights, "img_in.weight": torch.zeros(16, 384)}, file)
    with pytest.raises(NotAModel, match="384"):
        describe_file(file, ModelId("x"))
