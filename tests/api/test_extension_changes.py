"""Installing over HTTP: shown, done, taken back; and only where nobody else reaches the studio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.hooks.writing import write_extension
from tests.services.extension_install.making import HEARS, commit
from webui.app import Studio
from webui.contracts.settings import Settings

CHANGES = "/api/v1/extension-changes"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A repository of somebody's extension."""
    folder = write_extension(tmp_path / "theirs", "book", studio=HEARS, permissions=["network"])
    commit(folder)
    return folder


def test_one_is_shown_then_installed_then_updated_while_in_use(
    client: TestClient, studio: Studio, book: Path
) -> None:
    shown = client.post(CHANGES, json={"source": book.as_uri()}).json()
    assert (shown["name"], shown["version"], shown["version_before"]) == ("book", "1.0", None)
    assert shown["permissions"] == {"network": "speaks with other computers"}
    assert (shown["hooks"], shown["files"]["added"]) == (
        ["studio_stopped"],
        ["extension.toml", "studio.py"],
    )
    assert client.get(CHANGES).json() == {"refusal": None, "waiting": [shown]}
    assert client.get("/api/v1/extensions").json() == []
    done = client.post(f"{CHANGES}/{shown['id']}").json()
    assert (done["name"], done["enabled"], done["source"], done["earlier"]) == (
        "book",
        False,
        book.as_uri(),
        False,
    )
    client.put("/api/v1/extensions/book", json={"enabled": True})
    write_extension(book.parent, "book", studio=HEARS, version="2.0")
    commit(book)
    shown = client.post(CHANGES, json={"update": "book"}).json()
    assert (shown["version_before"], shown["permissions_removed"]) == ("1.0", ["network"])
    done = client.post(f"{CHANGES}/{shown['id']}").json()
    assert (done["version"], done["in_use"], done["earlier"]) == ("2.0", True, True)
    assert studio.context.extensions.studio.offers["book"].manifest.version == "2.0"
    shown = client.post(CHANGES, json={"back": "book"}).json()
    assert client.post(f"{CHANGES}/{shown['id']}").json()["version"] == "1.0"


def test_a_removed_one_is_out_of_use_and_a_dropped_change_changes_nothing(
    client: TestClient, studio: Studio, book: Path
) -> None:
    shown = client.post(CHANGES, json={"source": str(book)}).json()
    client.post(f"{CHANGES}/{shown['id']}")
    client.put("/api/v1/extensions/book", json={"enabled": True})
    assert client.delete("/api/v1/extensions/book").status_code == 204
    assert "book" not in studio.context.extensions.studio.offers
    assert client.get("/api/v1/extensions").json() == []
    assert studio.context.extensions.state.enabled() == ()
    shown = client.post(CHANGES, json={"back": "book"}).json()
    assert client.delete(f"{CHANGES}/{shown['id']}").status_code == 204
    assert client.post(f"{CHANGES}/{shown['id']}").status_code == 404
    assert client.delete("/api/v1/extensions/book").status_code == 404


@pytest.mark.parametrize("body", [{}, {"source": "a", "back": "b"}, {"path": "a"}])
def test_exactly_one_thing_is_asked_for(client: TestClient, body: dict[str, str]) -> None:
    assert client.post(CHANGES, json=body).status_code == 422


def test_what_cannot_be_installed_is_said(client: TestClient) -> None:
    answer = client.post(CHANGES, json={"source": "http://host/book"})
    assert answer.status_code == 400
    assert "without encryption" in answer.json()["error"]


def test_a_studio_that_others_reach_refuses(client: TestClient, studio: Studio, book: Path) -> None:
    studio.context.installer.refusal = "Others may reach this studio."
    assert client.get(CHANGES).json() == {"refusal": "Others may reach this studio.", "waiting": []}
    for answer in (
        client.post(CHANGES, json={"source": str(book)}),
        client.post(CHANGES, json={"update": "book"}),
        client.post(f"{CHANGES}/{'0' * 32}"),
        client.delete("/api/v1/extensions/book"),
    ):
        assert (answer.status_code, answer.json()["error"]) == (
            403,
            "Others may reach this studio.",
        )


def test_who_may_reach_a_studio_decides(tmp_path: Path) -> None:
    alone = Settings(data_dir=tmp_path)
    assert alone.installing_refusal is None
    for others in ({"host": "0.0.0.0"}, {"share": True}, {"allowed_hosts": ("studio.example",)}):
        refusal = replace(alone, **others).installing_refusal
        assert "over HTTP" in (refusal or "")
