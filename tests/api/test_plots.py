"""Plots over HTTP: measured, ordered, drawn, and told by their grids."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings, wait_for
from tests.workers.listening import SECONDS
from webui.app import Studio, build_studio
from webui.contracts.ids import BatchId
from webui.contracts.job import Job
from webui.contracts.request import GenerationRequest
from webui.services import jobs
from webui.services.plots.plots import PlotService
from webui.services.resolve import resolve

PLOTS = "/api/v1/plots"


def order(**fields: Any) -> dict[str, Any]:
    return {"prompt": "a boat", "width": 64, "height": 64, "steps": 2, "seed": 5, **fields}


def plot(**axes: str) -> dict[str, Any]:
    """`x="steps: 1,2"` and so on."""
    named = {name: said.split(": ", 1) for name, said in axes.items()}
    return {name: {"axis": axis, "values": values} for name, (axis, values) in named.items()}


def draw(client: TestClient, body: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """The grid's job, and those of its cells, in the order of the queue."""
    made = client.post(PLOTS, json=body)
    assert made.status_code == 202, made.text
    cells = [wait_for(client, job["id"]) for job in made.json()["jobs"]]
    return grid_of(client, made.json()["id"]), cells


def grid_of(client: TestClient, batch: str) -> dict[str, Any]:
    until = time.monotonic() + SECONDS
    while not (seen := client.get(f"{PLOTS}/{batch}").json())["ended"]:
        assert time.monotonic() < until
        time.sleep(0.01)
    found: dict[str, Any] = seen["grid"]
    return found


def picture(client: TestClient, job: dict[str, Any], index: int = 0) -> Image.Image:
    file = client.get(job["pictures"][index]["url"]).content
    return Image.open(io.BytesIO(file))


def test_a_plot_is_one_batch_whose_grid_has_each_picture_in_its_place(client: TestClient) -> None:
    wanted = {**plot(x="steps: 1,2", y="seed: 7, 8"), "legend": False, "margin": 6}
    grid, cells = draw(client, order(plot=wanted))
    said = [(job["request"]["steps"], job["request"]["seed"]) for job in cells]
    assert said == [(1, 7), (2, 7), (1, 8), (2, 8)]
    whole = picture(client, grid).convert("RGB")
    assert whole.size == (134, 134)
    for job, corner in zip(cells, [(0, 0), (70, 0), (0, 70), (70, 70)], strict=True):
        cell = whole.crop((*corner, corner[0] + 64, corner[1] + 64))
        assert cell.tobytes() == picture(client, job).convert("RGB").tobytes()
    batch = grid["request"]["batch"]
    listed = client.get(f"/api/v1/batches/{batch}").json()
    assert [job["id"] for job in listed] == [*(job["id"] for job in cells), grid["id"]]


