"""What texts of AUTOMATIC1111 and its relatives tell, and what of them has no place here."""

from __future__ import annotations

import time

import pytest

from tests.told import told_request
from webui.contracts.infotext import write_infotext
from webui.contracts.infotext_reading import ToldRequest, read_infotext
from webui.contracts.request import GenerationRequest


def _told(text: str) -> ToldRequest:
    told = read_infotext(text)
    assert told is not None
    return told


def test_a_text_of_automatic1111_is_read_with_its_unknown_keys_left_out() -> None:
    text = (
        "castle\nNegative prompt: blurry\nSteps: 28, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 42, Size: 512x768, "
        'Model hash: 6ce0161689, Model: v1-5, Clip skip: 2, Lora hashes: "a: b, c: d", Version: v1.6.0'
    )
    request = told_request(text)
    assert request is not None
    assert (request.prompt, request.negative_prompt) == ("castle", "blurry")
    assert (request.sampler, request.schedule, request.steps) == ("DPM++ 2M", "Karras", 28)
    assert (request.width, request.height, request.seed) == (512, 768, 42)
    assert (request.model, request.guidance_scale) == ("v1-5", 7.0)


def test_other_programs_names_of_sources_and_of_eta_are_read() -> None:
    text = "castle\nSteps: 9, Sampler: DDIM, CFG scale: 7, Seed: 1, Eta DDIM: 0.3, RNG: NV"
    request = told_request(text)
    assert request is not None
    assert (request.eta, request.noise_source) == (0.3, "Philox")


def test_the_settings_of_unipc_are_read_and_of_its_forms_the_third_is_told() -> None:
    text = (
        "castle\nSteps: 9, Sampler: UniPC, CFG scale: 7, Seed: 1, UniPC variant: {}, UniPC order: 2"
    )
    told = _told(text.format("bh1"))
    assert (told.request.unipc_form, told.request.unipc_order) == ("bh1", 2)
    third = _told(text.format("vary_coeff"))
    assert (third.request.unipc_form, third.others) == ("bh2", {"UniPC variant": "vary_coeff"})


def test_timelines_of_before_1_6_are_read() -> None:
    text = "a [cat:dog:4.0]\nSteps: 9, Sampler: Euler, CFG scale: 7, Seed: 1{}"
    assert _told(text.format(", Old prompt editing timelines: True")).request.old_prompt_timelines
    assert not _told(text.format("")).request.old_prompt_timelines


def test_values_that_we_would_refuse_are_left_out() -> None:
    text = "castle\nSteps: 5000, Sampler: Heavenly, CFG scale: 7, Seed: 1, Size: 513x64"
    request = told_request(text)
    assert request is not None
    assert (request.prompt, request.steps, request.sampler, request.width) == (
        "castle",
        20,
        "DPM++ 2M",
        None,
    )
    assert request.seed == 1


def test_a_last_line_with_fewer_than_three_pairs_is_prompt() -> None:
    request = told_request("castle\nmood: calm, time: dusk")
    assert request is not None
    assert request.prompt == "castle\nmood: calm, time: dusk"


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_text_gives_none(text: str) -> None:
    assert told_request(text) is None


def test_a_hostile_text_is_read_in_no_time() -> None:
    began = time.thread_time()  # others may use the processor meanwhile
    for hostile in (
        "a" * 19_000,
        'x: "' + "\\" * 19_000,
        "ab: " * 4_000,
        " " * 19_000 + "x",
        "ab: [," * 3_000,
    ):
        assert told_request(hostile) is not None
    assert time.thread_time() - began < 1.0


def test_a_prompt_that_is_too_long_for_us_gives_none() -> None:
    assert told_request("a" * 20_001) is None


A1111 = """a (castle:1.2), <lora:add_detail:0.6>,
at night
Negative prompt: blurry,
low quality
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 42, Face restoration: CodeFormer, \
Size: 512x768, Model hash: 6CE0161689, Model: v1-5-pruned, VAE hash: 735e4c3a44, VAE: mse.safetensors, \
Denoising strength: 0.4, Clip skip: 2, Hires upscale: 1.5, Hires steps: 12, Hires upscaler: 4x-UltraSharp, \
Refiner: sd_xl_refiner_1.0 [7440042bbd], Refiner switch at: 0.75, \
Lora hashes: "add_detail: 7c6bad76eb54", Version: v1.10.1"""


def test_a_text_of_automatic1111_is_told_whole() -> None:
    told = _told(A1111)
    request = told.request
    assert request.prompt == "a (castle:1.2), <lora:add_detail:0.6>,\nat night"
    assert request.negative_prompt == "blurry,\nlow quality"
    assert (request.steps, request.schedule, request.seed, request.clip_skip) == (
        28,
        "Karras",
        42,
        2,
    )
    assert (request.hires_scale, request.hires_steps, request.denoising_strength) == (1.5, 12, 0.4)
    assert (request.refiner, request.refiner_switch_at) == ("sd_xl_refiner_1.0", 0.75)
    assert (request.model, told.model_hash) == ("v1-5-pruned", "6ce0161689")


