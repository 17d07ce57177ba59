"""Networks that several models have, in memory once: one text encoder, one first stage.

A network is known by where it was read (nothing is then read again) and by what it is (two files with the same
text encoder). What it is shows in a mark, some numbers of each tensor; only where two have the same mark are all numbers
read. Nothing here keeps a network alive: models do, and what residency keeps of those that had to go.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, WeakSet, WeakValueDictionary, ref

import torch
from torch import Tensor, nn

from webui.contracts.errors import FileChanged
from webui.engine.adapters.merging import MergedWeights
from webui.engine.damage import DAMAGE
from webui.engine.packed.eight_bits import eight_bit_bytes
from webui.engine.packed.late import LateWeight
from webui.engine.packed.layers import Room
from webui.engine.packed.mapping import check_file
from webui.engine.packed.on_processor import quicken
from webui.engine.packed.place import HoldsWeight
from webui.engine.stage import Stage

Source = tuple[Hashable, ...]
"""Where a network comes from and how it was read; a file that was changed is another source."""
Mark = bytes
"""Of a network: see `mark_of`."""
HASHING_THREADS = 4
MARK_NUMBERS = 32
"""Of each tensor, from its begin on, that a mark is made of."""
_DESCRIBES = {
    "architectures", "dtype", "force_upcast", "sample_size", "torch_dtype", "transformers_version",
}  # fmt: skip
"""Of a configuration: what does not change what a network answers."""


@dataclass
class _Known:
    """What is known of a network in memory."""

    mark: Mark
    read: Callable[[], Any]
    """Reads it again: LoRAs may be in the one in memory."""
    content: bytes | None = None
    """Its digest, once that was asked for."""


class SharedNetworks:
    """The networks that are in memory now. All methods may be called from any thread."""

    def __init__(self) -> None:
        self.merged = MergedWeights()
        """LoRAs in them: one account for all models, so that those of one never show in another's pictures."""
        self.stage = Stage(self.merged)
        """Of those that are in the device's memory in turn."""
        self._by_source: WeakValueDictionary[Source, nn.Module] = WeakValueDictionary()
        self._known: WeakKeyDictionary[nn.Module, _Known] = WeakKeyDictionary()
        self._all: WeakSet[nn.Module] = WeakSet()
        self._lock = threading.Lock()

    @property
    def bytes(self) -> int:
        """Memory that the weights of all of them take, each counted once."""
        with self._lock:
            whole = [network for network in self._all if network not in self.stage]
            return network_bytes(*whole) + self.stage.bytes

    # Any: networks of two libraries that have no base in common but nn.Module.
    def get(self, source: Source, read: Callable[[], Any], *, by_content: bool) -> Any:
        """The network of a source: the one that is there, else the one that `read` gives.

        Args:
            source: Equal for what would be read alike.
            read: Reads it, ready to use; again where another looks like it. It must not hold the network.
            by_content: Whether an equal one from elsewhere is used in its place.
        """
        with self._lock:
            known = self._by_source.get(source)
        if known is not None:
            return known
        network = read()
        mark = mark_of(network) if by_content else None
        twin = None if mark is None else self._twin(mark, network)
        if twin is None and network not in self.stage:
            quicken(network)
        with self._lock:
            if twin is not None:
                network = twin
            elif mark is not None:
                self._known[network] = _Known(mark, read)
            self._by_source[source] = network
            self._all.add(network)
        return network

    def forget(self, networks: Collection[nn.Module]) -> None:
        """Give none of these to models that are loaded from now on; those that have one keep it."""
        with self._lock:
            for source, network in list(self._by_source.items()):
                if network in networks:
                    del self._by_source[source]
            for network in networks:
                self._known.pop(network, None)

    # Any: as above.
    def _twin(self, mark: Mark, network: nn.Module) -> Any:
        """The equal network that is there; None where there is none."""
        with self._lock:
            alike = [(other, k) for other, k in self._known.items() if k.mark == mark]
        own = digest(network) if alike else None
        for other, known in alike:
            if known.content is None:
                known.content = _read_again(known.read)
            if own is not None and known.content == own:
                return other
        return None


