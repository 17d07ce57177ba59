"""A model on disk as its files of weights: one file, or a diffusers folder with some."""

from __future__ import annotations

import json
import shutil
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from torch import Tensor

from webui.contracts.errors import BadRequest
from webui.engine.weights import Weights, open_weights

_ENDING = ".safetensors"
_EASEL = "easel.json"


@dataclass(frozen=True)
class ModelSource:
    """A model that is read."""

    path: Path

    @property
    def is_folder(self) -> bool:
        """Whether it is a diffusers folder."""
        return self.path.is_dir()

    def files(self) -> Iterator[tuple[str, Weights]]:
        """Each file of weights, with its path below the folder ('' for a single file).

        Raises:
            NotAModel, BrokenModel: as `open_weights`.
        """
        if not self.is_folder:
            yield "", open_weights(self.path)
            return
        for relative, file in self._all():
            if file.suffix == _ENDING:
                yield relative, open_weights(file)

    def file(self, relative: str) -> Mapping[str, Tensor]:
        """The file of weights of a path that another model has.

        Raises:
            BadRequest: this one has none.
        """
        file = dict(self._all()).get(relative) if self.is_folder else self.path
        if file is None:
            raise BadRequest(
                f"{self.path.name!r} has no {relative!r}, as the first model has: models of one kind can be merged."
            )
        return open_weights(file)

    def part(self, relative: str) -> str:
        """The part that a file belongs to: 'unet'; '' of a single file."""
        return relative.rpartition("/")[0]

    def copy_rest(self, target: Path) -> None:
        """Copy what is no file of weights: configurations, tokenizers, cards."""
        if not self.is_folder:
            return
        for relative, file in self._all():
            place = target / relative
            place.parent.mkdir(parents=True, exist_ok=True)
            if relative == _EASEL:
                said = {k: v for k, v in self._said().items() if k != "shared"}
                place.write_text(json.dumps(said, indent=1), "utf-8")
            elif file.suffix != _ENDING:
                shutil.copyfile(file, place)

    # Any: JSON that a person or a program wrote.
    def config(self, relative: str) -> dict[str, Any]:
        """A JSON object of the folder; empty where it has none.

        Raises:
            BadRequest: it is no JSON object.
        """
        file = dict(self._all()).get(relative)
        try:
            said = {} if file is None else json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise BadRequest(f"{relative!r} of {self.path.name!r} is no JSON: {error}") from error
        if not isinstance(said, dict):
            raise BadRequest(f"{relative!r} of {self.path.name!r} is no JSON object.")
        return said

    def weights(self, part: str) -> Mapping[str, Tensor]:
        """All weights of a part: of its plain files, or those of a variant where there are no plain ones.

        Raises:
            BadRequest: it has none.
            NotAModel, BrokenModel: as `open_weights`.
        """
        files = [file for relative, file in self._all() if relative.rpartition("/")[0] == part and file.suffix == _ENDING]  # fmt: skip
        plain = [file for file in files if "." not in file.stem]
        if not (chosen := plain or files):
            raise BadRequest(f"{self.path.name!r} has no {_ENDING} file in {part!r}; convert its pickled weights first.")  # fmt: skip
        return ChainMap(*(cast("MutableMapping[str, Tensor]", open_weights(file)) for file in chosen))  # fmt: skip

    def _all(self) -> list[tuple[str, Path]]:
        """Every file by its path; those of shared parts as if they were its own."""
        folders = {"": self.path}
        for part, where in self._said().get("shared", {}).items():
            if not (self.path / part).is_dir():
                folders[f"{part}/"] = (self.path / where).resolve()
        return sorted(
            (prefix + file.relative_to(folder).as_posix(), file)
            for prefix, folder in folders.items() for file in folder.rglob("*") if file.is_file()
        )  # fmt: skip

    # Any: JSON that a person wrote; the catalog has checked it.
    def _said(self) -> dict[str, Any]:
        file = self.path / _EASEL
        said: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        return said
