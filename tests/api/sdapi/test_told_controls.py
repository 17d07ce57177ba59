"""A unit of the ControlNet extension in a text, read by a studio that has its network."""

from __future__ import annotations

from starlette.testclient import TestClient

TEXT = 'a fox\nSteps: 9, Sampler: Euler, Seed: 4, ControlNet 0: "Module: canny, Model: edges [d14c016b], Weight: 0.5, Threshold A: 50"'


def test_a_control_of_a_text_comes_without_its_picture(furnished: TestClient) -> None:
    answer = furnished.post(
        "/api/v1/parameters/reading", content=TEXT, headers={"content-type": "text/plain"}
    ).json()
    assert answer["waiting_controls"] == [
        {
            "adapter": "nets/edges", "weight": 0.5, "start": 0.0, "end": 1.0, "mode": "Balanced",
            "resize_mode": "Automatic",
            "preprocessor": "canny", "settings": {"low": 50.0},
        }
    ]  # fmt: skip
    assert "controls" not in answer["fields"]
    assert (answer["others"], len(answer["notes"])) == ({}, 1)
