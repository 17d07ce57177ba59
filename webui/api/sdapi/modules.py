"""What the routes of the ControlNet extension say of preprocessors, and do with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from webui.contracts.ids import ImageId
from webui.services.images import ImageStore
from webui.services.module_names import ALIASES, NONE, THRESHOLDS, settings_of
from webui.services.preprocessing import preprocess
from webui.services.preprocessors import PREPROCESSORS, Preprocessor


def module_details(others: Sequence[Preprocessor] = ()) -> dict[str, Any]:
    """What each can be told, as the extension says it: its numbers are threshold_a and threshold_b."""
    named = [(each.name, each) for each in (*PREPROCESSORS, *others)]
    named += [
        (alias, each) for alias, ours in ALIASES.items() for _, each in named if each.name == ours
    ]
    return {NONE: _detail(None)} | {name: _detail(each) for name, each in named}


def processed(
    images: ImageStore, image: ImageId, module: Preprocessor, unit: Mapping[str, Any]
) -> ImageId:
    """A stored picture through a preprocessor, with a unit's thresholds.

    Raises:
        BadImage: it wants another kind of picture.
        HookFailed: it is an extension's, which failed.
    """
    return preprocess(images, image, module.name, settings_of(module, unit), [module])


def _detail(module: Preprocessor | None) -> dict[str, Any]:
    settings = () if module is None else module.settings[: len(THRESHOLDS)]
    return {
        "model_free": False,
        "sliders": [
            {"name": s.title, "min": s.low, "max": s.high, "value": s.usual, "step": s.step}
            for s in settings
        ],
    }
