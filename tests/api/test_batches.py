"""Batches over HTTP, with the fake worker."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from starlette.testclient import TestClient

from tests.api.conftest import wait_for

BATCHES = "/api/v1/batches"


def test_a_folder_becomes_pictures_named_after_its_files(
    client: TestClient, tmp_path: Path, png: bytes
) -> None:
    folder = tmp_path / "inputs" / "day"
    folder.mkdir(parents=True)
    (folder / "sea side.png").write_bytes(png)
    (folder / "broken.png").write_bytes(b"no picture")
    body = {"request": {"prompt": "", "steps": 2}, "folder": "day"}
    answer = client.post(BATCHES, json=body)
    assert answer.status_code == 202, answer.text
    made = answer.json()
    assert [one["name"] for one in made["refused"]] == ["broken.png"]
    (job,) = made["jobs"]
    assert wait_for(client, job["id"])["state"] == "done"
    listed = client.get("/api/v1/pictures", params={"batch": made["id"]}).json()
    assert [picture["batch"] for picture in listed] == [made["id"]]
    assert client.get("/api/v1/pictures", params={"batch": "other"}).json() == []
    assert "sea-side" in client.get(listed[0]["url"]).headers["content-disposition"]


def test_a_batch_is_cancelled_as_one(client: TestClient) -> None:
    images = []
    for shade in (1, 2, 3):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (shade, 0, 0)).save(file, "PNG")
        images.append(
            {"image": client.post("/api/v1/images", content=file.getvalue()).json()["id"]}
        )
    body = {"request": {"prompt": "", "steps": 500}, "images": images}
    made = client.post(BATCHES, json=body).json()
    assert client.delete(f"{BATCHES}/{made['id']}").status_code == 200
    states = [wait_for(client, job["id"])["state"] for job in made["jobs"]]
    assert states == ["cancelled"] * 3
    assert client.get(f"{BATCHES}/none").status_code == 404


def test_a_list_is_a_job_a_line_and_wrong_lines_are_named(client: TestClient) -> None:
    body = {"request": {"prompt": "at night", "steps": 2, "seed": 4}, "place": "end"}
    lines = "a house\n\n--prompt two pines --steps 3"
    answer = client.post(f"{BATCHES}/prompts", json={**body, "lines": lines})
    assert answer.status_code == 202, answer.text
    made = answer.json()
    asked = [(job["request"]["prompt"], job["request"]["steps"]) for job in made["jobs"]]
    assert asked == [("at night a house", 2), ("at night two pines", 3)]
    assert len(client.get(f"{BATCHES}/{made['id']}").json()) == 2
    assert {wait_for(client, job["id"])["state"] for job in made["jobs"]} == {"done"}
    refused = client.post(f"{BATCHES}/prompts", json={**body, "lines": f"{lines}\n--stepps 3"})
    assert refused.status_code == 400
    assert "Line 4 has the unknown setting --stepps" in refused.text
