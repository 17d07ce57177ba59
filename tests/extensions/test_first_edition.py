"""An extension that was written against version 1.0 of the points has each of them called, for ever.

Here in a studio with the fake worker, and in the engine; `tests/browser/test_examples.py` has a page, too.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings, wait_for
from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.workers.listening import SECONDS
from webui.app import build_studio
from webui.engine.acceleration import Acceleration
from webui.engine.devices import choose_device
from webui.engine.shared_networks import SharedNetworks
from webui.engine.ways import Ways
from webui.hooks.specs import POINTS

NAME = "first_edition"
FOLDER = Path(__file__).resolve().parents[1] / "hooks" / "fixtures" / NAME
FIRST_POINTS = (
    "samplers", "sampler_functions", "schedules", "schedule_functions", "settings", "routes", "tabs", "panels",
    "actions", "scripts", "plot_axes", "change_request", "change_prompts", "change_conditioning",
    "change_latent", "change_guidance", "change_denoised", "change_sampled", "change_picture", "wrap_program",
    "picture_metadata", "picture_file_name", "job_changed", "job_stepped", "picture_saved", "worker_changed",
    "studio_started", "studio_stopped", "model_loaded", "step_taken",
)  # fmt: skip
"""Of version 1.0; none of them may go."""
OWN = f"/api/v1/extensions/{NAME}"
BOAT: dict[str, Any] = {"prompt": "a boat", "seed": 5, "steps": 2, "width": 64, "height": 64}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a copy, which writes down what is called."""
    return shutil.copytree(FOLDER, tmp_path / "extensions" / NAME)


@pytest.fixture
def client(tmp_path: Path, folder: Path) -> Iterator[TestClient]:
    """A studio that has it in use."""
    (tmp_path / "extensions.json").write_text(json.dumps([folder.name]))
    studio = build_studio(fake_settings(tmp_path))
    studio.start()
    assert studio.context.extensions.studio.settled.wait(20)
    with TestClient(studio.guarded, base_url=ORIGIN) as made:
        yield made
    studio.stop()


def uncalled(folder: Path, wanted: set[str], seconds: float = SECONDS) -> set[str]:
    """What is not written down within a time: observers run beside the rest."""
    file, until = folder / "called.txt", time.monotonic() + seconds
    while True:
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        missing = wanted - set(lines)
        if not missing or time.monotonic() > until:
            return missing
        time.sleep(0.02)


def test_it_uses_every_point_of_its_time() -> None:
    text = "".join((FOLDER / f"{name}.py").read_text("utf-8") for name in ("studio", "worker"))
    assert {n for n in FIRST_POINTS if f"@hookimpl\ndef {n}(" in text} == set(FIRST_POINTS)
    assert set(POINTS) >= set(FIRST_POINTS)


@pytest.mark.point("samplers", "schedules", "settings", "plot_axes")
def test_what_it_offers_stands_beside_what_easel_has(client: TestClient) -> None:
    names = {
        kind: [each["name"] for each in client.get(f"/api/v1/{kind}").json()]
        for kind in ("samplers", "schedules", "plots/axes")
    }
    assert f"{NAME}/Straight" in names["samplers"]
    assert f"{NAME}/Halves" in names["schedules"]
    assert {f"{NAME}/ending", f"extensions.{NAME}.pages"} <= set(names["plots/axes"])
    (listed,) = client.get("/api/v1/extensions").json()
    assert (listed["problems"], listed["failures"]) == ([], [])
    assert listed["settings"] is not None
    assert listed["settings"]["values"] == {"greeting": "hello"}


