"""What the extensions of the worker offer by name: samplers, schedules, upscalers, and what loads families."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.choices import SamplerInfo
from webui.contracts.errors import EaselError, HookFailed
from webui.engine.denoisers import NoiseLevels
from webui.engine.guidance_method import Guesses, GuidanceMethod
from webui.engine.memory import is_out_of_memory
from webui.engine.model import LoadedModel
from webui.engine.samplers.common import Sampler
from webui.engine.schedules import WHOLE, Schedule, Span
from webui.engine.shared_networks import Place, files_of
from webui.engine.work import Pixels, Task, Upscale
from webui.hooks.host import HookHost
from webui.hooks.loading import within
from webui.hooks.points import OWN

if TYPE_CHECKING:  # it loads the engine's own families
    from webui.engine.families.registry import Load

LOAD_SECONDS = 600.0
"""How long an extension may load a model; one that takes longer is left behind, for other loads wait for it."""


@dataclass
class Methods:
    """What the extensions offer, by 'extension/name'."""

    samplers: dict[str, tuple[SamplerInfo, Sampler]] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    upscalers: dict[str, Callable[[Pixels, int, int], Task[Pixels]]] = field(default_factory=dict)
    guidance: dict[str, GuidanceMethod] = field(default_factory=dict)
    loaders: dict[str, Load] = field(default_factory=dict)
    """Of families of models."""

    def add(self, others: Methods) -> None:
        """Have those of another extension, too."""
        self.samplers |= others.samplers
        self.schedules |= others.schedules
        self.upscalers |= others.upscalers
        self.guidance |= others.guidance
        self.loaders |= others.loaders


def offered_methods(host: HookHost, only: str) -> Methods:
    """What an extension offers; what fails is left out and named."""
    found = Methods()
    for name, samplers in host.collect("sampler_functions", _samplers, only):
        for info, run in samplers.items():
            own = replace(info, name=f"{name}/{info.name}")
            found.samplers[own.name] = own, _named_sampler(name, info.name, run, host)
    for name, schedules in host.collect("schedule_functions", _functions, only):
        found.schedules |= {
            f"{name}/{each}": _named_schedule(name, each, space, host)
            for each, space in schedules.items()
        }
    for name, upscalers in host.collect("upscaler_functions", _functions, only):
        for each, upscale in upscalers.items():
            found.upscalers[f"{name}/{each}"] = _named(name, each, upscale, host)
    for name, methods in host.collect("guidance_functions", _functions, only):
        for each, guide in methods.items():
            whole = each if name.startswith(OWN) else f"{name}/{each}"
            found.guidance[whole] = _named_method(name, each, guide, host)
    for name, loaders in host.collect("family_loaders", _functions, only):
        for each, load in loaders.items():
            found.loaders[f"{name}/{each}"] = named_loader(name, each, load, host)
    return found


def named_loader(
    extension: str, name: str, load: Load, host: HookHost, seconds: float = LOAD_SECONDS
) -> Load:
    """What loads a family, in its time; failures carry the extension's name, and its networks are accounted for."""

    def run(checkpoint: CheckpointInfo, place: Place) -> LoadedModel:
        try:
            made: Any = within(seconds, lambda: load(checkpoint, place))
            if not isinstance(made, LoadedModel):
                raise TypeError(f"{made!r:.200} was given; a LoadedModel was expected")
        except Exception as error:
            if is_out_of_memory(error):
                raise
            host.log.note(extension, "family_loaders", error)
            raise HookFailed(
                f"The extension {extension!r} failed when it had to load {checkpoint.id!r} of its family {name!r}: "
                f"{error}. Repair it, or choose another model, and try again."
            ) from error
        if all(network is not made.unet for network in place.networks):
            source = (checkpoint.family, "unet", *files_of(Path(checkpoint.path)), id(made))
            place.network(source, lambda: made.unet, by_content=False)
        return made

    return run


def _named_sampler(extension: str, name: str, sampler: Sampler, host: HookHost) -> Sampler:
    """A sampler whose own failures carry the extension's name."""

    # Any: what samplers are given and give is said by their type.
    def run(*given: Any) -> Any:
        try:
            hook, x = "sampler_functions", given[1]
            walked = yield from host.calls.through(extension, hook, sampler(*given))
            return tensor_like(x)(walked)
        except EaselError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            host.log.note(extension, "sampler_functions", error)
            raise HookFailed(
                f"The extension {extension!r} failed in its sampler {name!r}: {error}. Repair it, or choose "
                "another sampler, and try again."
            ) from error

    return run


