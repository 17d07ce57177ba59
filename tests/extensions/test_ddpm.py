"""The example family is identified, loaded and drawn with: as diffusers draws, where both take the same steps."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.unets.unet_2d import UNet2DModel

from tests.engine.rig import Rig, order
from tests.extensions.loading import EXAMPLES
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.ids import ModelId
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.shared_networks import SharedNetworks
from webui.engine.work import Predict
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.studio import StudioExtensions
from webui.services.added_families import AddedFamilies
from webui.services.catalog import Catalog

CPU = torch.device("cpu")


def write_ddpm(folder: Path, size: int = 64, channels: int = 3) -> Path:
    """A DDPMPipeline's folder of a few weights."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=size, in_channels=channels, out_channels=channels, block_out_channels=(8, 16),
        layers_per_block=1, down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"), norm_num_groups=4,
    )  # fmt: skip
    unet.save_pretrained(folder / "unet")
    index = {"_class_name": "DDPMPipeline", "unet": ["diffusers", "UNet2DModel"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "scheduler").mkdir()
    schedule = {"beta_schedule": "linear", "num_train_timesteps": 1000}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    return folder


@pytest.fixture
def studio() -> StudioExtensions:
    """With the example loaded."""
    made = StudioExtensions(HookHost())
    made.load(read_manifest(EXAMPLES / "ddpm"))
    assert made.host.failures() == ()
    return made


@pytest.fixture
def checkpoint(tmp_path: Path, studio: StudioExtensions) -> CheckpointInfo:
    write_ddpm(tmp_path / "church")
    catalog = Catalog([tmp_path], added=AddedFamilies(studio.families))
    return catalog.get(ModelId("church"))


def test_its_folders_are_identified_and_others_are_not(
    tmp_path: Path, studio: StudioExtensions
) -> None:
    write_ddpm(tmp_path / "church")
    write_ddpm(tmp_path / "small", size=32)
    write_ddpm(tmp_path / "grey", channels=1)
    catalog = Catalog([tmp_path], added=AddedFamilies(studio.families))
    (found,) = catalog.models()
    assert (found.id, found.family, found.task, found.native_width, found.reads_text) == (
        "church", "ddpm/DDPM", "unconditional", 64, False,
    )  # fmt: skip
    studio.unload("ddpm")
    assert catalog.models() == ()


def test_it_draws_and_leaves_the_memory_with_the_extension(checkpoint: CheckpointInfo) -> None:
    shared = SharedNetworks()
    rig = Rig(load=lambda info: load_model(info, CPU, shared, added=rig.engine.extensions.loaders))
    rig.engine.use_extensions({"ddpm": str(EXAMPLES / "ddpm")})
    draw = partial(order, checkpoint, width=64, height=64, sampler="Euler", steps=4)
    rig.finish(draw("one"), draw("two"), draw("other", seed=8))
    assert set(rig.ends().values()) == {"done"}, [rig.error(job) for job in rig.ends()]
    one, two, other = (rig.pictures(job)[0] for job in ("one", "two", "other"))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    assert all(work.tokens is None for work in rig.works(Predict))
    rig.engine.use_extensions({})
    assert not rig.residency.is_known(checkpoint)
    rig.finish(draw("gone"))
    assert "a family of the extension 'ddpm', which is not in use" in rig.error("gone")


def test_its_predictions_are_those_of_diffusers(checkpoint: CheckpointInfo) -> None:
    """The guess of the clean picture at a step, from what diffusers' own network says there."""
    rig = Rig()
    rig.engine.use_extensions({"ddpm": str(EXAMPLES / "ddpm")})
    model: LoadedModel = load_model(checkpoint, CPU, added=rig.engine.extensions.loaders)
    theirs = UNet2DModel.from_pretrained(Path(checkpoint.path) / "unet")
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        own = model.unet(x, torch.tensor([500.0]), return_dict=False)[0]
        wanted = theirs(x, 500).sample
    assert torch.allclose(own, wanted, atol=1e-5)
    betas = torch.linspace(0.0001, 0.02, 1000, dtype=torch.float64)
    kept = torch.cumprod(1 - betas, 0)[500]
    assert model.levels.sigma(500) == pytest.approx(float(((1 - kept) / kept).sqrt()), rel=1e-6)
