"""Scripts that `script_name` selects: loopback, upscaling in tiles, outpainting, prompt matrix."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.sdapi.conftest import b64, drawn, refusal, request_of


def selected(client: TestClient, name: str, arguments: list[Any], **body: Any) -> tuple[Any, Any]:
    """The request and what was ignored of a picture that a script draws on a picture of 64 pixels."""
    _, info = drawn(
        client, "img2img", init_images=[b64()], script_name=name, script_args=arguments, **body
    )
    return request_of(client, info), info["ignored"]


def test_loopback_is_ours(client: TestClient) -> None:
    request, ignored = selected(
        client, "Loopback", [3, 0.2, "Lazy", "CLIP"], denoising_strength=0.6
    )
    assert (request["loops"], request["final_strength"]) == (3, 0.2)
    assert (request["strength_curve"], request["denoising_strength"]) == ("Lazy", 0.6)
    assert ignored == ["script_args.append_interrogation"]


def test_sd_upscale_is_diffusion_in_tiles(furnished: TestClient) -> None:
    request, ignored = selected(
        furnished, "SD upscale", [None, 32, "Nearest", 2.0], denoising_strength=0.3, width=128
    )
    assert (request["upscaler"], request["tile_upscaler"]) == ("Diffusion in tiles", "Nearest")
    assert (request["upscale_factor"], request["tile_strength"]) == (2.0, 0.3)
    assert (request["tile_size"], request["tile_overlap"]) == (128, 0.25)
    assert ignored == []
    by_place, _ = selected(furnished, "SD upscale", [None, 0, 1, 2])
    assert (by_place["tile_upscaler"], by_place["upscale_factor"]) == ("Lanczos", 2)


def test_sd_upscale_without_an_upscaler_redraws_the_picture_at_its_size(
    furnished: TestClient,
) -> None:
    request, _ = selected(furnished, "SD upscale", [None, 0, "none", 2], batch_size=3)
    assert (request["tile_upscaler"], request["upscale_factor"]) == ("Lanczos", 1)
    assert request["count"] == 1  # a batch is of tiles


ULTIMATE = [None, 512, 0, 8, 128, 64, 0.35, 32, 1, True, 0, False, 8, 0]


def test_ultimate_sd_upscale_has_three_kinds_of_target(furnished: TestClient) -> None:
    scaled, _ = selected(furnished, "Ultimate SD upscale", [*ULTIMATE, 2, 0, 0, 3])
    assert (scaled["upscale_factor"], scaled["tile_size"], scaled["tile_overlap"]) == (3, 512, 0.25)
    custom, _ = selected(furnished, "Ultimate SD upscale", [*ULTIMATE, 1, 96, 64, 3])
    assert custom["upscale_factor"] == 1.5
    own, ignored = selected(furnished, "Ultimate SD upscale", [*ULTIMATE, 0, 0, 0, 3], width=128)
    assert (own["upscale_factor"], ignored) == (2, [])
    by_height, _ = selected(furnished, "Ultimate SD upscale", [None, 0, 256, *ULTIMATE[3:]])
    assert by_height["tile_size"] == 256


def test_a_script_with_masks_of_its_own_says_that_it_leaves_out_the_bodys(
    furnished: TestClient,
) -> None:
    mask = b64(colour=255, mode="L")
    tiled, ignored = selected(furnished, "SD upscale", [None, 32, "Nearest", 2.0], mask=mask)
    assert (tiled["mask"], ignored) == (None, ["mask"])
    wider, ignored = selected(furnished, "Poor man's outpainting", [8, 4, 1, "up"], mask=mask)
    assert (wider["mask"], wider["inpaint_area"], ignored) == (None, "Whole picture", ["mask"])
    assert wider["masked_content"] == "original"


def test_outpainting_is_a_frame(client: TestClient) -> None:
    poor, ignored = selected(client, "Poor man's outpainting", [36, 4, 2, ["left", "down"]])
    assert (poor["outpaint_left"], poor["outpaint_bottom"]) == (32, 32)
    assert (poor["outpaint_right"], poor["outpaint_top"]) == (0, 0)
    assert poor["masked_content"] == "latent noise"
    assert (poor["outpaint_overlap"], ignored) == (16, [])
    second, ignored = selected(client, "Outpainting mk2", [None, 64, 8, ["up"], 1, 0.05])
    assert (second["outpaint_top"], second["outpaint_left"]) == (64, 0)
    assert second["outpaint_overlap"] == 32
    assert ignored == ["script_args.noise_q", "script_args.color_variation"]


def test_a_prompt_matrix_draws_every_combination(client: TestClient) -> None:
    arguments = [False, False, "positive", "space", 0]
    answer, info = drawn(
        client, prompt="a lake|at night|in snow", script_name="Prompt matrix", script_args=arguments,
        n_iter=2, seed=5,
    )  # fmt: skip
    assert len(answer["images"]) == 4  # once, whatever the rounds
    assert info["all_prompts"][-1] == "a lake, at night, in snow"
    assert info["all_seeds"] == [5] * 4
    assert info["ignored"] == ["script_args.variations_delimiter", "n_iter"]


def test_none_selects_no_script(client: TestClient) -> None:
    _, info = drawn(client, script_name="None", script_args=[1, 2, 3])
    assert (request_of(client, info)["plot"], info["ignored"]) == (None, [])


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("Prompts from file", [], "There is no script 'Prompts from file'"),
        ("Prompts from file", [], "prompt matrix, prompts from file or textbox, x/y/z plot."),
        ("Loopback", [99], "loops"),
        ("SD upscale", [None, 64, 99, 2], "cannot be read"),
        ("SD upscale", [None, 64, -1, 2], "cannot be read"),
        ("SD upscale", [None, 64, "4x-Magic", 2], "4x-Magic"),
        ("Ultimate SD upscale", [None, 0, 0], "a tile is 0 pixels wide"),
        ("Outpainting mk2", [None, 7, 8, ["up"]], "pixels is 7, which is less than 8"),
        ("Outpainting mk2", [None, 64, 8, ["inwards"]], "none of left, right, up, down"),
        ("Prompt matrix", [False, False, "negative"], "negative prompt cannot be varied"),
    ],
)
def test_what_a_script_cannot_do_is_a_sentence(
    client: TestClient, name: str, arguments: list[Any], said: str
) -> None:
    body = {"init_images": [b64()], "script_name": name, "script_args": arguments}
    status, sentence = refusal(client, "img2img", **body)
    assert status == 422
    assert said in sentence


def test_a_script_of_pictures_needs_one(client: TestClient) -> None:
    status, sentence = refusal(client, script_name="Loopback", script_args=[3, 0.5, "Linear"])
    assert (status, "starts from a picture" in sentence) == (422, True)
