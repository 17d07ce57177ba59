"""Which weights are in memory: a byte budget, the least recently used goes first, part by part.

Of a model that has to make room its largest part goes, and the others stay while there is room: they are not read
again when it comes back, and other models may have them too (`shared_networks.py`).

Loads happen in a thread of their own, one at a time, so that jobs on a loaded model go on. A model
in use is never unloaded; a load that needs its room waits until it is free.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from torch import nn

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import EaselError, JobFailed, OutOfMemory
from webui.engine.memory import is_out_of_memory, release_memory
from webui.engine.model import LoadedModel
from webui.engine.needs import apart_bytes, lean_bytes, too_large, whole_bytes
from webui.engine.shared_networks import SharedNetworks, network_bytes
from webui.engine.structure import networks_of

log = logging.getLogger(__name__)

Loader = Callable[[CheckpointInfo], LoadedModel]


@dataclass(frozen=True)
class Loaders:
    """How a model may be read."""

    whole: Loader
    apart: Loader | None = None
    """So that what reads prompts and what draws are in memory in turn: for one that does not fit as a whole."""
    lean: Loader | None = None
    """So that its weights stay in half precision, which is slower: for one that does not fit otherwise."""
    streams: bool = False
    """Whether those of a lean one stay in the computer's memory as far as the device has no room for them."""


@dataclass(frozen=True)
class Loaded:
    """Told after a load."""

    checkpoint: CheckpointInfo
    seconds: float
    resident_bytes: int
    """Of all models now in memory."""


@dataclass(eq=False)
class _Entry:
    model: LoadedModel | None = None
    """None while it loads."""
    error: Exception | None = None
    """Why the load failed; told once, then forgotten."""
    users: int = 0
    bytes: int = 0
    """Estimated until it is loaded."""
    is_stale: bool = False
    """Whether it is to be forgotten as soon as it is loaded."""


class Lease:
    """The right to use a model: it stays in memory until released. Also a context manager."""

    def __init__(self, model: LoadedModel, release: Callable[[], None]) -> None:
        self.model = model
        self._release = release
        self._held = True

    def release(self) -> None:
        """End the use; a second call does nothing."""
        if self._held:
            self._held = False
            self._release()

    def __enter__(self) -> LoadedModel:
        return self.model

    def __exit__(self, *_: object) -> None:
        self.release()


