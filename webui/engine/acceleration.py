"""A denoising network compiled, and recorded per shape as a CUDA graph: options of a GPU's worker.

`torch.compile` fuses what lies between the large matrices; a CUDA graph replays a whole pass without
Python and without a launch for each kernel, which is most of the time of a small network on a large
GPU. Both want few shapes: rows are filled up to a power of two, and the answers of the further ones
are dropped. LoRAs are merged into the same memory, so what is recorded holds with and without them.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from webui.engine.memory import is_out_of_memory, release_memory
from webui.engine.model import LoadedModel

log = logging.getLogger(__name__)

WARM_UPS = 3
"""Passes before the one that is recorded: libraries choose their algorithms in the first ones."""

Inputs = Mapping[str, Tensor]
"""By the name of the network's argument; all have the rows of the batch first."""
Run = Callable[[Inputs], Tensor]


@dataclass(frozen=True)
class Acceleration:
    """What is done to the networks of a GPU's worker. No picture changes by more than rounding."""

    compile: bool = False
    graphs: bool = False
    most_graphs: int = 12
    """Shapes that stay recorded; the least recently used go first."""

    @property
    def is_on(self) -> bool:
        """Whether anything is done."""
        return self.compile or self.graphs


def accelerate(model: LoadedModel, options: Acceleration) -> LoadedModel:
    """The same model, whose denoising network is called faster; on a CPU just the same."""
    if not options.is_on or model.device.type != "cuda":
        return model
    network = torch.compile(model.unet, dynamic=False) if options.compile else model.unet
    record = record_graph if options.graphs else None
    return replace(model, fast=Accelerated(network, record, options.most_graphs))


class Accelerated:
    """Calls a network with rows filled up to a power of two, recorded per shape where asked for."""

    def __init__(
        self,
        network: Callable[..., tuple[Tensor, ...]],
        record: Callable[[Run, Inputs], Run] | None = None,
        most: int = 12,
    ) -> None:
        """`record` is given a function and its inputs, and returns one that is faster for such."""
        self._network = network
        self._record = record
        self._most = most
        self._recorded: OrderedDict[object, Run] = OrderedDict()

    def __call__(self, x: Tensor, t: Tensor, others: Inputs) -> Tensor:
        """What the network says of x (R, C, h, w), timesteps (R,) and further inputs (R, ...)."""
        rows = x.shape[0]
        filled = {
            name: _filled(value, row_bucket(rows))
            for name, value in {"sample": x, "timestep": t, **others}.items()
        }
        return self._run_of(filled)(filled)[:rows]

    def _run_of(self, inputs: Inputs) -> Run:
        if self._record is None:
            return self._plain
        key = tuple((name, tuple(v.shape), v.dtype) for name, v in sorted(inputs.items()))
        run = self._recorded.get(key)
        if run is None:
            run = self._recorded[key] = self._newly_recorded(inputs)
            while len(self._recorded) > self._most:
                self._recorded.popitem(last=False)
        self._recorded.move_to_end(key)
        return run

    def _newly_recorded(self, inputs: Inputs) -> Run:
        assert self._record is not None
        try:
            return self._record(self._plain, inputs)
        except Exception as error:  # a network may do what cannot be recorded
            if is_out_of_memory(error):
                self._recorded.clear()  # each holds the memory of a whole pass
                release_memory()
                raise
            log.exception("A pass could not be recorded; such ones run as they are.")
            return self._plain

    def _plain(self, inputs: Inputs) -> Tensor:
        return self._network(**inputs, return_dict=False)[0]


def record_graph(run: Run, inputs: Inputs) -> Run:
    """A CUDA graph of one pass, with memory of its own for inputs and output."""
    held = {name: value.clone() for name, value in inputs.items()}
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            run(held)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = run(held)

    def replay(given: Inputs) -> Tensor:
        for name, value in given.items():
            held[name].copy_(value)
        graph.replay()
        return output.clone()

    return replay


def row_bucket(rows: int) -> int:
    """The power of two that so many rows are filled up to."""
    return 1 << (rows - 1).bit_length()


def _filled(value: Tensor, rows: int) -> Tensor:
    """The last row again and again, up to so many rows."""
    missing = rows - value.shape[0]
    return torch.cat((value, value[-1:].expand(missing, *value.shape[1:]))) if missing else value
