"""Jobs over HTTP, with the fake worker."""

from __future__ import annotations

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import wait_for
from tests.workers.listening import eventually
from webui.api.jobs import EXAMPLES
from webui.app import Studio
from webui.contracts.preview import Preview


def order(client: TestClient, **request: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/jobs", json={"prompt": "a lake", "steps": 3, **request})
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    return job


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and data of each event of a stream."""
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event: ")]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in blocks
    ]


def followed(
    client: TestClient, studio: Studio, **request: Any
) -> list[tuple[str, dict[str, Any]]]:
    """What a job's stream tells from the first step on: the job waits until somebody reads."""
    client.put("/api/v1/queue", json={"paused": True})
    job_id = order(client, **request)["id"]
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, f"/api/v1/jobs/{job_id}/events")
        try:
            eventually(lambda: bool(studio.streams._open))
        finally:
            client.put("/api/v1/queue", json={"paused": False})
        return events_of(answer.result().text)


def test_a_prompt_alone_becomes_a_picture(client: TestClient) -> None:
    job = wait_for(client, order(client)["id"])
    assert job["state"] == "done"
    assert len(job["pictures"]) == 1  # type: ignore[arg-type]


def test_the_answer_holds_the_request_that_will_be_run(client: TestClient) -> None:
    request = order(client, sampler="k_euler_a", count=2)["request"]
    assert request["sampler"] == "Euler a"
    assert request["model"] == "fake/gradient"
    assert request["seed"] >= 0
    assert request["width"] == 128


def test_the_stream_tells_the_job_from_first_to_last(client: TestClient, studio: Studio) -> None:
    events = followed(client, studio, count=2, steps=5)
    assert events[0][0] == "job"
    assert events[-1][0] == "job"
    assert events[-1][1]["state"] == "done"
    assert [data["index"] for name, data in events if name == "picture"] == [0, 1]
    steps = [data for name, data in events if name == "step"]
    assert any((data["preview"] or "").startswith("data:image/webp;base64,") for data in steps)
    assert all(data["steps"] == 10 for data in steps)
    assert {data["index"] for data in steps} <= {0, 1}
    assert steps[-1]["index"] == 1


def test_previews_are_encoded_for_those_who_watch_and_for_nobody_else(
    client: TestClient, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Preview] = []
    image = Preview.image

    def noted(preview: Preview) -> Image.Image:
        drawn.append(preview)
        return image(preview)

    monkeypatch.setattr(Preview, "image", noted)
    unseen = order(client, steps=5)["id"]
    while client.get(f"/api/v1/jobs/{unseen}").json()["state"] != "done":
        time.sleep(0.05)
    assert drawn == []
    events = followed(client, studio, steps=5)
    seen = [data["preview"] for name, data in events if name == "step" and data["preview"]]
    assert len(drawn) == len(seen) > 0


def test_the_stream_of_a_final_job_is_its_snapshot(client: TestClient) -> None:
    job_id = order(client)["id"]
    wait_for(client, job_id)
    answer = client.get(f"/api/v1/jobs/{job_id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in events_of(answer.text)] == ["job"]


def test_a_cancelled_job_says_so(client: TestClient) -> None:
    job_id = order(client, steps=1000)["id"]
    client.delete(f"/api/v1/jobs/{job_id}")
    assert wait_for(client, job_id)["state"] == "cancelled"


def test_cancelling_a_final_job_changes_nothing(client: TestClient) -> None:
    job_id = order(client)["id"]
    wait_for(client, job_id)
    assert client.delete(f"/api/v1/jobs/{job_id}").json()["state"] == "done"


def test_a_queued_job_is_moved_over_http(client: TestClient) -> None:
    ids = [order(client, steps=1000)["id"] for _ in range(30)]
    waiting = client.get(f"/api/v1/jobs/{ids[-1]}").json()
    assert waiting["place"] > 0
    answer = client.put(f"/api/v1/jobs/{ids[-1]}/priority", json={"priority": "High"})
    assert answer.json()["request"]["priority"] == "High"
    wrong = client.put(f"/api/v1/jobs/{ids[-1]}/priority", json={"priority": "Urgent"})
    assert (wrong.status_code, "priority is 'Urgent'" in wrong.json()["error"]) == (422, True)
    assert client.put("/api/v1/jobs/none/priority", json={"priority": "Low"}).status_code == 404
    for job_id in ids:
        client.delete(f"/api/v1/jobs/{job_id}")


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("DELETE", ""), ("GET", "/events")])
def test_an_unknown_job_is_404_and_never_done(
    refusing: TestClient, method: str, suffix: str
) -> None:
    answer = refusing.request(method, f"/api/v1/jobs/nothing{suffix}")
    assert answer.status_code == 404
    assert "'nothing'" in answer.json()["error"]


