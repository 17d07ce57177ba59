"""From a single file in the original layout to a diffusers folder, and back."""

from __future__ import annotations

from pathlib import Path

import torch

from webui.contracts.errors import BadRequest
from webui.engine.tools.as_file import to_file
from webui.engine.tools.as_folder import to_folder
from webui.engine.tools.merge import Recipe, recipe_said
from webui.engine.tools.model_source import ModelSource
from webui.engine.tools.writing import made_whole


def change_layout(source: ModelSource, target: Path, layout: str, recipe: Recipe) -> int:
    """Write a model in the other layout; what nothing draws with is left out.

    Returns:
        How many tensors were left out, where that is known.

    Raises:
        BadRequest: it has that layout already, is of a family that cannot have it, or there is something at `target`.
    """
    if source.is_folder == (layout == "folder"):
        raise BadRequest(f"{source.path.name!r} is a {layout} already.")
    if recipe.precision == torch.float8_e4m3fn and layout == "folder":
        raise BadRequest("--precision is fp8; folders are written in fp32, fp16 or bf16.")
    said = recipe_said((source,), recipe)
    with made_whole(target) as unfinished:
        if layout == "folder":
            return to_folder(source.path, unfinished, recipe.precision, said)
        to_file(source, unfinished, recipe.precision, said)
    return 0
