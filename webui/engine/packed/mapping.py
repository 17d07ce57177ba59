"""Files of weights that are mapped into memory, and whether they still are what they were.

The numbers of a mapped file are read where and when they are touched. Where a program writes into such a file in place,
those that were not read yet are other ones, and where it cuts the file short, touching them ends the process (SIGBUS); no
kind of mapping protects from that. So the file is looked at before and after its numbers are used. A file that another
one took the name of is not meant: the mapping keeps the old one.
"""

from __future__ import annotations

import mmap
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from weakref import ReferenceType, WeakValueDictionary, ref

import torch
from torch import Tensor, nn

from webui.contracts.errors import FileChanged
from webui.engine.packed.place import HoldsWeight

Mapped = tuple[ReferenceType["MappedFile"], ...]
"""Files that may be in use still."""


class MappedFile(mmap.mmap):
    """A file's bytes; tensors over it keep it alive, and what is written to them stays in memory."""

    path: Path
    _descriptor: int
    _stamp: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> MappedFile:
        """Map a file.

        Raises:
            OSError: it cannot be opened.
            ValueError: it is empty.
        """
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            made = cls(descriptor, 0, access=mmap.ACCESS_COPY)
        except BaseException:
            os.close(descriptor)
            raise
        made.path, made._descriptor, made._stamp = path, descriptor, _stamp(descriptor)
        return made

    def __del__(self) -> None:
        descriptor = getattr(self, "_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)

    @property
    def is_changed(self) -> bool:
        """Whether it was written to since it was mapped."""
        return _stamp(self._descriptor) != self._stamp

    def check(self) -> None:
        """Nothing where the file is as it was.

        Raises:
            FileChanged: it was written to.
        """
        now = _stamp(self._descriptor)
        if now != self._stamp:
            raise FileChanged(
                f"The file {str(self.path)!r} was changed while it was in use: it had {_told(self._stamp)}, and has "
                f"{_told(now)}. Nothing was drawn from what it is now; it is loaded again for the next job, so draw again. "
                "Let programs write a model beside the old one and rename it."
            )


_FILES: WeakValueDictionary[int, MappedFile] = WeakValueDictionary()
"""Those that are mapped, by the address at which they begin."""


def map_file(path: Path) -> Tensor:
    """(bytes,) of uint8: a file where it is mapped.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is empty.
    """
    file = MappedFile.of(path)
    bytes_ = torch.frombuffer(file, dtype=torch.uint8)
    _FILES[bytes_.data_ptr()] = file
    return bytes_


def file_behind(tensor: Tensor) -> MappedFile | None:
    """The mapped file that a tensor's numbers lie in."""
    if tensor.is_mkldnn or tensor.is_meta:
        return None
    return _FILES.get(tensor.untyped_storage().data_ptr())


def check_file(tensor: Tensor) -> None:
    """Nothing where a tensor's numbers are those that it was made of.

    Raises:
        FileChanged: they lie in a mapped file that was written to.
    """
    file = file_behind(tensor)
    if file is not None:
        file.check()


def files_behind(networks: Iterable[nn.Module]) -> Mapped:
    """The mapped files that some weights of networks lie in now."""
    found = {id(f): f for net in networks for t in tensors_of(net) if (f := file_behind(t))}
    return tuple(map(ref, found.values()))


def in_use(files: Mapped) -> Iterator[MappedFile]:
    """Those of the files that some tensor lies in still."""
    return (file for each in files if (file := each()) is not None)


def tensors_of(network: nn.Module) -> Iterator[Tensor]:
    """All that a network computes with: parameters, buffers, and what layers hold otherwise."""
    yield from network.parameters()
    yield from network.buffers()
    for module in network.modules():
        if isinstance(module, HoldsWeight):
            held: Any = module
            yield from (t for t in vars(held).values() if isinstance(t, Tensor))


def _stamp(descriptor: int) -> tuple[int, int]:
    """Size in bytes, and nanoseconds of the last writing."""
    told = os.fstat(descriptor)
    return told.st_size, told.st_mtime_ns


def _told(stamp: tuple[int, int]) -> str:
    written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stamp[1] / 1e9))
    return f"{stamp[0]:,} bytes, written at {written}"
