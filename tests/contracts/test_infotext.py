"""AUTOMATIC1111's grammar, written and read."""

from __future__ import annotations

import pytest

from tests.told import told_request
from webui import VERSION
from webui.contracts.infotext import FileHashes, write_infotext
from webui.contracts.request import GenerationRequest


def _request(**fields: object) -> GenerationRequest:
    return GenerationRequest.model_validate(
        {"prompt": "a boat", "width": 128, "height": 64, "seed": 5, **fields}
    )


def test_the_text_is_as_automatic1111_writes_it() -> None:
    request = _request(
        prompt="a boat,\nat night", negative_prompt="rain", guidance_scale=7.5, model="m"
    )
    assert write_infotext(request, 6, "starter/text") == (
        "a boat,\nat night\nNegative prompt: rain\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Automatic, CFG scale: 7.5, Seed: 6, Size: 128x64, "
        f"Model: starter/text, Version: Easel {VERSION}"
    )


def test_fine_settings_have_the_keys_that_others_read() -> None:
    fine = {"noise_source": "CPU", "sigma_churn": 2.5, "seed_width": 64, "seed_height": 96}
    text = write_infotext(_request(**fine, discard_penultimate=True), 5, "m")
    for pair in ("RNG: CPU", "Sigma churn: 2.5", "Seed resize from: 64x96"):
        assert pair in text
    assert "Discard penultimate sigma: True" in text
    assert "Eta" not in text


def test_a_second_pass_is_written_only_where_there_is_one() -> None:
    assert "Hires" not in write_infotext(_request(hires_upscaler="Lanczos"), 5, "m")
    text = write_infotext(_request(hires_width=256), 5, "m")
    assert "Hires resize: 256x0" in text
    assert "Denoising strength: 0.75" in text


def test_tiles_are_written_only_where_they_are_drawn() -> None:
    assert "Tile" not in write_infotext(_request(upscaler="Lanczos", tile_strength=0.2), 5, "m")
    text = write_infotext(_request(upscaler="Diffusion in tiles", tile_strength=0.2), 5, "m")
    assert "Postprocess upscaler: Diffusion in tiles" in text
    assert "Tile denoising strength: 0.2" in text


def test_an_empty_negative_prompt_has_no_line_and_whole_numbers_no_point() -> None:
    text = write_infotext(_request(), 5, "m")
    assert "Negative" not in text
    assert "CFG scale: 5," in text


def test_a_class_is_written_and_read_back() -> None:
    assert "Class" not in write_infotext(_request(), 5, "m")
    text = write_infotext(_request(class_label="maillot (tank suit), 2: wet"), 5, "m")
    read = told_request(text)
    assert read is not None
    assert read.class_label == "maillot (tank suit), 2: wet"


def test_a_loras_blocks_and_times_are_in_its_tag() -> None:
    use = {"adapter": "x", "blocks": [0.5] * 12, "during": [[0.25, 0.5], [0.75, 1.0]]}
    text = write_infotext(_request(loras=[use]), 5, "m")
    halves = ",".join(["0.5"] * 12)
    assert f"<lora:x:1:lbw={halves}:start=0.2500:stop=1.0000>" in text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt": "a: b, (c:1.2)\n\nsecond, line"},
        {"prompt": "", "negative_prompt": "two\nlines: here"},
        {"prompt": "лодка 船 🚤", "sampler": "Euler a", "schedule": "Karras"},
        {"image": "ab" * 32, "denoising_strength": 0.35},
        {"model": 'odd, "name": here'},
        {"guidance_scale": 1.2345678901234567},
        {"discard_penultimate": True, "sgm_noise_multiplier": True},
        {"clip_skip": 2, "tiling": True, "pag_scale": 3.0, "sag_scale": 0.8, "freeu_b1": 1.2},
        {"hires_scale": 2.0, "hires_upscaler": "Lanczos", "denoising_strength": 0.4},
        {
            "image": "ab" * 32,
            "upscaler": "Diffusion in tiles",
            "tile_size": 512,
            "tile_overlap": 0.1,
        },
        {"hires_width": 256, "hires_height": 192, "hires_steps": 9, "hires_guidance_scale": 3.0},
        {"refiner": "a/b", "refiner_switch_at": 0.6, "hires_scale": 1.5, "hires_model": "c"},
        {"hires_scale": 1.5, "hires_sampler": "Euler", "hires_schedule": "Karras"},
        {"hires_scale": 1.5, "hires_prompt": "a: ship,\nfar", "hires_negative_prompt": "rain"},
        {"eta": 0.5, "sigma_churn": 2.5, "sigma_tmin": 0.1, "sigma_tmax": 3.0, "sigma_noise": 1.01},
        {"noise_source": "CPU", "eta_noise_seed_delta": 31337, "seed_width": 64, "seed_height": 96},
        {"noise_schedule": "Zero Terminal SNR", "guidance_rescale": 0.7, "mimic_scale": 7.0},
        {"guidance_method": "Adaptive projected"},
        {"guidance_method": "zerostar/CFG-Zero*, one: two"},
        {"guidance_start": 0.1, "guidance_end": 0.8, "negative_guidance_minimum_sigma": 2.0},
    ],
)
def test_a_written_request_is_read_back_whole(fields: dict[str, object]) -> None:
    request = _request(**{"model": "m", **fields})
    assert told_request(write_infotext(request, request.seed, request.model)) == request


