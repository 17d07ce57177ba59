"""What lies in the box: small enough for a repository, and each model with a card that says how it was made."""

from __future__ import annotations

import re

import pytest

from tests.studio import REPOSITORY

STARTER = REPOSITORY / "models" / "starter"
READERS = {"judge.safetensors", "segmenter.safetensors"}
"""They measure models and are none."""
MODELS = sorted(
    folder for folder in STARTER.iterdir() if folder.is_dir() and not folder.name.startswith(".")
)


def test_all_models_together_take_less_than_100_mb() -> None:
    weights = [file for file in STARTER.rglob("*.safetensors") if file.name not in READERS]
    assert len(weights) > 10
    assert sum(file.stat().st_size for file in weights) < 100_000_000


@pytest.mark.parametrize("name", [folder.name for folder in MODELS])
def test_each_has_a_card_with_its_licence_training_and_figures(name: str) -> None:
    card = (STARTER / name / "README.md").read_text("utf-8")
    for said in ("license: apache-2.0", "python launch.py train ", "<!-- measured -->"):
        assert said in card
    assert "NVIDIA" in card or "processor core" in card
    assert re.search(r"\| \d+ s \|", card)  # of training
    assert "Not measured yet" not in card
    assert (STARTER / name / "evaluation.json").exists()
