"""Upscalers of extensions enlarge, families of extensions load, and what fails carries the extension's name."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from tests.hooks.writing import write_extension
from tests.workers.listening import SECONDS
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import HookFailed, NotAModel
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import AdapterId
from webui.contracts.messages import ExtensionFailed
from webui.contracts.parameters.upscaling import IN_TILES
from webui.engine.adapters.upscaler import LoadedUpscaler
from webui.engine.denoisers import NoiseLevels
from webui.engine.extension_methods import named_loader
from webui.engine.families.assembling import model_of
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.resample import through_upscaler
from webui.engine.shared_networks import Place, SharedNetworks
from webui.engine.work import DecodeLatent, EncodeImage, UpscalePixels
from webui.hooks.host import HookHost

CPU = torch.device("cpu")
UPSCALERS = """
import time
import numpy as np
import torch
from webui.engine.work import EncodeImage, DecodeLatent
from webui.hooks.specs import hookimpl

def twice(pixels, width, height):
    return pixels.repeat(2, 0).repeat(2, 1)

def black(pixels, width, height):
    pixels[...] = 7  # its own copy
    return np.zeros((height, width, 3), np.uint8)

def fails(pixels, width, height):
    raise RuntimeError("no more paint")

def odd(pixels, width, height):
    return pixels / 255

def slow(pixels, width, height):
    time.sleep(0.6)
    return pixels

def works(model):
    def redrawn(pixels, width, height):
        tensor = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 127.5 - 1
        latent = yield EncodeImage(MODEL[0], tensor)
        return (yield DecodeLatent(MODEL[0], latent, pixels.shape[1], pixels.shape[0]))
    return redrawn

MODEL = []

@hookimpl
def model_loaded(model):
    MODEL[:] = [model]

@hookimpl
def upscaler_functions():
    return {"twice": twice, "black": black, "fails": fails, "odd": odd, "slow": slow, "works": works(None)}
