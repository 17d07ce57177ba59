"""Previews by TAESD, and what is shown where it cannot be used."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from safetensors.torch import save_file

from tests.engine.library import Library
from tests.engine.rig import Rig, opened, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.engine.adapters.store import AdapterStore
from webui.engine.adapters.vae import LoadedVae, load_vae
from webui.engine.engine import EngineOptions
from webui.engine.model import LoadedModel
from webui.engine.previewer import SHARE, Previewer
from webui.engine.previews import halved, preview

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> AdapterInfo:
    """A random TAESD with the tiny text model's latents: 4 channels, at 1/8 of the size."""
    path = tmp_path_factory.mktemp("vae") / "taesd.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(1)
        save_file({n: t.contiguous() for n, t in AutoencoderTiny().state_dict().items()}, path)
    return AdapterInfo(AdapterId("vae/taesd"), "vae", "taesd", str(path), 1, is_tiny=True)


def eighth(model: LoadedModel) -> LoadedModel:
    """The model, said to have latents of 1/8 of the size."""
    return replace(model, checkpoint=replace(model.checkpoint, latent_factor=8))


def test_it_shows_what_taesd_makes_of_the_latent(library: Library, tiny: AdapterInfo) -> None:
    latent = torch.randn(1, 4, 8, 8)
    shown = Previewer(AdapterStore(), tiny, lambda: 0.0).show(latent, eighth(library.model("text")))
    with torch.inference_mode():
        picture = load_vae(tiny, CPU).vae.decode(latent, return_dict=False)[0]
    assert shown == halved(picture)
    assert opened(shown).size == (32, 32)
    half = picture[0].reshape(3, 32, 2, 32, 2).mean((2, 4)).permute(1, 2, 0)
    expected = (half * 127.5 + 127.5).clamp(0, 255).numpy()
    assert np.abs(np.asarray(opened(shown)) - expected).max() <= 1


@pytest.mark.parametrize("reason", ["none", "other latents", "damaged"])
def test_a_projection_shows_it_else(
    library: Library, tiny: AdapterInfo, tmp_path: Path, reason: str
) -> None:
    model, latent = library.model("text"), torch.randn(1, 4, 8, 8)
    told: AdapterInfo | None = tiny
    if reason == "none":
        told = None
    if reason == "damaged":
        (tmp_path / "a.safetensors").write_bytes(b"no weights")
        told, model = replace(tiny, path=str(tmp_path / "a.safetensors")), eighth(model)
    shown = Previewer(AdapterStore(), told, lambda: 0.0).show(latent, model)
    assert shown == preview(latent, model.preview, model.checkpoint.latent_factor)


def test_while_taesd_loads_a_projection_stands_in(library: Library, tiny: AdapterInfo) -> None:
    model, latent = eighth(library.model("text")), torch.randn(1, 4, 8, 8)
    may_load, loaded = threading.Event(), threading.Event()

    def load(info: AdapterInfo, device: torch.device) -> LoadedVae:
        may_load.wait(10)
        return load_vae(info, device)

    previewer = Previewer(AdapterStore(on_loaded=loaded.set, load=load), tiny, lambda: 0.0)
    assert previewer.show(latent, model) == preview(latent, model.preview, 8)
    may_load.set()
    assert loaded.wait(30)
    assert previewer.show(latent, model) != preview(latent, model.preview, 8)


def test_previews_take_no_more_than_their_share(library: Library) -> None:
    times = iter((10.0, 12.0, 12.5))  # the first preview of a model makes its projection
    previewer = Previewer(AdapterStore(), None, lambda: next(times))
    previewer.show(torch.randn(1, 4, 8, 8), library.model("text"))
    assert previewer.pause == pytest.approx(0.5 / SHARE)


def test_a_job_is_shown_by_the_taesd_of_its_order(library: Library, tiny: AdapterInfo) -> None:
    model = eighth(library.model("text"))
    rig = Rig(model, options=EngineOptions(preview_seconds=0.0), clock=lambda: 1.0)
    rig.finish(
        replace(order(model.checkpoint, "shown", width=64, height=64), preview=tiny),
        order(model.checkpoint, "plain", width=64, height=64),
    )
    first, other = (
        next(e.preview for e in rig.steps(job) if e.preview) for job in ("shown", "plain")
    )
    assert opened(first).size == opened(other).size == (32, 32)
    assert first != other
    assert np.array_equal(rig.pictures("shown")[0], rig.pictures("plain")[0])
