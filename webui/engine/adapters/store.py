"""Adapters in memory: the least recently used go first once they are too many bytes.

An adapter that a job holds stays alive by that alone, so nothing needs to be leased.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo, AdapterKind
from webui.contracts.errors import EaselError, JobFailed, OutOfMemory
from webui.engine.adapters.control import Unit, load_steerer
from webui.engine.adapters.embedding import LoadedEmbedding, load_embedding
from webui.engine.adapters.hypernetwork import LoadedHypernetwork, load_hypernetwork
from webui.engine.adapters.image_encoder import LoadedImageEncoder, load_image_encoder
from webui.engine.adapters.lora import LoadedLora, load_lora
from webui.engine.adapters.segmenter import LoadedSegmenter, load_segmenter
from webui.engine.adapters.upscaler import LoadedUpscaler, load_upscaler
from webui.engine.adapters.vae import LoadedVae, load_vae
from webui.engine.memory import is_out_of_memory
from webui.engine.packed.mapping import tensors_of
from webui.engine.shared_networks import files_of

log = logging.getLogger(__name__)

Adapter = (
    Unit
    | LoadedLora
    | LoadedHypernetwork
    | LoadedEmbedding
    | LoadedUpscaler
    | LoadedVae
    | LoadedImageEncoder
    | LoadedSegmenter
)
Loader = Callable[[AdapterInfo, torch.device], Adapter]
_Key = tuple[AdapterInfo, torch.device]

LOADERS: Mapping[AdapterKind, Loader] = {
    "controlnet": load_steerer, "lora": load_lora, "embedding": load_embedding,
    "upscaler": load_upscaler, "vae": load_vae, "hypernetwork": load_hypernetwork,
    "image_encoder": load_image_encoder, "segmenter": load_segmenter,
}  # fmt: skip


def load_adapter(info: AdapterInfo, device: torch.device) -> Adapter:
    """Load an adapter by its kind.

    Raises:
        BrokenModel: its files are missing or damaged.
    """
    return LOADERS[info.kind](info, device)


class AdapterStore:
    """Loads adapters and keeps them. All methods may be called from any thread."""

    def __init__(
        self,
        budget_bytes: int = 2**30,
        on_loaded: Callable[[], None] | None = None,
        load: Loader = load_adapter,
    ) -> None:
        """With `on_loaded` loads happen in threads of their own, which call it at their end."""
        self._budget = budget_bytes
        self._on_loaded = on_loaded
        self._load = load
        self._kept: OrderedDict[_Key, Adapter] = OrderedDict()  # oldest use first
        self._stamps: dict[_Key, object] = {}
        """Of each one's files, as they were before it was loaded."""
        self._failed: dict[_Key, EaselError] = {}
        self._loading: set[_Key] = set()
        self._lock = threading.Condition(threading.Lock())

    def acquire(self, info: AdapterInfo, device: torch.device) -> Adapter | None:
        """The adapter where it is in memory; else None, and its load is under way.

        One whose file was changed since is loaded again; one whose file is there no more stays.

        Raises:
            EaselError: it cannot be loaded; told once, then tried anew.
        """
        key = (info, device)
        stamp = _stamp(info)
        with self._lock:
            if key in self._kept and stamp not in (None, self._stamps.get(key)):
                del self._kept[key]
            if key not in self._kept and key not in self._failed and key not in self._loading:
                self._loading.add(key)
                self._stamps[key] = stamp
                start = True
            else:
                start = False
        if start and self._on_loaded is not None:
            name = f"load {info.id}"
            threading.Thread(target=self._run, args=(key,), name=name, daemon=True).start()
        elif start:
            self._run(key)
        with self._lock:
            if key in self._failed:
                raise self._failed.pop(key)
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def tensors(self) -> Iterator[Tensor]:
        """What those that are in memory compute with."""
        with self._lock:
            kept = list(self._kept.values())
        for adapter in kept:
            yield from _tensors_in(adapter)

    def wait_for(self, info: AdapterInfo, device: torch.device) -> Adapter:
        """The adapter, once it is in memory: for a thread that has nothing else to do.

        Raises:
            EaselError: it cannot be loaded; told once, then tried anew.
        """
        while (adapter := self.acquire(info, device)) is None:
            with self._lock:
                self._lock.wait_for(lambda: (info, device) not in self._loading)
        return adapter

    def _run(self, key: _Key) -> None:
        adapter: Adapter | None = None
        failure: EaselError | None = None
        try:
            adapter = self._load(*key)
        except Exception as error:  # the worker loop's border: told to the job that wants it
            log.exception("Loading %s failed.", key[0].id)
            failure = _as_failure(key[0], error)
        with self._lock:
            self._loading.discard(key)
            if adapter is not None:
                self._keep(key, adapter)
            elif failure is not None:
                self._failed[key] = failure
            self._lock.notify_all()
        if self._on_loaded is not None:
            self._on_loaded()

    def _keep(self, key: _Key, adapter: Adapter) -> None:
        """The newest is kept whatever its size; the oldest of the others make room."""
        self._kept[key] = adapter
        while len(self._kept) > 1 and sum(a.bytes for a in self._kept.values()) > self._budget:
            old, _ = self._kept.popitem(last=False)
            self._stamps.pop(old, None)
            log.info("Unloaded %s.", old[0].id)


def _stamp(info: AdapterInfo) -> object:
    """Equal while an adapter's files are the same; None where there are none."""
    try:
        found = files_of(Path(info.path))
    except OSError:
        return None  # who loads it says so
    return found if len(found) > 1 else None


def _as_failure(info: AdapterInfo, error: Exception) -> EaselError:
    if isinstance(error, EaselError):
        return error
    if is_out_of_memory(error):
        return OutOfMemory(f"The adapter {info.id!r} does not fit the memory of this worker.")
    return JobFailed(
        f"The adapter {info.id!r} could not be loaded: {type(error).__name__}: {error} "
        "The log of the worker has the details."
    )


# Any: an adapter, or a part of one.
def _tensors_in(part: Any, depth: int = 3) -> Iterator[Tensor]:
    """All that can be reached from it by a few steps."""
    if isinstance(part, Tensor):
        yield part
    elif isinstance(part, nn.Module):
        yield from tensors_of(part)
    elif depth and isinstance(part, (tuple, list, Mapping)):
        for each in part.values() if isinstance(part, Mapping) else part:
            yield from _tensors_in(each, depth - 1)
    elif depth and is_dataclass(part):
        for field in fields(part):
            yield from _tensors_in(getattr(part, field.name), depth - 1)