@pytest.mark.point("tabs", "panels", "actions", "scripts")
def test_the_page_is_told_of_its_parts_and_is_given_their_module(client: TestClient) -> None:
    (listed,) = client.get("/api/v1/extensions").json()
    page = listed["page"]
    titles = {kind: [each["title"] for each in page[kind]] for kind in ("tabs", "panels", "actions")}
    assert titles == {"tabs": ["Pages"], "panels": ["Colophon"], "actions": ["Bind", "Shelve"]}
    assert [each["place"] for each in page["actions"]] == ["picture", "header"]
    assert len(page["scripts"]) == 1
    parts = [each["module"] for kind in titles for each in page[kind]]
    assert set(parts) == set(page["scripts"])
    assert "export function start" in client.get(page["scripts"][0]).text


@pytest.mark.point("routes")
def test_its_route_answers_by_its_settings(client: TestClient) -> None:
    assert client.put(f"{OWN}/settings", json={"greeting": "hi"}).status_code == 200
    said = {"said": "hi", "by": NAME, "pictures": "0"}
    assert client.get(f"{OWN}/greeting").json() == said


@pytest.mark.point("change_request", "change_prompts", "picture_metadata", "picture_file_name")
def test_an_order_that_names_it_is_changed_and_its_picture_named(
    client: TestClient, tmp_path: Path
) -> None:
    body = {**BOAT, "extensions": {NAME: {"words": "in ink"}}}
    job: Any = wait_for(client, client.post("/api/v1/jobs", json=body).json()["id"])
    assert (job["state"], job["error"]) == ("done", None)
    assert job["request"]["negative_prompt"] == "laid"
    assert job["request"]["texts"][0]["prompt"] == "a boat, in ink 0"
    (picture,) = job["pictures"]
    file = tmp_path / "outputs" / "first" / f"{picture['id']}.png"
    assert file.is_file()
    with Image.open(file) as image:
        assert image.info.get("first edition") == "seed 5"


@pytest.mark.point("job_changed", "job_stepped", "picture_saved", "worker_changed", "studio_started")
def test_it_hears_of_the_studio_and_of_every_job(client: TestClient, folder: Path) -> None:
    wait_for(client, client.post("/api/v1/jobs", json=BOAT).json()["id"])
    jobs = {f"job_changed {state}" for state in ("queued", "running", "done")}
    others = {"job_stepped", "picture_saved 5", "worker_changed", "studio_started"}
    assert uncalled(folder, jobs | others) == set()


@pytest.mark.point("studio_stopped")
def test_it_hears_that_it_is_disabled(client: TestClient, folder: Path) -> None:
    assert client.put(OWN, json={"enabled": False}).status_code == 200
    assert uncalled(folder, {"studio_stopped"}) == set()


WORKER_POINTS = {name for name in FIRST_POINTS if POINTS[name].process == "worker"}


@pytest.mark.point(
    "sampler_functions", "schedule_functions", "change_conditioning", "change_latent", "change_guidance",
    "change_denoised", "change_sampled", "change_picture", "wrap_program", "model_loaded", "step_taken",
)  # fmt: skip
def test_a_picture_that_names_it_is_drawn_with_each_of_its_points(
    library: Library, folder: Path
) -> None:
    checkpoint = library.model("text").checkpoint
    device, shared = choose_device(True, None), SharedNetworks()
    ways = Ways(device, shared, Acceleration(), lambda: rig.engine.extensions)
    rig = Rig(load=ways.whole)
    rig.engine.extensions.use({NAME: str(folder)})
    own: dict[str, Any] = {"sampler": f"{NAME}/Straight", "schedule": f"{NAME}/Halves"}
    rig.finish(
        order(checkpoint, "own", extensions={NAME: {"weight": 0.9}}, **own),
        order(checkpoint, "usual", **own),
    )
    assert rig.ends() == {"own": "done", "usual": "done"}, rig.error("own")
    assert not np.array_equal(rig.pictures("own")[0], rig.pictures("usual")[0])
    assert rig.engine.extensions.host.settle()
    wanted = WORKER_POINTS - {"wrap_program"} | {f"wrap_program {checkpoint.id}"}
    assert uncalled(folder, wanted, 0) == set()
    assert rig.engine.extensions.host.failures() == ()
