"""Patches of the network by extensions: what fails in one carries the extension's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from webui.contracts.errors import EaselError, HookFailed
from webui.engine.alterations import Patching
from webui.engine.memory import is_out_of_memory
from webui.engine.work import Predict
from webui.hooks.host import HookHost


@dataclass(frozen=True)
class _Named:
    """An extension's patch, whose failures carry the extension's name."""

    extension: str
    patch: Patching
    host: HookHost

    @contextmanager
    def __call__(self, network: nn.Module) -> Iterator[None]:
        hook = "wrap_program"
        try:
            around = self.host.clocked(self.extension, hook, lambda: self.patch(network))
            with around:
                yield
        except EaselError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            self.host.log.note(self.extension, hook, error)
            raise HookFailed(
                f"The extension {self.extension!r} failed in its patch of the network: {type(error).__name__}: {error}. "
                "Repair it, or leave it out, and try again."
            ) from error


# Any: what a program yields.
def named_patches(extension: str, host: HookHost) -> Callable[[Any], Any]:
    """A function of what an extension's program yields: patches carry its name, but those that have one."""

    def named(wanted: Any) -> Any:
        if not (isinstance(wanted, Predict) and wanted.patchings):
            return wanted
        every = (
            p if isinstance(p, _Named) else _Named(extension, p, host) for p in wanted.patchings
        )
        return replace(wanted, patchings=tuple(every))

    return named
