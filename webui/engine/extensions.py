"""The extensions of the worker process: what each picture's programs ask is put to them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from torch import Tensor
from typing_extensions import override

from webui.contracts.choices import SamplerInfo
from webui.contracts.errors import BadRequest, EaselError, HookFailed
from webui.contracts.extension import HookFailure
from webui.contracts.request import GenerationRequest
from webui.engine.builtin import BUILTIN
from webui.engine.conditioning_view import ConditioningView, applied, view_of
from webui.engine.extending import UNEXTENDED, Extending, Moment
from webui.engine.extension_methods import Methods, offered_methods, picture_of, tensor_like
from webui.engine.guidance import Conditioning
from webui.engine.guidance_method import GuidanceMethod
from webui.engine.model import LoadedModel
from webui.engine.programs.order import PictureOrder
from webui.engine.samplers.common import Sampler
from webui.engine.schedules import Schedule
from webui.engine.work import Pixels, Program, StepTaken, Task
from webui.hooks.arguments import Arguments, arguments_of
from webui.hooks.host import HookHost, Use
from webui.hooks.loading import (
    NeverEnded,
    guarded,
    load_arguments,
    load_module,
    remember_stuck,
    unload,
    within,
)
from webui.hooks.manifest import read_manifest
from webui.hooks.needs import add_needs, remove_needs

if TYPE_CHECKING:
    from webui.engine.families.registry import Load

log = logging.getLogger(__name__)

OFFER_SECONDS = 20.0
"""How long an extension may take to say what it offers: jobs wait meanwhile."""
_T = TypeVar("_T")


class WorkerExtensions:
    """Loads and unloads extensions, and gives each picture those that its request names."""

    def __init__(
        self,
        tell: Callable[[HookFailure], None] = lambda _: None,
        tell_call: Callable[[str, str], None] = lambda _extension, _hook: None,
    ) -> None:
        """`tell` hears of each failure, `tell_call` of the first call of each hook."""
        self.host = HookHost("worker", tell, tell_call=tell_call)
        for name, module in BUILTIN:
            self.host.register(module, name)
        self._methods = self._own()
        self._arguments: dict[str, Arguments | None] = {}

    def use(self, folders: Mapping[str, str]) -> None:
        """Have exactly these extensions, each from its folder; one that cannot be loaded is named.

        One that is here already is loaded anew, for its code may have changed.
        """
        for name in list(self._arguments):
            self._forget(name)
        self._methods = methods = self._own()
        for name, folder in folders.items():
            try:
                self._load(name, Path(folder), methods)
            except EaselError as error:
                self.host.log.note(name, "import", error)
                self._forget(name)

    @property
    def loaders(self) -> Mapping[str, Load]:
        """What loads families of extensions, by their whole names."""
        return self._methods.loaders

    def for_picture(self, order: PictureOrder) -> PictureOrder:
        """The order with the extensions that take part in it, and those that hear of its steps.

        Raises:
            BadRequest: its request names one that is not here.
        """
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
        return PictureExtensions(self.host, self._methods, uses, order).order

    def _own(self) -> Methods:
        """What Easel's own extensions offer."""
        found = Methods()
        for name, _ in BUILTIN:
            found.add(offered_methods(self.host, name))
        return found

    def _methods_named(self, request: GenerationRequest) -> bool:
        named = (
            request.sampler, request.schedule, request.hires_sampler, request.hires_schedule, request.guidance_method,
        )  # fmt: skip
        return any("/" in name for name in named) or bool(request.upscaler_networks)

    def _use(self, name: str, order: PictureOrder) -> Use:
        known = self._arguments[name]
        given = order.request.extensions[name]
        return Use(name, None if known is None else known.parsed(given))

    def _load(self, name: str, folder: Path, methods: Methods) -> None:
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
            remember_stuck(manifest, error)
            raise
        methods.add(found)

    def _forget(self, name: str) -> None:
        self.host.unregister(name)
        self._arguments.pop(name, None)
        unload(name)
        remove_needs(name)