def _named_schedule(extension: str, name: str, schedule: Schedule, host: HookHost) -> Schedule:
    """A schedule whose failures, and levels that no sampler can walk, carry the extension's name."""

    def run(levels: NoiseLevels, steps: int, span: Span = WHOLE) -> list[float]:
        hook = "schedule_functions"
        try:
            given = host.clocked(extension, hook, lambda: schedule(levels, steps, span))
            return falling(given, steps)
        except EaselError:
            raise
        except Exception as error:
            host.log.note(extension, hook, error)
            raise HookFailed(
                f"The extension {extension!r} failed in its schedule {name!r}: {error}. Repair it, or choose "
                "another schedule, and try again."
            ) from error

    return run


def _named(
    extension: str, name: str, upscale: Upscale, host: HookHost
) -> Callable[[Pixels, int, int], Task[Pixels]]:
    """An upscaler whose failures carry the extension's name."""

    def run(pixels: Pixels, width: int, height: int) -> Task[Pixels]:
        try:
            hook = "upscaler_functions"
            made: Any = host.clocked(extension, hook, lambda: upscale(pixels, width, height))
            if isinstance(made, Generator):
                made = yield from host.calls.through(extension, hook, made)
            return picture_of(made)
        except Exception as error:
            host.log.note(extension, "upscaler_functions", error)
            raise HookFailed(
                f"The extension {extension!r} failed in its upscaler {name!r}: {error}. Repair it, or choose "
                "another upscaler, and try again."
            ) from error

    return run


def _named_method(
    extension: str, name: str, guide: GuidanceMethod, host: HookHost
) -> GuidanceMethod:
    """A guidance method whose failures carry the extension's name."""

    def run(guesses: Guesses) -> Tensor:
        hook = "guidance_functions"
        try:
            return tensor_like(guesses.prompt)(
                host.clocked(extension, hook, lambda: guide(guesses))
            )
        except Exception as error:
            host.log.note(extension, hook, error)
            raise HookFailed(
                f"The extension {extension!r} failed in its guidance method {name!r}: {error}. Repair it, or "
                "choose another method, and try again."
            ) from error

    return run


# Any: what an extension gives, which may be anything.


def picture_of(given: Any) -> Pixels:
    """A picture as the studio takes it.

    Raises:
        TypeError: something else was given.
    """
    pixels = np.asarray(given)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise TypeError(
            f"an array of shape {pixels.shape} and {pixels.dtype} was given; (height, width, 3) of "
            "uint8 was expected"
        )
    return np.ascontiguousarray(pixels)


def falling(given: Any, steps: int) -> list[float]:
    """Noise levels as a sampler walks them.

    Raises:
        TypeError: no numbers were given.
        ValueError: they are not steps + 1, do not fall, or do not end at 0.
    """
    sigmas = [float(sigma) for sigma in given]
    falls = all(math.inf > above > below for above, below in pairwise(sigmas))
    if len(sigmas) != steps + 1 or not falls or sigmas[-1] != 0:
        shown = ", ".join(f"{sigma:.4g}" for sigma in sigmas[:8])
        raise ValueError(
            f"{len(sigmas)} noise levels were given ({shown}{', ...' if len(sigmas) > 8 else ''}); {steps + 1} that "
            "fall, the last of them 0, were expected"
        )
    return sigmas


def tensor_like(value: Tensor) -> Callable[[Any], Tensor]:
    """A check that what is given is a tensor of the shape of this one, which it is brought to the type of.

    The check raises TypeError or ValueError.
    """

    def checked(given: Any) -> Tensor:
        if not isinstance(given, Tensor):
            raise TypeError(f"{given!r:.200} was given; a Tensor was expected.")
        if given.shape != value.shape:
            raise ValueError(
                f"a tensor of shape {tuple(given.shape)} was given; {tuple(value.shape)} was expected"
            )
        return given.to(value)

    return checked


def _samplers(given: Any) -> dict[SamplerInfo, Sampler]:
    return _table(given, SamplerInfo)


def _functions(given: Any) -> dict[str, Any]:
    return _table(given, str)


def _table(given: Any, key: type) -> dict[Any, Any]:
    table = dict(given or {})
    for name, run in table.items():
        if not isinstance(name, key) or not callable(run):
            raise TypeError(f"{name!r:.100}: {run!r:.100} was given; a function was expected.")
    return table
