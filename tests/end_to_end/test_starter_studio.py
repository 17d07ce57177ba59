"""What the studio promises, asked of real processes that draw with the starter model."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.studio import REPOSITORY, Studio, seconds_until, started_studio
from webui.training.evaluation.unseen import unseen

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not (REPOSITORY / "models/starter/text/unet").is_dir(),
        reason="the starter model is not in models/starter/text; train it with launch.py train starter",
    ),
]

SMALL = {"width": 128, "height": 128}
"""For jobs of whose pictures nothing is asked that depends on their size: a quarter of the arithmetic."""
SMALLEST = {"width": 64, "height": 64}
"""For those that are many, of whose pictures only equality is asked, or nothing."""

PROMPTS = (
    "a red house on the left, green meadow with mountains at sunset",
    "two pines on the right, a snowfield at night, a full moon",
    "a purple balloon in the centre, a desert by day",
    "a white boat on the left, the sea at dawn",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def studio(folder: Path) -> Iterator[Studio]:
    with started_studio(folder, "--cpu") as started:
        seconds_until(started, "/api/v1/health", b'"ok"')
        yield started


def test_clients_of_automatic1111_draw_the_same_picture_with_the_starter(studio: Studio) -> None:
    """First here: the worker loads the model for it, which the others find loaded."""
    said = {"prompt": PROMPTS[0], "seed": 5, "steps": 4, **SMALL}
    own = studio.submit(**said, guidance_scale=5.0, sampler="Euler")
    body = json.dumps({**said, "cfg_scale": 5.0, "sampler_name": "Euler", "scheduler": "automatic"})
    call = urllib.request.Request(
        f"{studio.address}/sdapi/v1/txt2img", body.encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(call, timeout=120) as answer:
        (drawn,) = json.load(answer)["images"]
    theirs = np.asarray(Image.open(io.BytesIO(base64.b64decode(drawn))), np.int16)
    (ours,) = _pixels(studio, own)
    assert theirs.std() > 10
    assert np.abs(theirs - ours).max() <= 1


def _pixels(studio: Studio, job_id: str) -> list[NDArray[np.int16]]:
    pictures = studio.wait(job_id)["pictures"]
    return [np.asarray(Image.open(io.BytesIO(_png(studio, p["id"]))), np.int16) for p in pictures]


def _png(studio: Studio, picture_id: str) -> bytes:
    with urllib.request.urlopen(
        f"{studio.address}/api/v1/pictures/{picture_id}", timeout=30
    ) as answer:
        data: bytes = answer.read()
    return data


def _worker(studio: Studio) -> psutil.Process:
    workers = psutil.Process(studio.process.pid).children()
    assert len(workers) == 1
    return workers[0]


def _pause(studio: Studio, wanted: bool) -> None:
    call = urllib.request.Request(
        f"{studio.address}/api/v1/queue",
        json.dumps({"paused": wanted}).encode(),
        {"Content-Type": "application/json"},
        method="PUT",
    )
    urllib.request.urlopen(call, timeout=30)


def _until_running(studio: Studio, job_id: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = studio.get(f"/jobs/{job_id}")
        if job["state"] == "running" and job["step"] > 0:
            return
        time.sleep(0.01)
    raise TimeoutError(f"{job_id} did not begin")


def test_a_prompt_becomes_a_picture_of_what_it_says(studio: Studio) -> None:
    night, day = (  # three of each: of a hundred, the model gets the time of five wrong
        np.stack(_pixels(studio, studio.submit(prompt=prompt, seed=1, count=3)))
        for prompt in ("the sea at night", "a snowfield by day")
    )
    assert night.shape == day.shape == (3, 256, 256, 3)
    assert day.mean() > night.mean() + 60


def test_a_picture_and_its_metadata_reproduce_it_bit_for_bit(studio: Studio) -> None:
    first = studio.wait(studio.submit(prompt=PROMPTS[0], seed=11, sampler="Euler a", **SMALL))[
        "pictures"
    ][0]
    made = Image.open(io.BytesIO(_png(studio, first["id"])))
    request = json.loads(made.info["easel"])
    again = studio.wait(studio.submit(**request))["pictures"][0]
    assert _png(studio, again["id"])[:8] == b"\x89PNG\r\n\x1a\n"
    assert Image.open(io.BytesIO(_png(studio, again["id"]))).tobytes() == made.tobytes()
    assert made.info["parameters"].startswith(PROMPTS[0])


def test_a_picture_becomes_another_picture_of_the_same_composition(studio: Studio) -> None:
    (source,) = studio.wait(
        studio.submit(prompt="a red house on the left, a meadow by day", seed=3, **SMALL)
    )["pictures"]
    call = urllib.request.Request(
        f"{studio.address}/api/v1/pictures/{source['id']}/image", method="POST"
    )
    with urllib.request.urlopen(call, timeout=30) as answer:
        image = json.load(answer)["id"]
    before = np.asarray(Image.open(io.BytesIO(_png(studio, source["id"]))), np.int16)

    def distance(strength: float) -> float:
        job = studio.submit(
            prompt="a meadow at night", seed=4, image=image, denoising_strength=strength, **SMALL
        )
        return float(np.abs(_pixels(studio, job)[0] - before).mean())

    assert distance(0.1) < distance(0.5) < distance(1.0)


def test_twenty_jobs_at_once_draw_what_each_draws_alone(studio: Studio) -> None:
    samplers = ("Euler", "Euler a", "Heun", "DPM++ 2M", "DPM++ 2M SDE", "DDIM", "UniPC")
    orders = [
        {
            "prompt": PROMPTS[i % 4], "seed": i, "sampler": samplers[i % 7], "steps": 4 + i % 3,
            **SMALLEST,
        }
        for i in range(20)
    ]  # fmt: skip
    crowd = [_pixels(studio, job)[0] for job in [studio.submit(**order) for order in orders]]
    for order, together in zip(orders, crowd, strict=True):
        (alone,) = _pixels(studio, studio.submit(**order))
        assert np.abs(alone - together).max() <= 1


def test_cancel_stops_one_job_and_no_other(studio: Studio) -> None:
    long = studio.submit(prompt=PROMPTS[0], steps=400, **SMALLEST)
    other = studio.submit(prompt=PROMPTS[1], steps=20, **SMALLEST)
    _until_running(studio, long)
    urllib.request.urlopen(
        urllib.request.Request(f"{studio.address}/api/v1/jobs/{long}", method="DELETE"), timeout=30
    )
    assert studio.wait(other)["state"] == "done"
    assert studio.get(f"/jobs/{long}")["state"] == "cancelled"
    assert studio.get(f"/jobs/{long}")["step"] < 400


def test_a_killed_worker_costs_nobody_a_job(studio: Studio) -> None:
    jobs = [studio.submit(prompt=prompt, steps=30, seed=5, **SMALLEST) for prompt in PROMPTS]
    _until_running(studio, jobs[0])
    killed = _worker(studio)
    os.kill(killed.pid, signal.SIGKILL)
    assert studio.get(f"/jobs/{jobs[0]}")["state"] != "done"
    assert all(studio.wait(job)["state"] == "done" for job in jobs)
    assert _worker(studio).pid != killed.pid


def test_the_studio_process_has_no_torch_in_it(studio: Studio) -> None:
    maps = Path(f"/proc/{studio.process.pid}/maps")
    if not maps.exists():
        pytest.skip("this system does not show which libraries a process has loaded")
    assert "libtorch" not in maps.read_text()
    assert "libtorch" in Path(f"/proc/{_worker(studio).pid}/maps").read_text()


def test_a_photograph_is_read_over_http_by_the_segformer_in_the_box(studio: Studio) -> None:
    """As the page asks: which segmenters there are, then a map in the classes that one paints with."""
    deadline = time.monotonic() + 200
    while studio.get("/health")["worker"]["state"] != "ready":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    (world,) = [one for one in studio.get("/palettes") if one["name"] == "World"]
    ids = [one["id"] for one in studio.get("/adapters?kind=segmenter")]
    assert "starter/segformer" in ids
    how = {"colours": world["colours"], "classes": world["classes"], "segmenter": "starter/segformer"}  # fmt: skip
    scenes, right = unseen(8, 256, 7000), []
    for picture, truth in zip(scenes.pictures, scenes.class_maps, strict=True):
        image = studio.upload(Image.fromarray(picture))
        made = studio.post(f"/images/{image}/class-map", how)
        assert (made["width"], made["height"]) == (256, 256)
        with urllib.request.urlopen(f"{studio.address}/api/v1/images/{made['id']}") as answer:
            read = np.asarray(Image.open(io.BytesIO(answer.read())))
        right.append((read == truth).mean())
    assert np.mean(right) > 0.9


def test_a_killed_studio_finishes_its_queue_after_the_restart(studio: Studio, folder: Path) -> None:
    """Last here: it kills the studio of the others."""
    _pause(studio, True)  # else the first are drawn before the last are there
    jobs = [studio.submit(prompt=PROMPTS[i % 4], steps=10, seed=i, **SMALLEST) for i in range(30)]
    _pause(studio, False)
    _until_running(studio, jobs[0])
    assert studio.get(f"/jobs/{jobs[-1]}")["state"] == "queued"
    studio.process.kill()
    studio.process.wait()
    with started_studio(folder, "--cpu") as second:
        seconds_until(second, "/api/v1/health", b'"ok"')
        ended = [second.wait(job) for job in jobs]
    assert [len(job["pictures"]) for job in ended] == [1] * 30
