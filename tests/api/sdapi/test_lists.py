"""Lists in AUTOMATIC1111's form."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient


def listed(client: TestClient, route: str) -> Any:
    answer = client.get(f"/sdapi/v1/{route}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_listed_sampler_and_schedule_can_be_drawn_with(client: TestClient) -> None:
    small = {"prompt": "x", "steps": 1, "width": 64, "height": 64, "send_images": False}
    names = [("sampler_name", one["name"]) for one in listed(client, "samplers")[:3]]
    names += [("sampler_name", alias) for alias in listed(client, "samplers")[0]["aliases"]]
    names += [("scheduler", one["name"]) for one in listed(client, "schedulers")]
    for field, name in names:
        answer = client.post("/sdapi/v1/txt2img", json={**small, field: name})
        assert answer.status_code == 200, name


def test_models_and_adapters_are_named_as_requests_name_them(furnished: TestClient) -> None:
    (model,) = listed(furnished, "sd-models")
    assert (model["title"], model["model_name"], model["filename"]) == (
        "sd/tiny",
        "tiny",
        "sd/tiny",
    )
    assert [one["name"] for one in listed(furnished, "loras")] == ["chalk"]
    told = furnished.get("/api/v1/library/notes", params={"key": "lora:loras/chalk"}).json()
    assert told["facts"]["Taught with"] == "grey, chalk"  # the most frequent first
    assert listed(furnished, "embeddings")["loaded"]["fog"]["vectors"] == 3
    words = {"prompt": "fog <lora:chalk:0.5>", "steps": 1, "width": 64, "height": 64}
    assert furnished.post("/sdapi/v1/txt2img", json=words).status_code == 200
    text = furnished.get("/api/v1/jobs").json()[0]["request"]["texts"][0]
    assert (text["loras"][0]["adapter"], text["embeddings"]) == ("loras/chalk", ["embeddings/fog"])


def test_no_list_tells_where_files_lie(furnished: TestClient) -> None:
    for route in ("sd-models", "loras", "embeddings", "upscalers", "options", "cmd-flags"):
        assert "/tmp" not in furnished.get(f"/sdapi/v1/{route}").text


@pytest.mark.parametrize(
    ("route", "has"),
    [
        ("latent-upscale-modes", {"name": "Latent (nearest-exact)"}),
        (
            "prompt-styles",
            {"name": "oil", "prompt": "an oil painting of {prompt}", "negative_prompt": ""},
        ),
    ],
)
def test_other_lists(client: TestClient, route: str, has: Any) -> None:
    assert has in listed(client, route)


@pytest.mark.parametrize(
    "route",
    ["sd-vae", "sd-modules", "hypernetworks", "face-restorers", "realesrgan-models", "extensions"],
)
def test_what_there_is_not_is_an_empty_list(client: TestClient, route: str) -> None:
    assert listed(client, route) == []


def test_scripts_are_those_that_are_understood(client: TestClient) -> None:
    scripts, info = listed(client, "scripts"), listed(client, "script-info")
    of_words = ["prompt matrix", "prompts from file or textbox", "x/y/z plot"]
    assert scripts["txt2img"] == ["controlnet", "refiner", *of_words]
    assert scripts["img2img"][:4] == ["controlnet", "refiner", "soft inpainting", "loopback"]
    assert scripts["img2img"][-3:] == of_words
    for tab, is_img2img in (("txt2img", False), ("img2img", True)):
        assert [one["name"] for one in info if one["is_img2img"] == is_img2img] == scripts[tab]
    assert {one["name"] for one in info if one["is_alwayson"]} == set(scripts["img2img"][:3])