def test_what_has_ended_shows_its_grid_at_whatever_moment_it_is_asked_after(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, waited = PlotService.grid, list[BatchId]()

    def slowly(plots: PlotService, batch: BatchId) -> Job | None:
        """The answer is of before the end, and given after it."""
        found = looked(plots, batch)
        while found is None and not plots.is_ended(batch):
            waited.append(batch)
            time.sleep(0.01)
        return found

    monkeypatch.setattr(PlotService, "grid", slowly)
    made = client.post(PLOTS, json=order(plot=plot(x="steps: 20,21"))).json()
    assert grid_of(client, made["id"])["pictures"]
    assert waited


def test_each_picture_is_resolved_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured is what is drawn: an extension that changes requests is asked once."""
    resolved: list[int] = []

    def counted(request: GenerationRequest, *more: Any) -> GenerationRequest:
        resolved.append(request.steps or 0)
        return resolve(request, *more)

    monkeypatch.setattr(jobs, "resolve", counted)
    draw(client, order(plot=plot(x="steps: 3,1,2")))
    assert resolved == [3, 1, 2]


def test_the_grid_s_file_has_the_recipe_and_draws_the_same_again(client: TestClient) -> None:
    wanted = {**plot(x="guidance_scale: 1-3 [2]", z="prompt_sr: boat, tree"), "sub_grids": True}
    grid, _ = draw(client, order(seed=-1, plot=wanted))
    assert len(grid["pictures"]) == 3
    file = client.get(grid["pictures"][0]["url"]).content
    read = client.post(
        "/api/v1/parameters/reading",
        content=file,
        headers={"content-type": "application/octet-stream"},
    ).json()
    fields = {name: value for name, value in read["fields"].items() if value is not None}
    assert fields["plot"]["z"] == {"axis": "prompt_sr", "values": "boat, tree"}
    assert fields["prompt"] == "a boat"
    again, _ = draw(client, fields)
    assert picture(client, again).tobytes() == picture(client, grid).tobytes()


def test_models_change_as_seldom_as_can_be(client: TestClient) -> None:
    first, second = "fake/gradient", "fake/layout"
    wanted = plot(x=f"model: {first},{second}", y="seed: 1,2")
    grid, cells = draw(client, order(plot=wanted))
    said = [(job["request"]["model"], job["request"]["seed"]) for job in cells]
    assert said == [(first, 1), (first, 2), (second, 1), (second, 2)]
    whole, second_cell = picture(client, grid).convert("RGB"), picture(client, cells[1])
    left = whole.width - 128
    below = whole.crop((left, whole.height - 64, left + 64, whole.height))
    assert below.tobytes() == second_cell.convert("RGB").tobytes()


def test_a_cancelled_plot_has_a_grid_of_what_was_drawn(client: TestClient) -> None:
    wanted = plot(x="steps: 1,1000")
    made = client.post(PLOTS, json=order(plot=wanted)).json()
    wait_for(client, made["jobs"][0]["id"])
    client.delete(f"/api/v1/batches/{made['id']}")
    grid = grid_of(client, made["id"])
    assert grid["note"] == "1 of 2 pictures were not drawn; their places are empty."
    assert picture(client, grid).size[0] == 128


def test_a_plot_of_which_nothing_was_drawn_has_no_grid(client: TestClient) -> None:
    made = client.post(PLOTS, json=order(plot=plot(x="steps: 999,1000"))).json()
    client.delete(f"/api/v1/batches/{made['id']}")
    assert grid_of(client, made["id"]) is None


def test_single_pictures_go_to_the_bin_where_they_are_not_wanted(client: TestClient) -> None:
    wanted = {**plot(x="seed: 1,2"), "lone_images": False}
    grid, cells = draw(client, order(plot=wanted))
    until = time.monotonic() + SECONDS
    while [client.get(f"/api/v1/jobs/{job['id']}").json()["pictures"] for job in cells] != [[], []]:
        assert time.monotonic() < until
        time.sleep(0.01)
    lone = cells[0]["pictures"][0]["id"]
    assert client.post(f"/api/v1/pictures/{lone}/restore").status_code == 200
    assert len(grid["pictures"]) == 1


def test_its_size_is_told_before_anything_is_ordered(client: TestClient) -> None:
    wanted = plot(x="steps: 1-3", y="seed: 1,2", z="sampler: Euler, Heun")
    size = client.post(f"{PLOTS}/size", json=order(plot=wanted)).json()
    assert (size["pictures"], size["columns"], size["rows"], size["sheets"]) == (12, 3, 2, 2)
    assert size["steps"] == (1 + 2 + 3) * 4
    assert size["seconds"] is None
    assert client.get("/api/v1/jobs").json() == []
    draw(client, order(plot=plot(x="steps: 1-3")))
    assert client.post(f"{PLOTS}/size", json=order(plot=wanted)).json()["seconds"] > 0


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({}, "has no axis"),
        (plot(x="colour: red"), "no axis 'colour'"),
        (plot(x="steps: x"), "'x'; a whole number"),
        (plot(x="steps: 0"), "steps"),
        (plot(x="sampler: Oil"), "sampler"),
        (plot(x="prompt_sr: cat, dog"), "in neither prompt"),
        (plot(x="lora_weight: 1"), "no LoRA to weigh"),
        (plot(x="seed: 1-30", y="steps: 1-30"), "900 pictures"),
        (plot(x="size: 64"), "'64' is none"),
        (plot(x="tiling: perhaps"), "no switch"),
        (plot(x="model: nowhere"), "no model 'nowhere'"),
        (plot(x="size: 4096x4096", y="seed: 1-20"), "7168 x 82018 pixels"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_nothing_is_ordered(
    refusing: TestClient, wanted: dict[str, Any], said: str
) -> None:
    for address in (PLOTS, f"{PLOTS}/size"):
        answer = refusing.post(address, json=order(plot=wanted))
        assert answer.status_code in (400, 422)
        assert said in answer.json()["error"]
    assert refusing.get("/api/v1/jobs").json() == []


def test_a_job_is_no_plot(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json=order(plot=plot(x="seed: 1")))
    assert (answer.status_code, "/api/v1/plots" in answer.json()["error"]) == (400, True)
    assert "no plot" in client.post(PLOTS, json=order()).json()["error"]
    assert client.get(f"{PLOTS}/none").status_code == 404


def test_seeds_left_to_chance_are_one_for_all_unless_they_are_kept(client: TestClient) -> None:
    for keep, count in ((False, 1), (True, 3)):
        wanted = {**plot(x="steps: 1,1,1"), "keep_seeds": keep}
        made = client.post(PLOTS, json=order(seed=-1, plot=wanted)).json()
        assert len({job["request"]["seed"] for job in made["jobs"]}) == count


def test_axes_of_words_vary_the_prompt(client: TestClient) -> None:
    wanted = plot(x="Prompt order: boat, sea")
    made = client.post(PLOTS, json=order(prompt="boat on sea", plot=wanted)).json()
    prompts = [job["request"]["prompt"] for job in made["jobs"]]
    assert prompts == ["boat on sea", "sea on boat"]


def test_the_list_of_axes_has_choices(client: TestClient) -> None:
    listed = {axis["name"]: axis for axis in client.get(f"{PLOTS}/axes").json()}
    assert "Euler" in listed["sampler"]["choices"]
    assert (listed["steps"]["kind"], listed["eta"]["kind"]) == ("whole", "number")
    assert listed["tiling"]["choices"] == ["Yes", "No"]
    assert listed["prompt_sr"]["title"] == "Prompt S/R"
    assert {"image", "batch", "plot", "count"}.isdisjoint(listed)


def test_a_grid_that_was_left_is_made_at_the_next_start(tmp_path: Path) -> None:
    first = started(tmp_path)
    first.plots.stop()
    with TestClient(first.guarded, base_url=ORIGIN) as client:
        made = client.post(PLOTS, json=order(plot=plot(x="seed: 1,2"))).json()
        for job in made["jobs"]:
            wait_for(client, job["id"])
        assert not client.get(f"{PLOTS}/{made['id']}").json()["ended"]
    first.stop()
    second = started(tmp_path)
    with TestClient(second.guarded, base_url=ORIGIN) as client:
        assert len(grid_of(client, made["id"])["pictures"]) == 1
    second.stop()


def started(folder: Path) -> Studio:
    studio = build_studio(fake_settings(folder))
    studio.start()
    return studio