def test_jobs_are_listed_newest_first_page_by_page(client: TestClient) -> None:
    ids = [order(client)["id"] for _ in range(3)]
    for job_id in ids:
        wait_for(client, job_id)
    first = client.get("/api/v1/jobs", params={"limit": 2, "state": "done"}).json()
    rest = client.get("/api/v1/jobs", params={"before": first[-1]["created"]}).json()
    assert [job["id"] for job in first + rest] == ids[::-1]


def test_the_examples_of_the_documentation_are_valid_orders(client: TestClient) -> None:
    for name, example in EXAMPLES.items():
        value = {**example["value"], "model": "", "steps": 2}  # type: ignore[dict-item]
        names_an_image = "0" * 64 in str(value)  # which this studio has not
        expected = 404 if names_an_image else 202
        assert client.post("/api/v1/jobs", json=value).status_code == expected, name


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("steps", 0, "from 1 to 1000"),
        ("width", 130, "multiple of 8"),
        ("guidance_scale", 1e9, "from 1.0 to 100.0"),
        ("sampler", "Magic", "Euler a"),
        ("seed", 2**40, "from -1 to"),
        ("stepz", 5, "no such field"),
        ("count", "many", "integer"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_range(
    refusing: TestClient, field: str, value: object, expected: str
) -> None:
    answer = refusing.post("/api/v1/jobs", json={"prompt": "x", field: value})
    assert answer.status_code == 422
    [problem] = answer.json()["problems"]
    assert problem["field"] == field
    assert str(value) in problem["value"]
    assert expected in problem["expected"]
    assert field in answer.json()["error"]


def test_a_missing_prompt_is_named(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json={})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "prompt"


def test_an_unknown_model_names_the_near_ones(client: TestClient) -> None:
    answer = client.post("/api/v1/jobs", json={"prompt": "x", "model": "fake/gradent"})
    assert answer.status_code == 422
    assert "'fake/gradient'" in answer.json()["error"]
    assert answer.json()["problems"][0]["field"] == "model"


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b'{"prompt": ', "application/json", "not valid JSON"),
        (b"[1, 2]", "application/json", "request is"),
        (b"null", "application/json", "request is"),
        (b"", "application/json", "request is"),
        (b"\xff\xfe", "application/json", ""),
        (b"[" * 100_000, "application/json", ""),
        (b'{"prompt": "x"}', "text/plain", "Content-Type"),
        (b"prompt=x", "application/x-www-form-urlencoded", "Content-Type"),
    ],
)
def test_a_body_that_is_no_order_gets_a_sentence(
    refusing: TestClient, body: bytes, kind: str, sentence: str
) -> None:
    answer = refusing.post("/api/v1/jobs", content=body, headers={"content-type": kind})
    assert answer.status_code in (400, 422)
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "state=finished", "before=soon"])
def test_a_wrong_query_is_named(refusing: TestClient, query: str) -> None:
    answer = refusing.get(f"/api/v1/jobs?{query}")
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"].split(".")[0] == query.split("=")[0]


def test_a_prompt_in_any_script_comes_back_as_it_was(client: TestClient) -> None:
    prompt = "湖畔の赤い家 дом у озера بيت 🏡 \u202e" + "x" * 10_000
    assert order(client, prompt=prompt)["request"]["prompt"] == prompt


