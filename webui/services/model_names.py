"""Finding a model by what other programs and people call it."""

from __future__ import annotations

import re

from webui.contracts.ids import ModelId
from webui.services.catalog import Catalog

_HASH_BEHIND = re.compile(r"\s*\[[0-9a-f]{6,64}\]$")
_ENDINGS = (".safetensors", ".ckpt", ".gguf", ".sft", ".pt")


def model_called(name: str, catalog: Catalog) -> ModelId | None:
    """The model of an id, a file's name or a title, with a hash behind it perhaps; None where there is none.

    Capitals and a file's ending do not count; an id comes before a file's name, and that before a title.
    """
    wanted = _bare(name)
    models = catalog.models()
    ways = (
        {_bare(info.id): info.id for info in reversed(models)},
        {_bare(info.id.rsplit("/", 1)[-1]): info.id for info in reversed(models)},
        {_bare(info.title): info.id for info in reversed(models)},
    )
    return next((names[wanted] for names in ways if wanted in names), None)


def _bare(name: str) -> str:
    bare = _HASH_BEHIND.sub("", name.strip().lower())
    ending = next((e for e in _ENDINGS if bare.endswith(e)), "")
    return bare.removesuffix(ending)
