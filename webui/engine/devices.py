"""The device that a worker computes on."""

from __future__ import annotations

import logging
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from webui.engine.batching import Limits

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Device:
    """A device and what may be taken of it."""

    torch: torch.device
    title: str
    """'cpu' or 'cuda:' and its number, and the hardware's name."""
    budget_bytes: int
    """Memory that models may take."""
    limits: Limits
    bytes_per_weight: int
    """Of the precision that networks run in."""
    working_bytes: int = 0
    """Of a GPU's memory, what a model that does not fit leaves free to compute in."""


def choose_device(cpu: bool, budget_bytes: int | None, gpu: str = "") -> Device:
    """The first GPU unless `cpu` is asked for, there is none, or it does not work: then its title says why.

    `gpu` is the name of the first one where it was chosen by `see_only`.
    """
    why = ""
    if not cpu and torch.cuda.is_available():
        try:
            return _gpu(budget_bytes, gpu)
        except (
            RuntimeError,
            AssertionError,
        ) as error:  # of a driver, or a build without its kernels
            why = f", as the GPU cannot be used: {_first_line(error)}"
            log.warning("The processor draws%s", why)
    budget = budget_bytes or psutil.virtual_memory().total // 2
    return Device(torch.device("cpu"), f"cpu ({_processor()}){why}", budget, Limits(), 4)


def _gpu(budget_bytes: int | None, name: str) -> Device:
    """The first one, which has added two numbers.

    Raises:
        RuntimeError, AssertionError: as torch does of one that it sees and cannot use.
    """
    total = torch.cuda.get_device_properties(0).total_memory
    torch.ones(1, device="cuda:0").add_(1).item()
    title = f"cuda:{name or 0} ({torch.cuda.get_device_name(0)})"
    limits = Limits(rows=16, cells=2**18, pixels=2**22)
    budget = budget_bytes or total * 7 // 10
    return Device(torch.device("cuda:0"), title, budget, limits, 2, total // 4)


def see_only(gpu: str) -> None:
    """Have this process see one GPU alone, named by its number or id in nvidia-smi; before CUDA is first used.

    It is the first one from then on, `cuda:0` to torch and to all that computes here.
    """
    os.environ |= {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": gpu}  # noqa: TID251  CUDA reads it there


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def make_repeatable() -> None:
    """Choose algorithms by shape alone, so that equal requests give equal bits."""
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