"""


@pytest.fixture
def rig(library: Library, tmp_path: Path) -> Rig:
    """An engine with the upscalers."""
    made = Rig(library.model("text"))
    made.engine.extensions.use({"own": str(write_extension(tmp_path, "own", worker=UPSCALERS))})
    made.engine.extensions.host.observe("model_loaded", model=library.model("text"))
    assert made.engine.extensions.host.settle()
    return made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """40 x 32 pixels."""
    return save_picture(tmp_path / "a.png", 40, 32)


def enlarged(library: Library, rig: Rig, image: Path, job: str, **fields: Any) -> None:
    wanted = {"upscale_factor": 2.0, "width": 80, "height": 64, **fields}
    rig.finish(order(library.model("text").checkpoint, job, files={"image": image}, **wanted))


def test_an_upscaler_enlarges_and_is_resampled_to_the_factor(
    library: Library, rig: Rig, image: Path
) -> None:
    enlarged(library, rig, image, "exact", upscaler="own/twice")
    enlarged(library, rig, image, "near", upscaler="Nearest")
    more: dict[str, Any] = {"upscale_factor": 3.0, "width": 120, "height": 96}
    enlarged(library, rig, image, "more", upscaler="own/twice", **more)
    assert np.array_equal(rig.pictures("exact")[0], rig.pictures("near")[0])
    with Image.open(image) as small:
        twice = Image.fromarray(np.asarray(small).repeat(2, 0).repeat(2, 1))
    resampled = np.asarray(twice.resize((120, 96), Image.Resampling.LANCZOS))
    assert np.array_equal(rig.pictures("more")[0], resampled)


def test_it_stands_wherever_an_upscaler_does(library: Library, rig: Rig, image: Path) -> None:
    enlarged(library, rig, image, "second", upscaler="Nearest", upscaler_2="own/black")
    enlarged(library, rig, image, "first", upscaler="Nearest")
    half = rig.pictures("first")[0].astype(int) / 2
    assert np.abs(rig.pictures("second")[0] - half).max() <= 1
    tiles: dict[str, Any] = {"upscaler": IN_TILES, "tile_strength": 0.0, "tile_size": 128}
    enlarged(library, rig, image, "tiles", tile_upscaler="own/black", **tiles)
    enlarged(library, rig, image, "plain", tile_upscaler="Nearest", **tiles)
    assert not np.array_equal(rig.pictures("tiles")[0], rig.pictures("plain")[0])
    model = library.model("text")
    hires: dict[str, Any] = {"hires_scale": 2.0, "width": 64, "height": 64, "hires_steps": 1}
    for name in ("own/twice", "Nearest", "own/black"):
        rig.finish(order(model.checkpoint, name, hires_upscaler=name, **hires))
    assert np.array_equal(rig.pictures("own/twice")[0], rig.pictures("Nearest")[0])
    assert not np.array_equal(rig.pictures("own/black")[0], rig.pictures("Nearest")[0])


def test_one_that_is_a_generator_has_work_done(library: Library, rig: Rig, image: Path) -> None:
    enlarged(library, rig, image, "works", upscaler="own/works")
    assert rig.ends() == {"works": "done"}, rig.error("works")
    assert len(rig.works(EncodeImage)) == len(rig.works(DecodeLatent)) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("fails", "no more paint"), ("odd", "(height, width, 3) of uint8 was expected")],
)
def test_a_failure_ends_the_job_and_names_the_extension(
    library: Library, rig: Rig, image: Path, name: str, said: str
) -> None:
    enlarged(library, rig, image, "job", upscaler=f"own/{name}")
    assert f"'own' failed in its upscaler '{name}'" in rig.error("job")
    assert said in rig.error("job")
    (told,) = [event for event in rig.events if isinstance(event, ExtensionFailed)]
    assert (told.extension, told.hook, told.kind) == ("own", "upscaler_functions", "failed")


def test_a_slow_one_is_named_and_believed(
    library: Library, tmp_path: Path, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.hooks.host.BUDGET_SECONDS", 0.5)
    rig = Rig(library.model("text"))
    rig.engine.extensions.use({"own": str(write_extension(tmp_path, "own", worker=UPSCALERS))})
    enlarged(library, rig, image, "job", upscaler="own/slow")
    assert rig.ends() == {"job": "done"}
    told = [event for event in rig.events if isinstance(event, ExtensionFailed)]
    slow = ("own", "upscaler_functions", "slow")
    assert slow in [(event.extension, event.hook, event.kind) for event in told]


def test_one_that_is_gone_is_named_and_other_pictures_are_as_before(
    library: Library, rig: Rig, image: Path
) -> None:
    enlarged(library, rig, image, "before", upscaler="Lanczos")
    rig.engine.extensions.use({})
    enlarged(library, rig, image, "gone", upscaler="own/twice")
    assert "no upscaler 'own/twice', and no extension in use offers one" in rig.error("gone")
    enlarged(library, rig, image, "after", upscaler="Lanczos")
    assert np.array_equal(rig.pictures("after")[0], rig.pictures("before")[0])


def test_a_file_goes_before_an_upscaler_of_the_same_name(library: Library, rig: Rig) -> None:
    """So no extension takes the place of a file, whatever it is called."""
    info = AdapterInfo(AdapterId("own/black"), "upscaler", "black", "black.safetensors", 1)
    net = LoadedUpscaler(info, lambda pixels: pixels, 1, CPU, torch.float32, 1)
    command = order(library.model("text").checkpoint)
    asked = PictureOrder(command.request, 0, adapters={info.id: net})
    asked = rig.engine.extensions.present.for_picture(
        replace(asked, request=command.request.model_copy(update={"upscaler": "own/black"}))
    )
    picture = Image.new("RGB", (16, 16), "red")
    program = through_upscaler("own/black", asked, library.model("text"), picture, (16, 16))
    assert isinstance(next(program), UpscalePixels)


class Constant(torch.nn.Module):
    """A network of one weight, of no library's shape: the noise is a share of what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.share = torch.nn.Parameter(torch.tensor(0.5), requires_grad=False)

    def forward(
        self, x: torch.Tensor, t: torch.Tensor, *, return_dict: bool
    ) -> tuple[torch.Tensor]:
        """(R, C, H, W) of the same."""
        return (x * self.share,)


LEVELS = NoiseLevels.from_alphas([1 - 0.0009 * (i + 1) for i in range(1000)], "epsilon")
PIXELS = replace(
    FAKE_CHECKPOINT, family="own/pixels", task="unconditional", latent_channels=3, latent_factor=1,
    native_width=64, native_height=64, reads_text=False,
)  # fmt: skip