def uploaded(client: TestClient, picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    image_id: str = client.post("/api/v1/images", content=file.getvalue()).json()["id"]
    return image_id


def test_a_marked_part_alone_is_drawn_anew(client: TestClient) -> None:
    mask = Image.new("L", (64, 64))
    mask.putpixel((5, 6), 255)
    ids = [uploaded(client, p) for p in (Image.new("RGB", (64, 64), (10, 200, 30)), mask)]
    job = order(client, image=ids[0], mask=ids[1], denoising_strength=1, width=64, height=64)
    wait_for(client, job["id"])
    done = client.get(f"/api/v1/jobs/{job['id']}").json()
    picture = Image.open(io.BytesIO(client.get(done["pictures"][0]["url"]).content))
    assert picture.getpixel((5, 6)) != (10, 200, 30)
    picture.putpixel((5, 6), (10, 200, 30))
    assert picture.getcolors() == [(64 * 64, (10, 200, 30))]
    assert done["request"]["mask"] == ids[1]


def test_an_empty_mask_is_refused(client: TestClient) -> None:
    image = uploaded(client, Image.new("RGB", (64, 64)))
    mask = uploaded(client, Image.new("L", (64, 64)))
    answer = client.post("/api/v1/jobs", json={"prompt": "x", "image": image, "mask": mask})
    assert answer.status_code == 422
    assert (
        answer.json()["error"]
        == "mask is empty: nothing of it is white, expected white where to redraw."
    )


def test_an_unknown_adapter_is_a_problem_of_its_field(client: TestClient, png: bytes) -> None:
    image = client.post("/api/v1/images", content=png).json()["id"]
    for field, use in (
        ("controls", {"adapter": "edges", "image": image}),
        ("loras", {"adapter": "chalk"}),
    ):
        answer = client.post("/api/v1/jobs", json={"prompt": "x", field: [use]})
        assert answer.status_code == 422
        assert [p["field"] for p in answer.json()["problems"]] == [field]
        assert use["adapter"] in answer.json()["error"]


def test_what_is_wrong_within_an_entry_is_named_by_its_place(client: TestClient) -> None:
    body = {"prompt": "x", "loras": [{"adapter": "a"}, {"adapter": "b", "weight": 9}]}
    [problem] = client.post("/api/v1/jobs", json=body).json()["problems"]
    assert (problem["field"], problem["expected"]) == (
        "loras.1.weight",
        "a number from -4.0 to 4.0",
    )


def test_the_queue_is_paused_and_goes_on(client: TestClient) -> None:
    empty = {"queued": 0, "running": 0, "paused": False}
    assert client.get("/api/v1/queue").json() == empty
    assert client.put("/api/v1/queue", json={"paused": True}).json() == {**empty, "paused": True}
    job = order(client)["id"]
    assert client.get("/api/v1/health").json()["paused"]
    assert client.get("/api/v1/queue").json() == {"queued": 1, "running": 0, "paused": True}
    assert client.put("/api/v1/queue", json={"paused": "perhaps"}).status_code == 422
    client.put("/api/v1/queue", json={"paused": False})
    assert wait_for(client, job)["state"] == "done"


def test_the_queue_is_saved_as_a_file_and_taken_in_again(client: TestClient) -> None:
    client.put("/api/v1/queue", json={"paused": True})
    order = {"prompt": "a boat", "steps": 3, "seed": 9}
    first = client.post("/api/v1/jobs", json=order).json()["id"]
    saved = client.get("/api/v1/queue/file")
    assert saved.headers["content-disposition"].startswith('attachment; filename="easel-queue-20')
    client.delete(f"/api/v1/jobs/{first}")
    taken = client.post("/api/v1/queue/file", content=saved.content)
    assert taken.status_code == 202
    (again,) = taken.json()["jobs"]
    request = client.get(f"/api/v1/jobs/{again}").json()["request"]
    assert (request["prompt"], request["steps"], request["seed"]) == ("a boat", 3, 9)


def test_a_file_that_is_no_queue_is_a_sentence(refusing: TestClient) -> None:
    answer = refusing.post("/api/v1/queue/file", content=b"{}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The file is no saved queue.")
