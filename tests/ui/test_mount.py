from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from gradio.state_holder import SessionState

from webui.ui.context import UiContext
from webui.ui.mount import mount_ui


def running_app() -> tuple[FastAPI, TestClient]:
    app = FastAPI()

    @app.get("/", name="splash")
    def splash() -> str:
        return "in a moment"

    @app.get("/api/v1/health")
    def health() -> str:
        return "ok"

    return app, TestClient(app)


def test_the_page_takes_the_splashs_place_in_an_app_that_already_answers(
    context: UiContext,
) -> None:
    app, client = running_app()
    with client:
        assert client.get("/").json() == "in a moment"
        mount_ui(app, context)
        assert "gradio" in client.get("/").text
        assert client.get("/api/v1/health").json() == "ok"


def test_assets_come_from_the_studio_and_are_checked_for_change(context: UiContext) -> None:
    app, client = running_app()
    mount_ui(app, context)
    answer = client.get("/assets/easel/stage.js")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    assert "javascript" in answer.headers["content-type"]


def one_that_reads_one(config: Any) -> Any:
    """A handler of Python's that reads one component alone."""
    return next(d for d in config["dependencies"] if d["backend_fn"] and len(d["inputs"]) == 1)


def test_a_handler_runs_in_an_app_whose_startup_has_passed(context: UiContext) -> None:
    app, client = running_app()
    with client:
        mount_ui(app, context)
        config = client.get("/config").json()
        fills = one_that_reads_one(config)
        answer = client.post(
            "/gradio_api/run/predict",
            json={"fn_index": fills["id"], "data": [None], "session_hash": "s"},
        )
        assert answer.status_code == 200


def test_gradio_keeps_no_description_of_every_component_for_each_visitor(
    context: UiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SessionState] = []
    begin = SessionState.__init__

    def noted(state: SessionState, blocks: gr.Blocks) -> None:
        begin(state, blocks)
        made.append(state)

    monkeypatch.setattr(SessionState, "__init__", noted)
    app, client = running_app()
    with client:
        mount_ui(app, context)
        fills = one_that_reads_one(client.get("/config").json())
        said = {"fn_index": fills["id"], "data": [None], "session_hash": "s"}
        for _ in range(2):
            assert client.post("/gradio_api/run/predict", json=said).status_code == 200
    (session,) = made
    assert len(session.config_values) < len(session.blocks_config.blocks) / 2
