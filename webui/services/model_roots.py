"""The folders in which models lie: Easel's own, and those of other programs, used in place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from webui.services.adapter_kinds import kind_at
from webui.services.further_paths import FILE, further_paths

_ANYTHING = ("dat", "hat")
"""Names of folders that tell a kind within a folder of models, and little of a disk that somebody named so."""


@dataclass(frozen=True)
class ModelRoot:
    """A folder that is looked through."""

    path: Path
    prefix: str = ""
    """What stands before the ids of what is found there, such as 'embeddings/'."""

    def id_of(self, path: Path) -> str:
        """The id of what lies at a path below the folder, its ending included."""
        return self.prefix + path.relative_to(self.path).as_posix()


def program_of(folder: Path) -> str:
    """Whose folder it is, as far as its parts tell; '' where it is one of models."""
    models = folder / "models"
    if (models / "Stable-diffusion").is_dir():
        return "AUTOMATIC1111 or Forge"
    return "ComfyUI or Fooocus" if (models / "checkpoints").is_dir() else ""


def model_roots(folder: Path) -> tuple[ModelRoot, ...]:
    """Where models lie below a folder that somebody named, and in what it names itself.

    The folder of AUTOMATIC1111's or Forge's program has them in `models` and embeddings beside it; that of
    ComfyUI or Fooocus has all of them in `models`, and further ones where its `extra_model_paths.yaml` says. Any other
    folder is one of models, or of adapters where its own name says so: somebody's `Lora` alone.
    """
    models = folder / "models"
    program = program_of(folder)
    if program.startswith("AUTOMATIC1111"):
        return ModelRoot(models), ModelRoot(folder / "embeddings", "embeddings/")
    if program:
        further = (ModelRoot(path, prefix) for path, prefix in further_paths(folder))
        return (ModelRoot(models), *further)
    tells = kind_at(PurePath(folder.name, "file")) and folder.name.lower() not in _ANYTHING
    return (ModelRoot(folder, f"{folder.name}/" if tells else ""),)


def roots_of(folders: Iterable[Path]) -> tuple[ModelRoot, ...]:
    """Where models lie below some folders, in their order; what lies in one before it is not looked through twice."""
    roots: list[ModelRoot] = []
    for root in (root for folder in folders for root in model_roots(folder)):
        if not any(root.path.is_relative_to(before.path) for before in roots):
            roots.append(root)
    return tuple(roots)


def telling(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Paths whose change may make other roots of the folders."""
    return tuple(path for folder in folders for path in (folder, folder / "models", folder / FILE))
