"""Reads photographs into maps of classes, beside the jobs: in a thread of its own, one after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import torch

from webui.contracts.errors import EaselError, JobFailed
from webui.contracts.messages import ClassesRead, ReadClasses
from webui.engine.adapters.segmenter import LoadedSegmenter
from webui.engine.adapters.store import AdapterStore
from webui.engine.pixels import open_image

log = logging.getLogger(__name__)


class ClassReader:
    """Answers each order once, whatever happens. Its networks are the store's, under the budget of all adapters."""

    def __init__(
        self, device: torch.device, emit: Callable[[ClassesRead], None], adapters: AdapterStore
    ) -> None:
        self._device = device
        self._emit = emit
        self._adapters = adapters
        self._turn = threading.Lock()

    def start(self, order: ReadClasses) -> None:
        """Begin to read; the answer follows."""
        name = f"read {order.reading}"
        threading.Thread(target=self.answer, args=(order,), name=name, daemon=True).start()

    def answer(self, order: ReadClasses) -> None:
        """Read, and say what was seen or why nothing was."""
        try:
            with self._turn:
                photo = open_image(Path(order.image))
                numbers = self._segmenter(order).read(photo)
        except EaselError as error:
            self._emit(ClassesRead(order.reading, 0, 0, b"", str(error)))
        except Exception as error:  # the worker loop's border
            log.exception("A photograph could not be read.")
            said = f"The segmenter {order.segmenter.id!r} could not read the picture: {error}"
            self._emit(ClassesRead(order.reading, 0, 0, b"", said))
        else:
            height, width = numbers.shape
            self._emit(ClassesRead(order.reading, width, height, numbers.tobytes(), None))

    def _segmenter(self, order: ReadClasses) -> LoadedSegmenter:
        found = self._adapters.wait_for(order.segmenter, self._device)
        if not isinstance(found, LoadedSegmenter):
            raise JobFailed(f"{order.segmenter.id!r} is no segmenter. Choose one.")
        return found