class PictureExtensions(Extending):
    """The extensions that take part in one picture."""

    def __init__(
        self, host: HookHost, methods: Methods, uses: Sequence[Use], order: PictureOrder
    ) -> None:
        self._host, self._methods, self._uses = host, methods, uses
        self.order = replace(order, extensions=self)
        """What extensions are shown: what they draw themselves of it has the same extensions."""

    @override
    def sampler_info(self, name: str) -> SamplerInfo:
        offered = self._methods.samplers.get(name)
        return UNEXTENDED.sampler_info(name) if offered is None else offered[0]

    @override
    def sampler(self, name: str) -> Sampler | None:
        offered = self._methods.samplers.get(name)
        return None if offered is None else offered[1]

    @override
    def schedule(self, name: str) -> Schedule | str:
        return self._methods.schedules.get(name) or UNEXTENDED.schedule(name)

    @override
    def upscaler(self, name: str) -> Callable[[Pixels, int, int], Task[Pixels]] | None:
        return self._methods.upscalers.get(name)

    @override
    def guidance_method(self, name: str) -> GuidanceMethod | None:
        return self._methods.guidance.get(name) or UNEXTENDED.guidance_method(name)

    @override
    def program(self, program: Program, model: LoadedModel) -> Program:
        for use in self._uses:
            if not self._host.has("wrap_program", [use]):
                continue
            inner = _Marked(program)
            wrapped = self._host.change(
                "wrap_program", inner.run(), _program, [use], order=self.order, model=model
            )
            program = _named(wrapped, inner, use.extension, self._host)
        return self._finished(program)

    def _finished(self, program: Program) -> Program:
        """The program, whose steps are told and whose picture may be changed."""
        answer: Any = None
        while True:
            try:
                wanted = program.send(answer)
            except StopIteration as ended:
                return self.picture(ended.value)
            if isinstance(wanted, StepTaken):
                self._host.observe(
                    "step_taken", denoised=wanted.denoised, step=wanted.step, order=self.order
                )
            try:
                answer = yield wanted
            except BaseException:
                program.close()
                raise

    @override
    def conditioning(self, conditioning: Conditioning) -> Conditioning:
        shown = view_of(conditioning)

        def checked(given: Any) -> ConditioningView:
            view = _of(ConditioningView)(given)
            applied(view, conditioning)
            return view

        changed = self._changed("change_conditioning", shown, checked)
        return conditioning if changed is shown else applied(changed, conditioning)

    @override
    def latent(self, latent: Tensor, moment: Moment) -> Tensor:
        return self._tensor("change_latent", latent, moment=moment)

    @override
    def guidance(self, guided: Tensor, output: Tensor, moment: Moment) -> Tensor:
        return self._tensor("change_guidance", guided, output=output, moment=moment)

    @override
    def denoised(self, denoised: Tensor, moment: Moment) -> Tensor:
        return self._tensor("change_denoised", denoised, moment=moment)

    @override
    def sampled(self, latent: Tensor) -> Tensor:
        return self._tensor("change_sampled", latent)

    @override
    def picture(self, pixels: Pixels) -> Pixels:
        return self._changed("change_picture", pixels, picture_of)

    def _tensor(self, hook: str, value: Tensor, **others: Any) -> Tensor:
        return self._changed(hook, value, tensor_like(value), **others)

    def _changed(self, hook: str, value: _T, checked: Callable[[Any], _T], **others: Any) -> _T:
        if not self._uses:
            return value
        return self._host.change(hook, value, checked, self._uses, order=self.order, **others)


class _Marked:
    """A program that remembers what it raised, so that nobody around it is blamed for that."""

    def __init__(self, program: Program) -> None:
        self.raised: BaseException | None = None
        self._program = program

    def run(self) -> Program:
        """The program itself."""
        try:
            return (yield from self._program)
        except BaseException as error:
            self.raised = error
            raise


def _named(wrapped: Program, inner: _Marked, extension: str, host: HookHost) -> Program:
    """What an extension put around a program; its own errors carry its name."""
    try:
        pixels = yield from wrapped
        return picture_of(pixels)
    except Exception as error:
        if error is inner.raised:
            raise
        host.log.note(extension, "wrap_program", error)
        raise HookFailed(
            f"The extension {extension!r} failed in its program: {error}. Repair it, or leave it out, "
            "and try again."
        ) from error


# Any: what an extension gives, which may be anything.


def _of(kind: type[_T]) -> Callable[[Any], _T]:
    def checked(given: Any) -> _T:
        if not isinstance(given, kind):
            raise TypeError(f"{given!r:.200} was given; a {kind.__name__} was expected.")
        return given

    return checked


def _program(given: Any) -> Program:
    if not all(hasattr(given, name) for name in ("send", "throw", "close")):
        raise TypeError(f"{given!r:.200} was given; a generator was expected.")
    return cast("Program", given)
