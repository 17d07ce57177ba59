"""The second pass of txt2img."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.engine.drive import drive
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.conditions import LoraUse
from webui.contracts.ids import AdapterId
from webui.contracts.messages import StepDone
from webui.contracts.parameters.hires import LATENT_UPSCALERS, PIXEL_UPSCALERS
from webui.contracts.request import GenerationRequest
from webui.contracts.steps import hires_steps_of, steps_of
from webui.engine.adapters.lora import LoadedLora
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.programs import PictureOrder
from webui.engine.programs.hires import interpolated, second_order, second_request
from webui.engine.programs.text_to_image import text_to_image
from webui.engine.work import EncodeText, Predict, StepTaken, Work


def request(**fields: object) -> GenerationRequest:
    return GenerationRequest.model_validate({"prompt": "a boat", "steps": 4, **fields})


def asked(model: LoadedModel, **fields: object) -> tuple[np.ndarray, list[Work]]:  # type: ignore[type-arg]
    """The picture, and every piece of work that it took."""
    seen: list[Work] = []

    def answer(work: Work) -> object:
        seen.append(work)
        return execute([work])[0]

    with torch.inference_mode():
        made = drive(text_to_image(PictureOrder(request(seed=3, **fields), 0), model), answer)
    return made, seen


@pytest.mark.parametrize("upscaler", [*LATENT_UPSCALERS, *PIXEL_UPSCALERS])
def test_every_upscaler_enlarges(model: LoadedModel, upscaler: str) -> None:
    made, seen = asked(model, hires_scale=2.0, hires_upscaler=upscaler, denoising_strength=0.5)
    assert made.shape == (64, 64, 3)
    sizes = [work.x.shape[-1] for work in seen if isinstance(work, Predict)]
    assert sizes == [16] * 4 + [32] * 3  # the share of the strength, and the step it begins in


def test_the_second_pass_keeps_what_the_first_drew(model: LoadedModel) -> None:
    first, _ = asked(model)
    kept, _ = asked(model, hires_scale=2.0, hires_upscaler="Nearest", denoising_strength=0.0)
    blocks = kept.reshape(32, 2, 32, 2, 3).astype(int)
    through_the_first_stage = np.abs(blocks.mean((1, 3)) - first.astype(int)).mean()
    other, _ = asked(model, hires_scale=2.0, hires_upscaler="Nearest", denoising_strength=1.0)
    assert through_the_first_stage < np.abs(other.astype(int) - kept.astype(int)).mean()


def test_the_second_pass_has_its_own_prompt_sampler_schedule_and_guidance() -> None:
    own = request(
        hires_prompt="a ship", hires_sampler="Euler", hires_schedule="Karras",
        hires_guidance_scale=2.0, guidance_scale=7.0, negative_prompt="rain",
    )  # fmt: skip
    again = second_request(own, 64, 96)
    assert (again.prompt, again.negative_prompt) == ("a ship", "rain")
    assert (again.sampler, again.schedule, again.guidance_scale) == ("Euler", "Karras", 2.0)
    assert (again.width, again.height) == (64, 96)
    same = second_request(request(), 64, 64)
    assert (same.prompt, same.sampler) == (request().prompt, request().sampler)


def test_its_prompt_goes_on_in_time(model: LoadedModel) -> None:
    """Shares from 1 to 2 are the second pass's, and what the first had changed stays changed."""
    _, seen = asked(
        model, prompt="[one:two:0.5] [three:four:1.5]", hires_scale=2.0, hires_steps=4,
        denoising_strength=0.9,
    )  # fmt: skip
    texts = [work.text for work in seen if isinstance(work, EncodeText) and work.text]
    assert texts == ["one three", "two three", "two three", "two four"]


def test_its_steps_are_counted_after_the_firsts_and_told_beforehand(model: LoadedModel) -> None:
    rig = Rig(model)
    rig.finish(order(model.checkpoint, steps=4, hires_scale=2.0, hires_steps=3))
    steps = [event.step for event in rig.events if isinstance(event, StepDone)]
    assert steps == list(range(1, 8))
    assert {event.steps for event in rig.events if isinstance(event, StepDone)} == {7}


@pytest.mark.parametrize(
    ("fields", "whole", "taken"),
    [
        ({"denoising_strength": 0.0, "hires_steps": 5}, 4, 0),
        ({"denoising_strength": 0.5}, 4, 3),
        ({"denoising_strength": 1.0}, 4, 4),
        ({"denoising_strength": 0.5, "hires_steps": 5}, 10, 5),
        ({"denoising_strength": 1.0, "hires_steps": 5}, 5, 5),
    ],
)
def test_its_steps_are_counted_as_others_count_them(
    fields: dict[str, object], whole: int, taken: int, model: LoadedModel
) -> None:
    hires = request(hires_scale=2.0, **fields)
    assert hires_steps_of(hires) == (whole, taken)
    assert steps_of(hires, model.checkpoint) == 4 + taken
    assert steps_of(request(**fields), model.checkpoint) == 4


def test_a_latent_is_enlarged_to_cover_and_cut_about_its_middle() -> None:
    latent = torch.arange(16.0).view(1, 1, 4, 4)
    wide = interpolated(latent, 4, 8, "nearest", False)
    assert wide.shape == (1, 1, 4, 8)
    assert wide[0, 0, :, 0].tolist() == [4, 4, 8, 8]
    same = interpolated(latent, 4, 4, "bilinear", False)
    assert torch.equal(same, latent)


def test_a_pass_alone_notes_its_own_steps(model: LoadedModel) -> None:
    program = text_to_image(PictureOrder(request(seed=3), 0), model)
    notes: list[int] = []
    reply: object = None
    with torch.inference_mode():
        while True:
            try:
                wanted = program.send(reply)
            except StopIteration:
                break
            if isinstance(wanted, StepTaken):
                notes.append(wanted.step)
                reply = None
            else:
                reply = execute([wanted])[0]
    assert notes == [1, 2, 3, 4]


def test_a_second_pass_with_its_own_prompt_draws_with_its_own_loras() -> None:
    info = AdapterInfo(AdapterId("loras/a"), "lora", "A", "/a", 1)
    lora = LoadedLora(info, {}, 1)
    use = LoraUse(adapter=info.id, weight=0.5)
    fields = {"hires_scale": 2.0, "denoising_strength": 0.5}
    for prompt, patched in (("", False), ("a ship", True)):
        own = PictureOrder(
            request(**fields, hires_prompt=prompt), 0, adapters={info.id: lora}, hires_loras=(use,)
        )
        stages = second_order(own, 64, 64).patches(2)
        assert any(patches for _, patches in stages) is patched
        assert second_order(own, 64, 64).after == 4
