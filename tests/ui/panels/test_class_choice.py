from __future__ import annotations

from dataclasses import replace

import pytest

from webui.contracts.checkpoint import Task
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ModelId
from webui.services.catalog import Catalog
from webui.ui.panels.class_choice import for_the_models_task

TASKS: tuple[Task, ...] = ("depth", "class", "unconditional", "retrieval")
CATALOG = Catalog(
    [],
    built_in=[
        FAKE_CHECKPOINT,
        *(
            replace(FAKE_CHECKPOINT, id=ModelId(task), task=task, reads_text=task == "depth")
            for task in TASKS
        ),
    ],
)
FORM = {
    "prompt": "a house", "negative_prompt": "fog", "styles": ["oil"], "depth_map": "a" * 64,
    "class_label": "moss", "steps": 3,
}  # fmt: skip
WORDS = {"prompt", "negative_prompt", "styles"}


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("fake/gradient", WORDS),
        ("depth", WORDS | {"depth_map"}),
        ("class", {"prompt", "class_label"}),
        ("unconditional", {"prompt"}),
        ("retrieval", WORDS),
        ("gone", WORDS),
    ],
)
def test_a_model_is_told_only_what_it_can_be(model: str, told: set[str]) -> None:
    values = for_the_models_task(CATALOG)({**FORM, "model": model})
    assert set(values) == told | {"model", "steps"}
    assert values["prompt"] == ("" if told.isdisjoint({"styles"}) else "a house")


@pytest.mark.parametrize(("takes", "told"), [(True, {"noise_augmentation"}), (False, set[str]())])
def test_noise_and_image_guidance_are_told_only_where_they_count(
    takes: bool, told: set[str]
) -> None:
    info = replace(FAKE_CHECKPOINT, id=ModelId("a"), task="variation", takes_noise=takes)
    edits = replace(FAKE_CHECKPOINT, id=ModelId("b"), task="edit")
    catalog, form = (
        Catalog([], built_in=[info, edits]),
        {"noise_augmentation": 0.3, "image_guidance_scale": 2},
    )
    prepare = for_the_models_task(catalog)
    assert set(prepare({**form, "model": "a"})) == told | {"model"}
    assert set(prepare({**form, "model": "b"})) == {"model", "image_guidance_scale"}
