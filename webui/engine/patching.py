"""Patches of the network by extensions: what fails in one, or never ends, carries the extension's name.

What a patch hangs into the network runs within the evaluation, so that all of it counts as the extension's call. A
large network may take long, too: each layer that begins or ends shows that it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from webui.contracts.errors import EaselError, HookFailed
from webui.engine.alterations import Patching
from webui.engine.memory import is_out_of_memory
from webui.engine.work import Predict
from webui.hooks.calls import Calls
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
            with self.host.calls.within(self.extension, hook), _moving_on(self.host.calls):
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


@contextmanager
def _moving_on(calls: Calls) -> Iterator[None]:
    """Within the block, each layer that begins or ends gives the call of its thread its time anew."""

    def moved(*_: object) -> None:
        calls.move_on()

    handles = register_module_forward_pre_hook(moved), register_module_forward_hook(moved)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


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
