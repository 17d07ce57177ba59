"""Points of version 1.2: upscalers, palettes and model families of extensions, over HTTP."""

from __future__ import annotations

import json
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from starlette.testclient import TestClient

from tests.api.conftest import wait_for
from tests.hooks.writing import write_extension
from tests.services.models import write_weights
from webui.app import Studio, build_studio
from webui.contracts.choices import CLASSIFIER_FREE, GUIDANCE_METHODS
from webui.contracts.events import LibraryChanged
from webui.contracts.fakes import FakeWorker
from webui.contracts.settings import Settings

STUDIO = """
from webui.contracts.palettes import Palette
from webui.hooks.specs import hookimpl
from webui.weights.signatures.facts import Facts, No

@hookimpl
def upscalers():
    return {"sharp": "Sharp.", "sr": "As a file is called."}

@hookimpl
def guidance_methods():
    return {"gentle": "Less of it."}

@hookimpl
def palettes():
    return {"rooms": Palette(("wall", "bed"), ((200, 200, 200), (90, 60, 30)), ("a white wall", "an old bed")),
            "bare": Palette(("sky", "wall-brick"), ((1, 2, 3), (4, 5, 6)))}

@hookimpl
def families():
    return {"tiny": lambda file: Facts("text", "epsilon", 4, 8, 64) if "tiny.weight" in file.header.tensors
            else No("It has no tiny weight.")}
"""


@pytest.fixture
def used(studio: Studio, tmp_path: Path) -> Studio:
    write_extension(tmp_path / "extensions", "book", studio=STUDIO)
    studio.context.extensions.enable("book")
    assert studio.context.extensions.status("book").failures == ()
    return studio


def uploaded(client: TestClient, picture: Image.Image) -> str:
    file = BytesIO()
    picture.save(file, "PNG")
    image: str = client.post("/api/v1/images", content=file.getvalue()).json()["id"]
    return image


def test_a_guidance_method_is_a_choice_and_goes_with_the_extension(
    client: TestClient, used: Studio
) -> None:
    def named(address: str) -> dict[str, str]:
        return {each["name"]: each["description"] for each in client.get(address).json()}

    listed = named("/api/v1/guidance-methods")
    assert list(listed) == [*GUIDANCE_METHODS, "book/gentle"]
    assert listed["book/gentle"] == "Less of it."
    body = {"prompt": "", "guidance_method": "book/gentle", "steps": 1, "width": 64, "height": 64}
    job = client.post("/api/v1/jobs", json=body).json()
    wait_for(client, job["id"])
    (picture,) = client.get(f"/api/v1/jobs/{job['id']}").json()["pictures"]
    data = client.get(f"/api/v1/pictures/{picture['id']}").content
    with Image.open(BytesIO(data)) as file:
        assert isinstance(file, PngImageFile)
        assert "Guidance method: book/gentle" in file.text["parameters"]
        assert json.loads(file.text["easel"])["guidance_method"] == "book/gentle"
    plot = {"x": {"axis": "guidance_method", "values": "Classifier-free, book/gentle"}}
    made = client.post("/api/v1/plots", json={**body, "plot": plot}).json()
    drawn = [job["request"]["guidance_method"] for job in made["jobs"]]
    assert drawn == [CLASSIFIER_FREE, "book/gentle"]
    used.context.extensions.enable("book", wanted=False)
    refused = client.post("/api/v1/jobs", json=body)
    assert (refused.status_code, "'book/gentle'" in refused.text) == (422, True)
    assert list(named("/api/v1/guidance-methods")) == list(GUIDANCE_METHODS)


def test_an_upscaler_is_offered_wherever_one_is_chosen_and_goes_with_it(
    client: TestClient, used: Studio
) -> None:
    image = uploaded(client, Image.new("RGB", (64, 64), "red"))
    body = {"prompt": "", "image": image, "upscaler": "book/sharp", "upscale_factor": 2}
    job = client.post("/api/v1/jobs", json=body).json()
    assert job["request"]["upscaler"] == "book/sharp"
    assert wait_for(client, job["id"])["state"] == "done"
    axes = {axis["name"]: axis for axis in client.get("/api/v1/plots/axes").json()}
    for name in ("upscaler", "upscaler_2", "hires_upscaler", "tile_upscaler"):
        assert {"book/sharp", "book/sr"} <= set(axes[name]["choices"])
    (named,) = [u for u in client.get("/sdapi/v1/upscalers").json() if u["name"] == "book/sharp"]
    assert (named["scale"], named["model_name"]) == (4.0, None)
    wrong = client.post("/api/v1/jobs", json={**body, "upscaler": "book/dull"})
    assert (wrong.status_code, "'book/dull'" in wrong.text) == (422, True)
    used.context.extensions.enable("book", wanted=False)
    assert client.post("/api/v1/jobs", json=body).status_code == 422
    assert "book/sharp" not in client.get("/api/v1/plots/axes").text
    assert "book/sharp" not in client.get("/sdapi/v1/upscalers").text
    text = "a boat\nSteps: 3, Hires upscale: 2, Hires upscaler: book/sharp, Size: 64x64"
    read = client.post(
        "/api/v1/parameters/reading", content=text, headers={"Content-Type": "text/plain"}
    ).json()
    assert any("book/sharp" in note for note in read["notes"])


