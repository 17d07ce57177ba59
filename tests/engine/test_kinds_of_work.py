"""The engine's promises hold for every kind of picture, not only for text to image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.engine.library import Library, save_grey, save_picture
from tests.engine.rig import Rig, image_id, opened, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import Task
from webui.contracts.ids import AdapterId, JobId
from webui.contracts.messages import RunJob
from webui.engine.adapters.controlnet import LoadedControl
from webui.engine.adapters.merging import MergedWeights
from webui.engine.adapters.store import Adapter, AdapterStore, load_adapter
from webui.engine.execute import execute
from webui.engine.work import Answer, Predict, Work, rows_of

TASK_OF: dict[str, Task] = {
    "semantic": "semantic",
    "depth": "depth",
    "layout": "layout",
    "inpaint": "inpaint",
    "held inpaint": "text",
    "upscale": "upscale",
    "control": "text",
    "lora": "text",
}
BOXES = [
    {"label": "sea", "left": 0.0, "top": 0.5, "right": 1.0, "bottom": 1.0},
    {"label": "sky", "left": 0.0, "top": 0.0, "right": 1.0, "bottom": 0.5},
]
ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn2"
Make = Callable[..., RunJob]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures and a LoRA."""
    folder = tmp_path_factory.mktemp("shelf")
    save_picture(folder / "image.png", 16, 16)
    rows = np.arange(32, dtype=np.uint8)[:, None].repeat(32, 1)
    save_grey(folder / "mask.png", (rows > 15).astype(np.uint8) * 255)
    save_grey(folder / "class_map.png", rows // 11)
    save_grey(folder / "depth_map.png", rows * 8)
    generator = torch.Generator().manual_seed(0)
    shapes = {
        f"unet.{ATTENTION}.to_k": 32,
        "text_encoder.encoder.layers.0.self_attn.q_proj": 16,
    }
    halves = {
        f"{name}.lora_{half}.weight": torch.randn(shape, generator=generator)
        for name, width in shapes.items()
        for half, shape in (("A", (2, 16)), ("B", (width, 2)))
    }
    save_file(halves, folder / "lora.safetensors")
    return folder


@pytest.fixture(params=list(TASK_OF))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def make(kind: str, library: Library, shelf: Path) -> Make:
    """Makes an order of the kind, with these fields in it."""
    names: tuple[str, ...] = {
        "semantic": ("class_map",), "depth": ("depth_map",), "upscale": ("image",),
        "inpaint": ("image", "mask"), "held inpaint": ("image", "mask"), "control": ("hint",),
    }.get(kind, ())  # fmt: skip
    files = {name: shelf / f"{'image' if name == 'hint' else name}.png" for name in names}
    fields: dict[str, Any] = {"boxes": BOXES} if kind == "layout" else {}
    adapters: tuple[AdapterInfo, ...] = ()
    if kind == "control":
        adapters = (library.control(),)
        hint = image_id(files["hint"])
        fields = {"controls": [{"adapter": adapters[0].id, "image": hint, "weight": 0.8}]}
    if kind == "lora":
        path = str(shelf / "lora.safetensors")
        adapters = (AdapterInfo(AdapterId("loras/some"), "lora", "Some", path, 1),)
        fields = {"loras": [{"adapter": adapters[0].id, "weight": 0.5}]}
    checkpoint = library.model(TASK_OF[kind]).checkpoint

    def ordered(job: str = "job", **more: Any) -> RunJob:
        return order(checkpoint, job, files=files, adapters=adapters, **{**fields, **more})

    return ordered


def rig_for(library: Library, kind: str, **options: Any) -> Rig:
    return Rig(library.model(TASK_OF[kind]), **options)


def test_a_picture_made_twice_alone_is_the_same_to_the_bit(
    library: Library, kind: str, make: Make
) -> None:
    first, second = rig_for(library, kind), rig_for(library, kind)
    for rig in (first, second):
        rig.finish(make(sampler="Euler a"))
    assert np.array_equal(first.pictures("job")[0], second.pictures("job")[0])


def test_it_is_not_the_picture_that_comes_without(library: Library, kind: str, make: Make) -> None:
    """Of what the kind adds: a check on the tests around this one."""
    if kind not in ("layout", "control", "lora"):
        return
    rig = rig_for(library, kind)
    rig.finish(make("with"), make("without", boxes=[], controls=[], loras=[]))
    assert not np.array_equal(rig.pictures("with")[0], rig.pictures("without")[0])


def test_a_picture_in_a_crowd_is_within_one_level_of_the_same_alone(
    library: Library, kind: str, make: Make
) -> None:
    alone, crowd = rig_for(library, kind), rig_for(library, kind)
    alone.finish(make(seed=3))
    others = [make(f"other {i}", seed=i, steps=3 + i) for i in range(4)]
    plain = [] if TASK_OF[kind] != "text" else [order(others[0].checkpoint, "plain", steps=6)]
    crowd.finish(*others, *plain, make(seed=3))
    assert set(crowd.ends().values()) == {"done"}
    difference = crowd.pictures("job")[0].astype(int) - alone.pictures("job")[0]
    assert abs(difference).max() <= 1
    rows = 1 if kind == "upscale" else 2
    assert max(crowd.predicted_rows()) == 5 * rows + (rows if kind == "held inpaint" else 0)


def test_a_cancelled_job_ends_at_once_and_touches_no_other(
    library: Library, kind: str, make: Make
) -> None:
    alone, rig = rig_for(library, kind), rig_for(library, kind)
    alone.finish(make("kept"))
    rig.engine.start(make("kept"))
    rig.engine.start(make("unwanted", count=2, steps=200))
    rig.tick_until(lambda: bool(rig.steps("unwanted")))
    rig.engine.cancel(JobId("unwanted"))
    assert rig.ends() == {"unwanted": "cancelled"}
    rig.tick_until_idle()
    assert rig.ends() == {"unwanted": "cancelled", "kept": "done"}
    difference = rig.pictures("kept")[0].astype(int) - alone.pictures("kept")[0]
    assert abs(difference).max() <= 1


def test_rows_are_split_when_not_even_two_fit(library: Library, kind: str, make: Make) -> None:
    def one_row(works: Sequence[Work]) -> list[Answer]:
        if isinstance(works[0], Predict) and sum(map(rows_of, works)) > 1:
            raise MemoryError
        return execute(works)

    plain, tight = rig_for(library, kind), rig_for(library, kind, run=one_row)
    for rig in (plain, tight):
        rig.finish(make(steps=1))
    assert tight.ends() == {"job": "done"}
    difference = tight.pictures("job")[0].astype(int) - plain.pictures("job")[0]
    assert abs(difference).max() <= 1


def test_the_first_step_has_a_preview_of_half_the_size(
    library: Library, kind: str, make: Make
) -> None:
    rig = rig_for(library, kind)
    rig.finish(make())
    height, width = rig.pictures("job")[0].shape[:2]
    assert opened(rig.steps("job")[0].preview).size == (width // 2, height // 2)


def test_it_draws_in_half_precision(library: Library, kind: str, make: Make) -> None:
    """As on a GPU: whatever is computed in float32 must be cast where it meets the networks."""
    half = torch.bfloat16
    whole = library.model(TASK_OF[kind])
    model = replace(
        whole,
        dtype=half,
        unet=deepcopy(whole.unet).to(half),
        text_encoder=whole.text_encoder and deepcopy(whole.text_encoder).to(half),
        merged=MergedWeights(),
    )

    def load(info: AdapterInfo, device: torch.device) -> Adapter:
        adapter = load_adapter(info, device)
        if isinstance(adapter, LoadedControl):
            return replace(adapter, net=adapter.net.to(half), dtype=half)
        return adapter

    rig = Rig(model, adapters=AdapterStore(load=load))
    rig.finish(make())
    assert rig.ends() == {"job": "done"}, rig.error("job")
    full = rig_for(library, kind)
    full.finish(make())
    difference = rig.pictures("job")[0].astype(int) - full.pictures("job")[0]
    assert abs(difference).mean() < 12
