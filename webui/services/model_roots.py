"""The folders in which models lie: Easel's own, and those of other programs, used in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelRoot:
    """A folder that is looked through."""

    path: Path
    prefix: str = ""
    """What stands before the ids of what is found there, such as 'embeddings/'."""

    def id_of(self, path: Path) -> str:
        """The id of what lies at a path below the folder, its ending included."""
        return self.prefix + path.relative_to(self.path).as_posix()


def model_roots(folder: Path) -> tuple[ModelRoot, ...]:
    """Where models lie below a folder that somebody named.

    The folder of AUTOMATIC1111's or Forge's program has them in `models` and embeddings beside it; that of
    ComfyUI or Fooocus has all of them in `models`. Any other folder is one of models.
    """
    models = folder / "models"
    if (models / "Stable-diffusion").is_dir():
        return ModelRoot(models), ModelRoot(folder / "embeddings", "embeddings/")
    if (models / "checkpoints").is_dir():
        return (ModelRoot(models),)
    return (ModelRoot(folder),)