_CONTROL = {"adapter": "starter/controlnet-edges", "image": "ab" * 32, "weight": 0.75, "end": 0.5}
_LORAS = [{"adapter": "chalk", "weight": 0.8}, {"adapter": "old map", "weight": -1.25}]


def test_loras_and_controls_are_written_as_automatic1111_writes_them() -> None:
    loras = [{"adapter": "starter/loras/chalk", "weight": 1.0}]
    text = write_infotext(_request(loras=loras, controls=[_CONTROL]), 5, "m")
    assert text.startswith("a boat <lora:chalk:1>\n")
    assert (
        'ControlNet 0: "Module: none, Model: controlnet-edges, Weight: 0.75, Guidance Start: 0, '
        'Guidance End: 0.5", Version' in text
    )


@pytest.mark.parametrize("prompt", ["a boat", "", "two\nlines"])
def test_loras_are_read_back_as_words_of_the_prompt(prompt: str) -> None:
    text = write_infotext(_request(model="m", prompt=prompt, loras=_LORAS), 5, "m")
    words = f"{prompt} <lora:chalk:0.8><lora:old map:-1.25>".strip()
    assert told_request(text) == _request(model="m", prompt=words)


def test_a_prompt_keeps_the_loras_that_it_names() -> None:
    request = _request(model="m", prompt="a <lora:add_detail:0.5:0.3> castle")
    assert told_request(write_infotext(request, 5, "m")) == request


def test_two_weights_and_a_rank_are_written_as_automatic1111_reads_them() -> None:
    use = {"adapter": "x", "weight": 0.5, "text_weight": 0.8, "rank": 4}
    assert "<lora:x:0.8:0.5:dyn=4>" in write_infotext(_request(loras=[use]), 5, "m")


def test_templates_are_written_as_sd_dynamic_prompts_writes_them_and_read() -> None:
    words = {"template": "a {red, big|blue} boat", "negative_template": "__bad__"}
    request = _request(model="m", prompt_choices="Off", emphasis="No norm", **words)
    text = write_infotext(request, 5, "m")
    assert 'Template: "a {red, big|blue} boat"' in text
    assert "Negative Template: __bad__" in text
    assert "Emphasis: No norm" in text
    assert told_request(text) == request


def test_a_very_small_weight_is_written_without_an_exponent() -> None:
    request = _request(loras=[{"adapter": "x", "weight": 0.0001}])
    assert "<lora:x:0.0001>" in write_infotext(request, 5, "m")


def test_a_variation_is_written_and_read_and_no_variation_is_not() -> None:
    varied = _request(variation_seed=9, variation_strength=0.25)
    text = write_infotext(varied, 5, "m")
    assert "Model: m, Variation seed: 9, Variation seed strength: 0.25, Version" in text
    read = told_request(text)
    assert read is not None
    assert (read.variation_seed, read.variation_strength) == (9, 0.25)
    assert "Variation" not in write_infotext(_request(variation_seed=9), 5, "m")


def test_hashes_are_written_where_automatic1111_has_them() -> None:
    hashes = FileHashes(
        "6ce0161689", {"chalk": "0123456789ab", "ink": "ba9876543210"}, {"fog": "c0ffee123456"}
    )
    text = write_infotext(_request(model="m"), 5, "m", hashes)
    assert "Size: 128x64, Model hash: 6ce0161689, Model: m" in text
    assert (
        'Lora hashes: "chalk: 0123456789ab, ink: ba9876543210", TI hashes: "fog: c0ffee123456", Version'
        in text
    )
    assert told_request(text) == _request(model="m")


def test_an_unusual_precision_is_named() -> None:
    request = GenerationRequest(prompt="a")
    text = write_infotext(request, 1, "m", precision="bfloat16")
    assert ", Precision: bfloat16, Version" in text
    assert "Precision" not in write_infotext(request, 1, "m")
