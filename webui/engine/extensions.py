"""The extensions of the worker process: loaded together, and kept by each job until it ends.

What is loaded anew, or taken out, is another set from then on: a job goes on with the set that it began with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from torch import Tensor

from webui.contracts.errors import BadRequest, EaselError
from webui.contracts.extension import HookFailure
from webui.contracts.request import GenerationRequest
from webui.engine.builtin import BUILTIN
from webui.engine.extension_methods import Methods, offered_methods
from webui.engine.picture_extensions import PictureExtensions
from webui.engine.programs.order import PictureOrder
from webui.engine.read_only import ReadOnly
from webui.engine.structure import Spoilt, tensors_of_model
from webui.hooks.arguments import Arguments, arguments_of
from webui.hooks.calls import Calls
from webui.hooks.host import HookHost, Use
from webui.hooks.loading import (
    NeverEnded,
    guarded,
    load_arguments,
    load_module,
    remember_stuck,
    set_aside,
    unload,
    within,
)
from webui.hooks.manifest import read_manifest
from webui.hooks.needs import add_needs, remove_needs

if TYPE_CHECKING:
    from webui.engine.families.registry import Load
    from webui.engine.model import LoadedModel

log = logging.getLogger(__name__)

OFFER_SECONDS = 20.0
"""How long an extension may take to say what it offers: jobs wait meanwhile."""


class ExtensionSet:
    """Extensions that were loaded together; jobs that began with them hold them until they end."""

    def __init__(self, host: HookHost, spoilt: Spoilt) -> None:
        """None yet but Easel's own; `spoilt` has the models that they leave otherwise than they were."""
        self.host, self._spoilt = host, spoilt
        for name, module in BUILTIN:
            host.register(module, name)
        self.methods = Methods()
        for name, _ in BUILTIN:
            self.methods.add(offered_methods(host, name))
        self._arguments: dict[str, Arguments | None] = {}
        self._holders = 0
        self._ends: list[Callable[[], None]] = []

    @property
    def names(self) -> Collection[str]:
        """Of the extensions, in the order in which they were loaded."""
        return tuple(self._arguments)

    def load(self, name: str, folder: Path) -> None:
        """Add the extension of a folder.

        Raises:
            EaselError: it cannot be loaded.
        """
        manifest = read_manifest(folder, name)
        add_needs(manifest)
        model = load_arguments(manifest)
        if "worker" in manifest.processes:
            self.host.register(load_module(manifest, "worker"), name)
        self._arguments[name] = None if model is None else arguments_of(manifest, model)
        try:
            found = guarded(
                name, lambda: within(OFFER_SECONDS, lambda: offered_methods(self.host, name))
            )
        except NeverEnded as error:
            remember_stuck(manifest, error.thread)
            raise
        self.methods.add(found)

    def forget(self, name: str) -> None:
        """Take one out that could not be loaded."""
        self.host.unregister(name)
        self._arguments.pop(name, None)
        unload(name)
        remove_needs(name)

    def hold(self) -> ExtensionSet:
        """Keep them until `release`, whatever comes in their place."""
        self._holders += 1
        return self

    def release(self) -> None:
        """Let them go: with the last that holds them, where others are in their place."""
        self._holders -= 1
        if self._holders == 0:
            for end in self._ends:
                end()
            self._ends.clear()

    def retire(self, leave: Callable[[str], None]) -> None:
        """Others come in their place: leave at once, or with the last job that holds them.

        Args:
            leave: Told the name of each when it has left.
        """
        if self._holders == 0:
            for name in self.names:
                self.forget(name)
            self.host.close()
            return
        self._ends += [set_aside(name) for name in self.names]
        self._ends += [partial(leave, name) for name in self.names]
        self._ends.append(self.host.close)

    def for_picture(self, order: PictureOrder) -> PictureOrder:
        """The order with the extensions that take part in it, and those that hear of its steps.

        Raises:
            BadRequest: its request names one that is not here.
        """
        self.host.failures()  # names observers that have not come back from the picture before
        heard = self.host.users("step_taken")
        own = [Use(name, None) for name, module in BUILTIN if module.is_asked_for(order.request)]
        if not (heard or own or order.request.extensions or self._methods_named(order.request)):
            return order
        uses = own + [
            self._use(name, order) for name in self._arguments if name in order.request.extensions
        ]
        for name in order.request.extensions:
            if name not in self._arguments:
                raise BadRequest(
                    f"The request names the extension {name!r}, which the worker could not load. "
                    "Look at the Extensions tab, or leave it out."
                )
        return PictureExtensions(self.host, self.methods, uses, order, self._spoilt).order

    def _methods_named(self, request: GenerationRequest) -> bool:
        named = (
            request.sampler, request.schedule, request.hires_sampler, request.hires_schedule, request.guidance_method,
        )  # fmt: skip
        return any("/" in name for name in named) or bool(request.upscaler_networks)

    def _use(self, name: str, order: PictureOrder) -> Use:
        known = self._arguments[name]
        given = order.request.extensions[name]
        return Use(name, None if known is None else known.parsed(given))


class WorkerExtensions:
    """Loads and unloads extensions; those in use are the present set."""

    def __init__(
        self,
        tell: Callable[[HookFailure], None] = lambda _: None,
        tell_call: Callable[[str, str], None] = lambda _extension, _hook: None,
        shared: Callable[[], Iterable[Tensor]] = tuple,
    ) -> None:
        """None yet but Easel's own.

        Args:
            tell: Hears of each failure.
            tell_call: Hears of the first call of each hook.
            shared: What jobs share, and extensions may not write to.
        """
        self._tell, self._tell_call = tell, tell_call
        self.spoilt = Spoilt()
        """Models that extensions of any set left otherwise than they were."""
        self._shared = shared
        self._shown: WeakSet[LoadedModel] = WeakSet()
        """Models that they were told of: before a job can share them."""
        self.calls = Calls(lambda: ReadOnly(self._shared_tensors))
        """Into extensions of any set, that are going on."""
        self.present = self._new_set()
        """Those that a job gets that begins now."""

    @property
    def host(self) -> HookHost:
        """Of the present set."""
        return self.present.host

    def use(self, folders: Mapping[str, str]) -> None:
        """Have exactly these extensions, each from its folder; one that cannot be loaded is named.

        One that is here already is loaded anew, for its code may have changed.
        """
        self.present.retire(self._left)
        self.present = self._new_set()
        for name, folder in folders.items():
            try:
                self.present.load(name, Path(folder))
            except EaselError as error:
                self.host.log.note(name, "import", error)
                self.present.forget(name)

    def model_loaded(self, model: LoadedModel) -> None:
        """Tell them of it, for them to look at."""
        self._shown.add(model)
        self.host.observe("model_loaded", model=model)

    def _shared_tensors(self) -> Iterator[Tensor]:
        yield from self._shared()
        for model in list(self._shown):
            yield from tensors_of_model(model)

    def _new_set(self) -> ExtensionSet:
        return ExtensionSet(
            HookHost("worker", self._tell, tell_call=self._tell_call, calls=self.calls),
            self.spoilt,
        )

    def _left(self, name: str) -> None:
        """An extension that a job held has gone; its packages are needed no more where it has no successor."""
        if name not in self.present.names:
            remove_needs(name)

    @property
    def loaders(self) -> Mapping[str, Load]:
        """What loads families of extensions, by their whole names."""
        return self.present.methods.loaders
