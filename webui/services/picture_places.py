"""Where a picture's files are: in a folder of outputs, or in the bin below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webui.services.files import sync_folder

BIN, PARTIAL, THUMBNAILS = ".bin", ".partial", ".thumbnails"
TEXT_ENDING = ".txt"


@dataclass(frozen=True)
class PicturePlace:
    """A picture's file and the text that may lie beside it."""

    root: Path
    """The folder of outputs."""
    file: str
    """The picture below it, '/' separated."""

    @property
    def shown(self) -> Path | None:
        """The file, whether or not it is there; None where links or '..' lead it out of the folder."""
        file, root = (self.root / self.file).resolve(), self.root.resolve()
        return file if file.is_relative_to(root) else None

    def put_into_bin(self) -> None:
        """Move what is there into the bin; a second time does nothing."""
        for name in self._names():
            _move(self.root / name, self.root / BIN / name)

    def take_out_of_bin(self) -> None:
        """Move what is there back."""
        for name in self._names():
            _move(self.root / BIN / name, self.root / name)

    def in_bin(self) -> Iterator[Path]:
        """Its files that lie in the bin."""
        for name in self._names():
            file = self.root / BIN / name
            if file.is_file() and file.resolve().is_relative_to((self.root / BIN).resolve()):
                yield file

    def is_taken(self, *, with_text: bool) -> bool:
        """Whether something has this name, here or in the bin."""
        names = self._names() if with_text else [self.file]
        return any((self.root / part / name).exists() for part in ("", BIN) for name in names)

    def _names(self) -> list[str]:
        return [self.file, Path(self.file).with_suffix(TEXT_ENDING).as_posix()]


def _move(source: Path, target: Path) -> None:
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        sync_folder(target.parent)
