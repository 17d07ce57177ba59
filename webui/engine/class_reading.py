"""Reads photographs into maps of classes, beside the jobs: in a thread of its own, one after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import torch

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import EaselError
from webui.contracts.messages import ClassesRead, ReadClasses
from webui.engine.adapters.segmenter import LoadedSegmenter, load_segmenter
from webui.engine.pixels import open_image

log = logging.getLogger(__name__)


class ClassReader:
    """Answers each order once, whatever happens; keeps the network that read last."""

    def __init__(self, device: torch.device, emit: Callable[[ClassesRead], None]) -> None:
        self._device = device
        self._emit = emit
        self._turn = threading.Lock()
        self._kept: LoadedSegmenter | None = None

    def start(self, order: ReadClasses) -> None:
        """Begin to read; the answer follows."""
        name = f"read {order.reading}"
        threading.Thread(target=self.answer, args=(order,), name=name, daemon=True).start()

    def answer(self, order: ReadClasses) -> None:
        """Read, and say what was seen or why nothing was."""
        try:
            with self._turn:
                numbers = self._segmenter(order.segmenter).read(open_image(Path(order.image)))
        except EaselError as error:
            self._emit(ClassesRead(order.reading, 0, 0, b"", str(error)))
        except Exception as error:  # the worker loop's border
            log.exception("A photograph could not be read.")
            said = f"The segmenter {order.segmenter.id!r} could not read the picture: {error}"
            self._emit(ClassesRead(order.reading, 0, 0, b"", said))
        else:
            height, width = numbers.shape
            self._emit(ClassesRead(order.reading, width, height, numbers.tobytes(), None))

    def _segmenter(self, info: AdapterInfo) -> LoadedSegmenter:
        if self._kept is None or self._kept.info != info:
            self._kept = None  # its memory first
            self._kept = load_segmenter(info, self._device)
        return self._kept
