"""Jobs of unequal kinds, to one of which something happens: the pictures of the others must not show it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from tests.engine.adapters.ip_files import write_encoder, write_ip_adapter
from tests.engine.adapters.upscaler_files import write_upscaler
from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, image_id, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId, JobId
from webui.contracts.messages import RunJob
from webui.engine import engine as engine_module
from webui.engine.adapters.store import AdapterStore
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.programs import PictureOrder, program_for
from webui.engine.work import Answer, Program, Work

ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn2"


class Crowd:
    """Jobs of unequal kinds, the first of which is the one that something happens to."""

    def __init__(self, library: Library, folder: Path) -> None:
        picture = save_picture(folder / "image.png")
        text, layout = library.model("text"), library.model("layout")
        self.models = (text, layout)
        control, lora = library.control(), _write_lora(folder / "lora.safetensors")
        upscaler = write_upscaler(folder / "upscaler.safetensors")
        encoder = write_encoder(folder / "image_encoder")
        looks = write_ip_adapter(folder / "looks.safetensors", text)
        use = {"adapter": control.id, "image": image_id(picture), "weight": 0.8}
        seen = {"adapter": looks.id, "image": image_id(picture)}
        large = {"upscaler": upscaler.id, "upscale_factor": 2.0, "width": 64, "height": 64}
        box = {"label": "sea", "left": 0.0, "top": 0.5, "right": 1.0, "bottom": 1.0}
        self.orders = [
            self._order(text, "victim", lora, files={"image": picture}, prompt="a tree", count=2),
            self._order(text, "img2img", files={"image": picture}, sampler="Euler a", seed=3),
            self._order(text, "control", control, files={"hint": picture}, controls=[use], seed=4),
            self._order(text, "lora", lora, prompt="a boat", sampler="Heun", seed=5),
            self._order(layout, "layout", boxes=[box], seed=6, steps=4),
            self._order(
                text, "looks", looks, encoder, files={"hint": picture}, controls=[seen], seed=7
            ),
            self._order(text, "large", upscaler, files={"image": picture}, **large),
        ]
        self._adapters = AdapterStore()
        self.alone = {order.job_id: self._alone(order) for order in self.orders}

    def rig(self, run: Callable[[Sequence[Work]], list[Answer]] = execute) -> Rig:
        """An engine for them, in which every turn takes one second: so each run is the same.

        Adapters are loaded in the first run alone, and must come out of each as they were.
        """
        clock = itertools.count().__next__
        return Rig(*self.models, run=run, adapters=self._adapters, clock=clock)

    @property
    def jobs(self) -> list[str]:
        """Their names."""
        return [command.job_id for command in self.orders]

    def start(self, rig: Rig) -> None:
        """Start them all."""
        for command in self.orders:
            rig.engine.start(command)

    def check(self, rig: Rig, *but: str) -> None:
        """All but these have ended well, with the pictures that they make alone."""
        for job in [job for job in self.jobs if job not in but]:
            assert rig.ends()[job] == "done", rig.error(job)
            for mine, expected in zip(rig.pictures(job), self.alone[JobId(job)], strict=True):
                assert abs(mine.astype(int) - expected).max() <= 1

    def _order(
        self, model: LoadedModel, job: str, *adapters: AdapterInfo, **more: object
    ) -> RunJob:
        fields: dict[str, object] = {"steps": 3, "denoising_strength": 0.9, **more}
        if any(adapter.kind == "lora" for adapter in adapters):
            fields["loras"] = [
                {"adapter": a.id, "weight": 0.5} for a in adapters if a.kind == "lora"
            ]
        return order(model.checkpoint, job, adapters=adapters, **fields)  # type: ignore[arg-type]

    def _alone(self, command: RunJob) -> list[NDArray[np.uint8]]:
        rig = self.rig()
        rig.finish(command)
        return rig.pictures(command.job_id)


def _write_lora(path: Path) -> AdapterInfo:
    generator = torch.Generator().manual_seed(0)
    names = {f"unet.{ATTENTION}.to_k": 32, "text_encoder.encoder.layers.0.self_attn.q_proj": 16}
    halves = {
        f"{name}.lora_{half}.weight": torch.randn(shape, generator=generator)
        for name, width in names.items()
        for half, shape in (("A", (2, 16)), ("B", (width, 2)))
    }
    save_file(halves, path)
    return AdapterInfo(AdapterId("loras/some"), "lora", "Some", str(path), 1)


def for_the_victim(monkeypatch: pytest.MonkeyPatch, change: Callable[[Program], Program]) -> None:
    def make(order: PictureOrder, model: LoadedModel) -> Iterator[object]:
        program = program_for(order.request, model.checkpoint)(order, model)
        return change(program) if order.request.prompt == "a tree" else program

    monkeypatch.setattr(engine_module, "program_for", lambda *_: make)