def loads(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
    return model_of(checkpoint, place, Constant(), LEVELS)


@pytest.fixture
def pixels(tmp_path: Path) -> CheckpointInfo:
    """A checkpoint of the family, which has a file."""
    (tmp_path / "pixels.bin").write_bytes(b"1")
    return replace(PIXELS, path=str(tmp_path / "pixels.bin"))


def test_a_model_of_an_added_family_is_accounted_for_and_draws(pixels: CheckpointInfo) -> None:
    shared = SharedNetworks()
    load = named_loader("own", "pixels", loads, HookHost("worker"))
    model = load_model(pixels, CPU, shared, added={"own/pixels": load})
    assert isinstance(model.unet, Constant)
    assert model.networks == (model.unet,)
    assert shared.bytes == 4
    rig = Rig(model)
    size: dict[str, Any] = {"width": 64, "height": 64, "steps": 3}
    rig.finish(order(model.checkpoint, "one", **size), order(model.checkpoint, "two", **size))
    rig.finish(order(model.checkpoint, "other", **{**size, "seed": 8}, hires_scale=2.0))
    assert set(rig.ends().values()) == {"done"}, [rig.error(job) for job in rig.ends()]
    assert np.array_equal(rig.pictures("one")[0], rig.pictures("two")[0])
    assert rig.pictures("one")[0].shape == (64, 64, 3)
    assert rig.pictures("other")[0].shape == (128, 128, 3)
    assert any(step.preview for step in rig.steps("one"))


@pytest.mark.parametrize(
    ("load", "said"),
    [
        (lambda *_: 1 / 0, "division by zero"),
        (lambda *_: Constant(), "a LoadedModel was expected"),
        (lambda *_: threading.Event().wait(SECONDS), "did not come to an end within 0.1 s"),
    ],
)
def test_a_loader_that_fails_or_never_ends_is_named(
    pixels: CheckpointInfo, load: Any, said: str
) -> None:
    host = HookHost("worker")
    named = named_loader("own", "pixels", load, host, 0.1 if "did not" in said else SECONDS)
    with pytest.raises(HookFailed, match="The extension 'own' failed when it had to load") as told:
        load_model(pixels, CPU, added={"own/pixels": named})
    assert said in str(told.value)
    assert [(f.extension, f.hook) for f in host.failures()] == [("own", "family_loaders")]


def test_a_family_of_an_extension_that_is_not_in_use_is_named(pixels: CheckpointInfo) -> None:
    with pytest.raises(NotAModel, match="a family of the extension 'own', which is not in use"):
        load_model(pixels, CPU)


def test_what_an_extension_loaded_is_loaded_anew_with_it(
    pixels: CheckpointInfo, tmp_path: Path
) -> None:
    loaded: list[CheckpointInfo] = []

    def load(checkpoint: CheckpointInfo) -> LoadedModel:
        loaded.append(checkpoint)
        return loads(checkpoint, Place(CPU))

    rig = Rig(load=load)
    for job in ("first", "second"):
        rig.finish(order(pixels, job, width=64, height=64, steps=1))
    assert len(loaded) == 1
    rig.engine.use_extensions({})
    assert not rig.residency.is_known(pixels)
    rig.finish(order(pixels, "third", width=64, height=64, steps=1))
    assert len(loaded) == 2
    assert np.array_equal(rig.pictures("first")[0], rig.pictures("third")[0])


ASKED = """
import sys
import time
from webui.hooks.specs import hookimpl

@hookimpl
def {hook}():
    {act}
"""


@pytest.mark.parametrize("hook", ["upscaler_functions", "family_loaders", "sampler_functions"])
@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("while True:\n        time.sleep(0.01)", "did not come to an end within 1 s"),
        ("sys.modules['json'] = None", "replaced or removed modules of the program (json)"),
        ("return {3: 4}", "a function was expected"),
        ("return {'a': 4}", "a function was expected"),
        ("raise RuntimeError('not today')", "not today"),
    ],
)
def test_one_that_does_harm_when_it_is_asked_is_named_and_the_others_are_there(
    library: Library,
    tmp_path: Path,
    hook: str,
    act: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webui.engine.extensions.OFFER_SECONDS", 1)
    name = f"harm_{hook}_{len(said)}"
    folders = {
        name: write_extension(tmp_path, name, worker=ASKED.format(hook=hook, act=act)),
        "own": write_extension(tmp_path, "own", worker=UPSCALERS),
    }
    rig = Rig(library.model("text"))
    rig.engine.extensions.use({each: str(folder) for each, folder in folders.items()})
    assert sys.modules["json"] is json
    (told,) = [event for event in rig.events if isinstance(event, ExtensionFailed)]
    assert told.extension == name
    assert said in told.message
    enlarged(library, rig, save_picture(tmp_path / "a.png", 40, 32), "job", upscaler="own/twice")
    assert rig.ends() == {"job": "done"}


def test_nobody_waits_twice_for_one_that_never_says_what_it_offers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.engine.extensions.OFFER_SECONDS", 0.2)
    code = ASKED.format(hook="family_loaders", act="while True:\n        time.sleep(0.01)")
    folder = write_extension(tmp_path, "endless_there", worker=code)
    rig = Rig()
    rig.engine.use_extensions({"endless_there": str(folder)})
    monkeypatch.setattr("webui.engine.extensions.OFFER_SECONDS", SECONDS)
    rig.engine.use_extensions({"endless_there": str(folder)})
    said = [event.message for event in rig.events if isinstance(event, ExtensionFailed)]
    assert "did not come to an end within 0.2 s" in said[0]
    assert "an earlier call of it still goes on" in said[1]
