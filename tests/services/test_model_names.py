"""Models by the names that other programs have for them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.services.catalog import Catalog
from webui.services.model_names import model_called


def catalog() -> Catalog:
    named = [("sd/Dream-8", "Dream Shaper"), ("xl/dream-8", "Other"), ("Other", "Third")]
    return Catalog([], [replace(FAKE_CHECKPOINT, id=ModelId(i), title=t) for i, t in named])


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("sd/Dream-8", "sd/Dream-8"),
        ("XL/Dream-8.safetensors", "xl/dream-8"),
        ("dream-8.safetensors [879db523c3]", "sd/Dream-8"),
        ("Dream Shaper", "sd/Dream-8"),
        ("other", "Other"),
        ("v1-5", None),
    ],
)
def test_ids_come_before_files_and_these_before_titles(name: str, model: str | None) -> None:
    assert model_called(name, catalog()) == model