class Residency:
    """Models in memory under a byte budget. All methods may be called from any thread."""

    def __init__(
        self,
        load: Loader | Loaders,
        budget_bytes: int,
        on_loaded: Callable[[Loaded | None], None],
        bytes_per_weight: int = 4,
        free_bytes: Callable[[], int] | None = None,
        shared: SharedNetworks | None = None,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            load: Reads a model, in one way or two; called in a thread of its own.
            budget_bytes: What all models together may take.
            on_loaded: Called from the loading thread after each load; None: it failed.
            bytes_per_weight: Of the precision that networks run in.
            free_bytes: Memory that is free on the device; None: it is not asked.
            shared: The networks of all models that `load` gives; None: each model has its own.
        """
        self._loaders = load if isinstance(load, Loaders) else Loaders(load)
        self._budget = budget_bytes
        self._on_loaded = on_loaded
        self._bytes_per_weight = bytes_per_weight
        self._free_bytes = free_bytes
        self._shared = shared
        self._left: OrderedDict[CheckpointInfo, list[nn.Module]] = OrderedDict()
        """Parts that stay of models that made room, the largest first; oldest use first."""
        self._entries: OrderedDict[CheckpointInfo, _Entry] = OrderedDict()  # oldest use first
        self._changed = threading.Condition(threading.RLock())

    @property
    def resident_bytes(self) -> int:
        """Memory that the weights in memory take; what models share counts once."""
        with self._changed:
            if self._shared is not None:
                return self._shared.bytes
            return sum(e.bytes for e in self._entries.values() if e.model is not None)

    @property
    def is_loading(self) -> bool:
        """Whether a load is under way."""
        with self._changed:
            return any(e.model is None and e.error is None for e in self._entries.values())

    def acquire(self, checkpoint: CheckpointInfo) -> Lease | None:
        """A lease where the model is in memory; else None, and its load starts as room allows.

        One whose file was written to since is loaded again.

        Raises:
            EaselError: the model cannot be loaded.
        """
        key = _weights_of(checkpoint)
        with self._changed:
            entry = self._entries.get(key)
            if entry is None:
                self._start_load(checkpoint)
                return None
            if entry.error is not None:
                del self._entries[key]
                raise entry.error
            if entry.model is None:
                return None
            if entry.model.is_stale:  # who draws with it is told so at once
                if not entry.users:
                    del self._entries[key]
                    self._start_load(checkpoint)
                return None
            self._entries.move_to_end(key)
            entry.users += 1
            return Lease(entry.model, lambda: self._release(entry))

    def acquire_all(self, checkpoints: Sequence[CheckpointInfo]) -> list[Lease] | None:
        """Leases of models that are needed together, once all are in memory; else None.

        None is held before all are there, so that two jobs never wait for one another's. Loads start as
        room allows.

        Raises:
            EaselError: one cannot be loaded, or they do not fit together.
        """
        with self._changed:
            known = [(c, self._entries.get(_weights_of(c))) for c in checkpoints]
            need = sum(e.bytes if e is not None else self._estimate(c) for c, e in known)
            if len(checkpoints) > 1 and need > self._budget:
                names = " and ".join(repr(str(c.id)) for c in checkpoints)
                raise OutOfMemory(
                    f"The models {names} need {need / 2**30:.1f} GiB together, and {self._budget / 2**30:.1f} "
                    "GiB is what models may take here. Draw with one of them, or with a smaller one."
                )
            leases = []
            for checkpoint in checkpoints:
                lease = self.acquire(checkpoint)
                if lease is not None:
                    leases.append(lease)
            if len(leases) == len(checkpoints):
                return leases
            for lease in leases:
                lease.release()
            return None

    def forget(self, which: Callable[[CheckpointInfo], bool]) -> None:
        """Load models anew when they are asked for next; who holds one keeps it meanwhile.

        One that is loading is forgotten as soon as it is loaded.
        """
        with self._changed:
            for key in [key for key in self._left if which(key)]:
                del self._left[key]
            for key, entry in list(self._entries.items()):
                if which(key) and entry.model is None and entry.error is None:
                    entry.is_stale = True
                elif which(key):
                    del self._entries[key]
            self._changed.notify_all()

    def models(self) -> tuple[LoadedModel, ...]:
        """Those in memory now."""
        with self._changed:
            return tuple(e.model for e in self._entries.values() if e.model is not None)

    def give_up(self, networks: Collection[nn.Module]) -> None:
        """Have no job that begins from now on draw with any of these networks: they are read anew."""
        with self._changed:
            spoilt = [
                key
                for key, entry in self._entries.items()
                if entry.model is not None and _shares(entry.model, networks)
            ]
            for key in spoilt:
                del self._entries[key]
            for parts in self._left.values():
                parts[:] = [part for part in parts if part not in networks]
            self._left = OrderedDict((key, parts) for key, parts in self._left.items() if parts)
            if self._shared is not None:
                self._shared.forget(networks)
            self._changed.notify_all()

    def is_known(self, checkpoint: CheckpointInfo) -> bool:
        """Whether the model is in memory or its load has begun."""
        with self._changed:
            return _weights_of(checkpoint) in self._entries

    @contextmanager
    def use(self, checkpoint: CheckpointInfo) -> Iterator[LoadedModel]:
        """The model for the length of a `with` block; waits for its load.

        Raises:
            EaselError: the model cannot be loaded.
        """
        with self._changed:
            lease = self.acquire(checkpoint)
            while lease is None:
                self._changed.wait()
                lease = self.acquire(checkpoint)
        with lease as model:
            yield model

    def _release(self, entry: _Entry) -> None:
        with self._changed:
            entry.users -= 1
            self._changed.notify_all()

    def _start_load(self, checkpoint: CheckpointInfo) -> None:
        if any(e.model is None and e.error is None for e in self._entries.values()):
            return
        key = _weights_of(checkpoint)
        there = network_bytes(*self._left.get(key, ()))
        need = max(self._estimate(checkpoint) - there, 0)
        if not self._make_room(key, need):
            return
        load = self._loaders.whole
        if self._free_bytes is not None and need > (free := self._free_bytes()):
            load, need = self._other_way(checkpoint, need, free)
        self._entries[key] = entry = _Entry(bytes=need)
        threading.Thread(
            target=self._run,
            args=(load, checkpoint, entry),
            name=f"load {checkpoint.id}",
            daemon=True,
        ).start()

    def _estimate(self, checkpoint: CheckpointInfo) -> int:
        return whole_bytes(checkpoint, self._bytes_per_weight)

    def _other_way(self, checkpoint: CheckpointInfo, need: int, free: int) -> tuple[Loader, int]:
        """How a model is read that does not fit as a whole, and what it then needs: the fastest way that fits.

        Raises:
            OutOfMemory: none fits.
        """
        weight, loaders = self._bytes_per_weight, self._loaders
        on_processor = not loaders.streams
        ways = (
            (loaders.apart, apart_bytes(checkpoint, weight, on_processor=on_processor)),
            (loaders.lean, lean_bytes(checkpoint, weight, on_processor=on_processor)),
        )
        possible = [(load, takes) for load, takes in ways if load is not None and takes is not None]
        for load, takes in possible:
            if takes <= free:
                log.info(
                    "%s: %.1f GiB are free, %.1f needed.", checkpoint.id, free / 2**30, need / 2**30
                )
                return load, takes
        raise too_large(checkpoint, min((takes for _, takes in possible), default=need), free)

    def _make_room(self, wanted: CheckpointInfo, need: int) -> bool:
        """Give up parts of idle models, oldest use first; False while models in use take the room.

        What is left of the wanted model stays. A model larger than the whole budget is let in when it is alone.
        """
        before = self._total()
        while (total := self._total()) + need > self._budget and self._give_up_a_part(wanted):
            if self._total() == total:  # shared with another, or held by a cycle of references
                release_memory()
        if self._total() < before:
            release_memory()
        return not self._entries or self._total() + need <= self._budget

    def _give_up_a_part(self, wanted: CheckpointInfo) -> bool:
        """Let go of the largest part of what was used longest ago; False when all is in use."""
        for key, parts in self._left.items():
            if key != wanted:
                del parts[0]
                if not parts:
                    del self._left[key]
                return True
        for key, entry in self._entries.items():
            if entry.users == 0:
                model = entry.model
                # Of one that is apart all lies ready outside, where it is read from as fast.
                networks = () if model is None or model.apart is not None else model.networks
                del self._entries[key]
                others = sorted(networks, key=network_bytes, reverse=True)[1:]
                if others:
                    self._left[key] = others
                log.info("Unloaded %s, but for %d smaller parts.", key.id, len(others))
                return True
        return False

    def _total(self) -> int:
        if self._shared is None:
            return sum(entry.bytes for entry in self._entries.values())
        return self._shared.bytes

    def _run(self, load: Loader, checkpoint: CheckpointInfo, entry: _Entry) -> None:
        started = time.monotonic()
        try:
            model = load(checkpoint)
        except Exception as error:  # the worker loop's border: told to the jobs that wait
            log.exception("Loading %s failed.", checkpoint.id)
            self._finish(entry, error=self._as_failure(checkpoint, error))
            self._on_loaded(None)
            return
        self._finish(entry, model=model)
        seconds = time.monotonic() - started
        self._on_loaded(Loaded(checkpoint, seconds, self.resident_bytes))

    def _as_failure(self, checkpoint: CheckpointInfo, error: Exception) -> EaselError:
        if isinstance(error, EaselError):
            return error
        if is_out_of_memory(error):
            free = None if self._free_bytes is None else self._free_bytes()
            return too_large(checkpoint, self._estimate(checkpoint), free)
        return JobFailed(
            f"The model {checkpoint.id!r} could not be loaded: {type(error).__name__}: {error}"
        )

    def _finish(
        self, entry: _Entry, model: LoadedModel | None = None, error: Exception | None = None
    ) -> None:
        with self._changed:
            entry.model, entry.error = model, error
            entry.bytes = model.bytes if model is not None else 0
            if model is not None:
                self._left.pop(_weights_of(model.checkpoint), None)
            if entry.is_stale:
                self._entries = OrderedDict(
                    (key, each) for key, each in self._entries.items() if each is not entry
                )
            self._changed.notify_all()


def _shares(model: LoadedModel, networks: Collection[nn.Module]) -> bool:
    return any(network in networks for network in networks_of(model).values())


def _weights_of(checkpoint: CheckpointInfo) -> CheckpointInfo:
    """What of a model its weights depend on: a note on it must not load it anew."""
    return replace(checkpoint, title="", description="", defaults=(), trigger_words=(), training=())