def test_what_has_no_place_is_kept_by_its_key() -> None:
    assert dict(_told(A1111).others) == {
        "Face restoration": "CodeFormer",
        "VAE": "mse.safetensors",
        "Hires upscaler": "4x-UltraSharp",
    }


def test_an_upscaler_that_is_not_here_gives_way_to_the_nearest_that_is() -> None:
    assert _told(A1111).request.hires_upscaler == "Lanczos"


def test_a_text_of_forge_is_told() -> None:
    told = _told(
        "a fox\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 4.5, "
        "Seed: 9, Size: 896x1152, Model hash: fef37763b8, Model: flux1-dev-bnb-nf4-v2, Version: f2.0.1v1.10.1-x, "
        "Diffusion in Low Bits: Automatic (fp16 LoRA), Module 1: ae"
    )
    assert (told.request.schedule, told.request.guidance_scale) == ("Simple", 1.0)
    assert told.request.distilled_guidance_scale == 4.5
    assert dict(told.others) == {
        "Diffusion in Low Bits": "Automatic (fp16 LoRA)",
        "Module 1": "ae",
    }


def test_a_text_of_sdnext_is_told_by_its_own_keys() -> None:
    told = _told(
        "a fox\nNegative prompt: rain\nSteps: 20, Size: 1024x768, Sampler: Euler a, Seed: 9, CFG scale: 6, "
        "CFG end: 0.8, CFG rescale: 0.3, CLIP skip: 2, Hires scale: 2, Hires strength: 0.3, Hires fixed: 0x0, "
        "Variation strength: 0.1, ToMe: 0.4, Parser: native, App: SD.Next, Version: 9f1c, "
        "Pipeline: StableDiffusionPipeline, Operations: txt2img"
    )
    request = told.request
    assert (request.sampler, request.width, request.height) == ("Euler a", 1024, 768)
    assert (request.guidance_end, request.guidance_rescale, request.clip_skip) == (0.8, 0.3, 2)
    assert (request.hires_scale, request.hires_width, request.denoising_strength) == (2, None, 0.3)
    assert (request.variation_strength, request.token_merging_ratio) == (0.1, 0.4)
    assert dict(told.others) == {"Hires fixed": "0x0", "Parser": "native"}


def test_a_text_of_civitai_may_hold_json_and_be_in_one_line() -> None:
    resources = '[{"type":"checkpoint","modelVersionId":128713,"modelName":"Dream, Shaper"}]'
    pairs = (
        "Steps: 23, Sampler: DPM++ 2M Karras, CFG scale: 3.5, Seed: 17, Size: 832x1216, Clip skip: 2, "
        f"Created Date: 2025-11-28T09:18:43.5Z, Civitai resources: {resources}, Civitai metadata: {{}}"
    )
    for text in (
        f"a car, fog\nNegative prompt: blue, rain\n{pairs}",
        f"a car, fog Negative prompt: blue, rain {pairs}",
    ):
        told = _told(text)
        assert (told.request.prompt, told.request.negative_prompt) == ("a car, fog", "blue, rain")
        assert (told.request.sampler, told.request.schedule) == ("DPM++ 2M", "Karras")
        assert (told.request.seed, told.request.model) == (17, "Dream, Shaper")
        assert dict(told.others) == {"Civitai resources": resources, "Civitai metadata": "{}"}


def test_templates_behind_the_pairs_are_read() -> None:
    told = _told(
        "a red boat\nSteps: 9, Sampler: Euler, Seed: 1, Size: 64x64\nTemplate: a {red,\nblue|green} boat\n"
        "Negative Template: {x|y}"
    )
    assert told.request.prompt == "a red boat"
    assert told.request.template == "a {red,\nblue|green} boat"
    assert told.request.negative_template == "{x|y}"


def test_capitals_of_keys_do_not_count() -> None:
    request = _told("a fox\nsteps: 9, SAMPLER: Euler, Cfg Scale: 3, seed: 4").request
    assert (request.steps, request.sampler, request.guidance_scale, request.seed) == (
        9,
        "Euler",
        3,
        4,
    )


def test_refused_values_are_kept_too() -> None:
    told = _told("castle\nSteps: 5000, Sampler: Heavenly, CFG scale: 7, Seed: 1, Size: 513x64")
    assert dict(told.others) == {"Steps": "5000", "Sampler": "Heavenly", "Size": "513x64"}


def test_a_loopback_and_a_second_upscaler_come_back() -> None:
    loops = GenerationRequest(prompt="", image="0" * 64, loops=4, final_strength=0.3)
    blend = GenerationRequest(
        prompt="",
        image="0" * 64,
        upscaler="Nearest",
        upscaler_2="Lanczos",
        upscaler_2_visibility=0.25,
    )
    read = [read_infotext(write_infotext(request, 7, "starter/text")) for request in (loops, blend)]
    assert all(read)
    first, second = (told.request for told in read if told)
    assert (first.loops, first.final_strength, first.strength_curve) == (4, 0.3, "Linear")
    assert (second.upscaler_2, second.upscaler_2_visibility) == ("Lanczos", 0.25)
