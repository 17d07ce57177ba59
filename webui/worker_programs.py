"""The worker programs that a studio starts, by its settings and what is preferred."""

from __future__ import annotations

import sys
from collections.abc import Callable

from webui.contracts.preferences import Preferences
from webui.contracts.settings import Settings
from webui.services.supervisor import MakeWorker
from webui.workers.devices import CPU
from webui.workers.local import LocalWorker


def worker_makers(
    settings: Settings, preferences: Callable[[], Preferences] = Preferences
) -> list[MakeWorker]:
    """The workers that these settings ask for, one a device; what is preferred counts at each start of one."""
    return [worker_maker(settings, preferences, device) for device in settings.devices or [""]]


def worker_maker(
    settings: Settings,
    preferences: Callable[[], Preferences] = Preferences,
    device: str = "",
) -> MakeWorker:
    """A worker for one device, named as in `Settings.devices`; empty: the first that is found."""
    if settings.fake:
        from webui.contracts.fakes import FakeWorker  # noqa: PLC0415  numpy, for this choice only

        return FakeWorker
    program = [sys.executable, "-m", "webui.engine"]
    return lambda on_event: LocalWorker(
        on_event, [*program, *worker_flags(settings, preferences(), device)]
    )


def worker_flags(settings: Settings, preferred: Preferences, device: str = "") -> list[str]:
    """Flags of the worker program; a switch of the command line stays on whatever is preferred."""
    switches = {
        "--cpu": settings.cpu or device == CPU,
        "--compile": settings.compile or preferred.compile,
        "--cuda-graphs": settings.cuda_graphs or preferred.cuda_graphs,
        "--bfloat16": settings.bfloat16 or preferred.bfloat16,
    }
    numbers = {
        "--budget-bytes": int(preferred.memory_gib * 2**30),
        "--threads": preferred.threads,
    }
    gpu = device if device != CPU else ""
    return [
        *(flag for flag, is_on in switches.items() if is_on),
        *(["--gpu", gpu] if gpu else []),
        *(word for flag, number in numbers.items() if number for word in (flag, str(number))),
    ]