@dataclass(frozen=True)
class Place:
    """Where the networks of one model are put: a device, beside those that are there already."""

    device: torch.device
    shared: SharedNetworks = field(default_factory=SharedNetworks)
    taken: list[ReferenceType[nn.Module]] = field(default_factory=list)
    """What the model was given, in order."""
    lean: bool = False
    """Whether weights stay in the half precision of their files (`packed/layers.py`)."""
    apart: bool = False
    """Whether the model's networks are in the device's memory in turn (`stage.py`)."""
    room: Room | None = None
    """Of a lean model on a GPU: what its layers may take there; those that find none stay in the computer's memory."""

    # Any: as above.
    def network(self, source: Source, read: Callable[[], Any], *, by_content: bool = True) -> Any:
        """See `SharedNetworks.get`; the device, and whether it is lean or apart, are part of the source."""
        where = (*source, self.device, self.lean, self.apart)
        by_content = by_content and not (self.lean or self.apart)
        network = self.shared.get(where, read, by_content=by_content)
        self.taken.append(ref(network))
        return network

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """What the model was given, in order."""
        return tuple(network for each in self.taken if (network := each()) is not None)


def network_bytes(*networks: nn.Module) -> int:
    """Memory that the weights of networks take, packed ones too; what two of them have in common counts once."""
    weights = {id(p): p for network in networks for p in network.parameters()}
    modules = {m for network in networks for m in network.modules() if isinstance(m, HoldsWeight)}
    eights = sum(eight_bit_bytes(m) for m in {m for n in networks for m in n.modules()})
    return sum(p.nbytes for p in weights.values()) + sum(m.kept_bytes for m in modules) + eights


def files_of(path: Path) -> Source:
    """A file or the files of a folder as they are now: name, size and time of each."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    stats = [(file.name, file.stat()) for file in files if file.is_file()]
    return (str(path.resolve()), *((name, s.st_size, s.st_mtime_ns) for name, s in stats))


def digest(network: nn.Module) -> bytes | None:
    """SHA-256 of all that a network's answers depend on; None where it does not say how it is built."""
    whole = _how_built(network)
    if whole is None:
        return None
    state = _numbers(network)
    with ThreadPoolExecutor(HASHING_THREADS) as pool:  # hashlib lets other threads run
        for name, own in zip(state, pool.map(_tensor_digest, state.values()), strict=True):
            whole.update(f"\0{name}\0".encode() + own)
    return bytes(whole.digest())


def mark_of(network: nn.Module) -> Mark | None:
    """What equal networks have in common and others hardly ever: SHA-256 of how it is built and of some numbers."""
    whole = _how_built(network)
    if whole is None:
        return None
    for name, tensor in _numbers(network).items():
        whole.update(f"\0{name}\0".encode() + _tensor_digest(tensor, MARK_NUMBERS))
    return bytes(whole.digest())


def _read_again(read: Callable[[], Any]) -> bytes | None:
    """Digest of what is read; None where it cannot be read any more."""
    try:
        return digest(read())
    except (*DAMAGE, FileChanged):
        return None


def _numbers(network: nn.Module) -> dict[str, Tensor]:
    """All tensors of a network by name, also those that are not opened yet."""
    late = {f"{n}.weight": m.held for n, m in network.named_modules() if isinstance(m, LateWeight)}
    return {**dict(network.named_parameters()), **dict(network.named_buffers()), **late}


# Any: hashlib's own type has no public name.
def _how_built(network: nn.Module) -> Any:
    """SHA-256 of a network's class and configuration, to go on with; None where it has none."""
    config = getattr(network, "config", None)
    if config is None:
        return None
    settings = {
        name: value
        for name, value in _items(config)
        if not name.startswith("_") and name not in _DESCRIBES
    }
    kind = type(network)
    said = [kind.__module__, kind.__qualname__, json.dumps(settings, sort_keys=True, default=str)]
    return hashlib.sha256("\0".join(said).encode())


def _items(config: Any) -> Iterable[tuple[str, Any]]:
    """Of diffusers' configurations, transformers' and our own."""
    if isinstance(config, Mapping):
        return config.items()
    given: dict[str, Any] = config.to_dict() if hasattr(config, "to_dict") else vars(config)
    return given.items()


def _tensor_digest(tensor: Tensor, most: int | None = None) -> bytes:
    check_file(tensor)
    said = f"{tensor.dtype} {tuple(tensor.shape)}\0".encode()
    flat = tensor.detach().contiguous().reshape(-1)[:most]
    raw = flat.cpu().view(torch.uint8)
    return hashlib.sha256(said + hashlib.sha256(raw.numpy().data).digest()).digest()