def test_clients_of_sdapi_enlarge_by_it(client: TestClient, used: Studio) -> None:
    assert used.context.extensions.status("book").in_use
    picture = BytesIO()
    Image.new("RGB", (64, 64), "blue").save(picture, "PNG")
    body = {
        "image": b64encode(picture.getvalue()).decode(),
        "upscaler_1": "book/sharp",
        "upscaling_resize": 2,
    }
    answer = client.post("/sdapi/v1/extra-single-image", json=body)
    assert answer.status_code == 200, answer.text
    (job,) = client.get("/api/v1/jobs?limit=1").json()
    assert job["request"]["upscaler"] == "book/sharp"


METHODS = """
from webui.contracts.choices import SamplerInfo
from webui.hooks.specs import hookimpl

@hookimpl
def samplers():
    return [SamplerInfo("Straight", (), "Karras", False, 1)]

@hookimpl
def schedules():
    return {"Even": "Evenly spaced."}
"""


def test_clients_of_sdapi_draw_by_samplers_and_schedules_of_extensions(
    client: TestClient, studio: Studio, tmp_path: Path
) -> None:
    write_extension(tmp_path / "extensions", "pen", studio=METHODS)
    studio.context.extensions.enable("pen")
    assert client.get("/sdapi/v1/samplers").json()[-1]["name"] == "pen/Straight"
    assert client.get("/sdapi/v1/schedulers").json()[-1]["label"] == "pen/Even"
    body = {"prompt": "a boat", "steps": 1, "width": 64, "height": 64, "sampler_name": "pen/Straight", "scheduler": "pen/Even"}  # fmt: skip
    assert client.post("/sdapi/v1/txt2img", json=body).status_code == 200
    (job,) = client.get("/api/v1/jobs?limit=1").json()
    assert (job["request"]["sampler"], job["request"]["schedule"]) == ("pen/Straight", "pen/Even")
    wrong = client.post("/sdapi/v1/txt2img", json={**body, "sampler_name": "pen/Crooked"})
    assert (wrong.status_code, "'pen' offers pen/Straight" in wrong.text) == (422, True)
    studio.context.extensions.enable("pen", wanted=False)
    assert client.post("/sdapi/v1/txt2img", json=body).status_code == 422
    assert "pen/" not in client.get("/sdapi/v1/samplers").text


def test_a_palette_is_listed_and_its_words_draw_the_classes(
    client: TestClient, used: Studio
) -> None:
    palettes = {each["name"]: each for each in client.get("/api/v1/palettes").json()}
    assert list(palettes)[-2:] == ["book/rooms", "book/bare"]
    assert palettes["book/rooms"]["words"] == ["a white wall", "an old bed"]
    assert palettes["book/bare"]["words"] == ["a clear sky", "brick wall"]
    halves = np.repeat(np.array([[0, 1]], np.uint8), 32, 1).repeat(64, 0)
    painted = uploaded(client, Image.fromarray(halves, "L"))
    body = {"prompt": "a room", "class_map": painted, "map_palette": "book/rooms", "steps": 1}
    job = client.post("/api/v1/jobs", json=body).json()
    said = [(each["name"], each["prompt"]) for each in job["request"]["regions"]]
    assert said == [("wall", "a white wall"), ("bed", "an old bed")]
    axes = {axis["name"]: axis for axis in client.get("/api/v1/plots/axes").json()}
    assert {"World", "book/rooms"} <= set(axes["map_palette"]["choices"])
    wrong = client.post("/api/v1/jobs", json={**body, "map_palette": "book/gardens"})
    assert wrong.status_code == 422
    assert "'book' offers book/rooms, book/bare" in wrong.text
    used.context.extensions.enable("book", wanted=False)
    assert client.post("/api/v1/jobs", json=body).status_code == 422
    assert "book/rooms" not in client.get("/api/v1/palettes").text


def test_a_model_of_a_family_is_listed_and_gone_with_it(tmp_path: Path) -> None:
    write_weights(tmp_path / "models" / "tiny.safetensors", {"tiny.weight": [8, 8]})
    write_extension(tmp_path / "extensions", "book", studio=STUDIO)
    studio = build_studio(Settings(data_dir=tmp_path, repository=tmp_path), FakeWorker)
    heard: list[object] = []
    studio.context.events.subscribe(heard.append)
    studio.context.extensions.start()
    with TestClient(studio.guarded, base_url="http://127.0.0.1:7860") as client:
        assert _models(client) == []
        assert "tiny.safetensors" in client.get("/api/v1/library").text
        studio.context.extensions.enable("book")
        assert any(isinstance(event, LibraryChanged) for event in heard)
        (model,) = client.get("/api/v1/models").json()
        assert (model["id"], model["family"]) == ("tiny.safetensors", "book/tiny")
        body = {"prompt": "a boat", "model": "tiny.safetensors"}
        assert client.post("/api/v1/jobs", json=body).json()["request"]["width"] == 64
        studio.context.extensions.enable("book", wanted=False)
        assert _models(client) == []
        assert client.post("/api/v1/jobs", json=body).status_code == 422
    studio.context.extensions.stop()
    studio.lock.release()


def _models(client: TestClient) -> list[str]:
    return [each["id"] for each in client.get("/api/v1/models").json()]
