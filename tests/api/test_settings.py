"""The settings over HTTP: listed, set, refused, obeyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.conftest import ORIGIN, fake_settings, wait_for
from webui.app import Studio, build_studio
from webui.contracts.preferences import Preferences
from webui.contracts.settings import Settings
from webui.worker_programs import worker_flags, worker_makers


def setting(client: TestClient, name: str) -> dict[str, Any]:
    found = client.get("/api/v1/settings").json()["settings"]
    return next(one for one in found if one["name"] == name)


def put(client: TestClient, name: str, value: object) -> dict[str, Any]:
    answer = client.put(f"/api/v1/settings/{name}", json={"value": value})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def drawn(client: TestClient, **fields: object) -> dict[str, Any]:
    job = client.post("/api/v1/jobs", json={"prompt": "a boat", **fields}).json()
    done: dict[str, Any] = wait_for(client, job["id"])
    return done


def test_a_setting_is_changed_and_reset(client: TestClient) -> None:
    before = setting(client, "picture_format")
    assert (before["value"], before["default"]) == ("PNG", "PNG")
    assert before["choices"] == ["PNG", "WebP", "JPEG"]
    put(client, "picture_format", "JPEG")
    assert setting(client, "picture_format")["value"] == "JPEG"
    assert client.delete("/api/v1/settings/picture_format").status_code == 200
    assert setting(client, "picture_format") == before


def test_settings_survive_a_restart(tmp_path: Path) -> None:
    for value in ("WebP", None):
        studio = build_studio(fake_settings(tmp_path))
        with TestClient(studio.guarded, base_url=ORIGIN) as client:
            if value:
                put(client, "picture_format", value)
            assert setting(client, "picture_format")["value"] == "WebP"
        studio.lock.release()


@pytest.mark.parametrize(
    ("name", "value", "status", "said"),
    [
        ("picture_quality", 0, 422, "picture_quality is 0, expected a number from 1 to 100."),
        ("default_model", "gone", 422, "default_model is 'gone', expected '' or a model: fake/classes"),
        ("moon", 1, 404, "There is no setting 'moon'."),
    ],
)  # fmt: skip
def test_what_cannot_be_set_is_said(
    refusing: TestClient, name: str, value: object, status: int, said: str
) -> None:
    answer = refusing.put(f"/api/v1/settings/{name}", json={"value": value})
    assert answer.status_code == status
    assert said in answer.json()["error"]


@pytest.fixture
def reached(tmp_path: Path) -> Iterator[TestClient]:
    """A client of a studio that others may reach."""
    settings = fake_settings(tmp_path, allowed_hosts=("easel.example",))
    studio = build_studio(settings)
    with TestClient(studio.guarded, base_url=ORIGIN) as made:
        yield made
    studio.lock.release()


def test_where_others_reach_the_studio_nothing_is_changed_and_no_path_is_told(
    reached: TestClient,
) -> None:
    for answer in (
        reached.put("/api/v1/settings/picture_format", json={"value": "JPEG"}),
        reached.delete("/api/v1/settings/picture_format"),
    ):
        assert answer.status_code == 403
        assert "Others may reach this studio" in answer.json()["error"]
    said = reached.get("/api/v1/settings").json()
    assert said["facts"] == []
    assert "Others may reach this studio" in said["refusal"]


@pytest.mark.parametrize(
    "changes",
    [{"share": True}, {"host": "0.0.0.0"}, {"allowed_hosts": ("a.example",)}],
)
def test_each_way_of_being_reached_keeps_settings_as_they_are(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert fake_settings(tmp_path).changing_refusal is None
    assert fake_settings(tmp_path, **changes).changing_refusal is not None


def test_nobody_from_outside_is_told_where_pictures_go(tmp_path: Path) -> None:
    own = build_studio(fake_settings(tmp_path))
    own.context.preferences.change("outputs_folder", str(tmp_path / "outputs" / "secret"))
    own.lock.release()
    shared = build_studio(fake_settings(tmp_path, allowed_hosts=("easel.example",)))
    with TestClient(shared.guarded, base_url=ORIGIN) as client:
        told = client.get("/api/v1/settings").text
    shared.lock.release()
    assert "outputs_folder" in told
    assert "secret" not in told


def test_the_owner_is_told_where_things_are(client: TestClient, studio: Studio) -> None:
    facts = client.get("/api/v1/settings").json()["facts"]
    told = {fact["title"]: fact["value"] for fact in facts}
    assert told["Pictures"] == str(studio.settings.outputs)
    assert told["Flags"] == "--fake"


def test_format_name_and_metadata_hold_from_the_next_picture_on(
    client: TestClient, studio: Studio
) -> None:
    put(client, "file_name_pattern", "[task]-[seed]")
    put(client, "picture_format", "WebP")
    [picture] = drawn(client, seed=5)["pictures"]
    answer = client.get(picture["url"])
    assert answer.headers["content-type"] == "image/webp"
    assert (studio.settings.outputs / "txt2img-5.webp").read_bytes() == answer.content
    image = client.post(f"/api/v1/pictures/{picture['id']}/image")
    assert image.status_code == 201


def test_previews_can_be_left_out(client: TestClient) -> None:
    def previews() -> int:
        job = client.post("/api/v1/jobs", json={"prompt": "a boat", "steps": 5}).json()
        events = client.get(f"/api/v1/jobs/{job['id']}/events").text
        return events.count("data:image/webp")

    assert previews() > 0
    put(client, "preview_method", "None")
    assert previews() == 0


def test_the_default_model_draws_what_names_none(client: TestClient) -> None:
    assert drawn(client)["request"]["model"] == "fake/gradient"
    put(client, "default_model", "fake/classes")
    made = drawn(client, class_label="sky")
    assert made["request"]["model"] == "fake/classes"
    assert setting(client, "default_model")["choices"][:2] == ["", "fake/classes"]


def test_the_engine_is_started_anew_with_its_settings(client: TestClient, studio: Studio) -> None:
    drawn(client)
    put(client, "threads", 1)
    assert drawn(client)["state"] == "done"
    supervisor = studio.context.dispatcher._stations[0].supervisor
    assert supervisor.life == 2
    put(client, "picture_quality", 50)  # none of the engine's
    assert drawn(client)["state"] == "done"
    assert supervisor.life == 2


def test_each_device_has_a_worker_that_sees_it_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, devices=("1", "cpu"), bfloat16=True)
    flags = [worker_flags(settings, Preferences(), device) for device in settings.devices]
    assert flags == [["--bfloat16", "--gpu", "1"], ["--cpu", "--bfloat16"]]
    assert len(worker_makers(settings)) == 2
    assert len(worker_makers(Settings(data_dir=tmp_path))) == 1


def test_the_engines_settings_are_flags_of_its_program(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cpu=True, compile=True)
    assert worker_flags(settings, Preferences()) == ["--cpu", "--compile"]
    preferred = Preferences(memory_gib=1.5, threads=3, bfloat16=True)
    assert worker_flags(settings, preferred) == [
        "--cpu", "--compile", "--bfloat16", "--budget-bytes", str(3 * 2**29), "--threads", "3",
    ]  # fmt: skip
