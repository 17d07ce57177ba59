"""What the extensions of one picture do to it: each question of its program is put to those that take part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from threading import get_ident
from typing import Any, TypeVar, cast

from torch import Tensor
from typing_extensions import override

from webui.contracts.choices import SamplerInfo
from webui.contracts.errors import HookFailed
from webui.engine.conditioning_view import ConditioningView, applied, view_of
from webui.engine.extending import UNEXTENDED, Extending, Moment
from webui.engine.extension_methods import Methods, picture_of
from webui.engine.guidance import Conditioning
from webui.engine.guidance_method import GuidanceMethod
from webui.engine.model import LoadedModel
from webui.engine.patching import named_patches
from webui.engine.programs.order import PictureOrder
from webui.engine.samplers.common import Sampler
from webui.engine.schedules import Schedule
from webui.engine.structure import Spoilt, Structure
from webui.engine.work import Pixels, Program, StepTaken, Task
from webui.hooks.host import HookHost, Use

_T = TypeVar("_T")


class PictureExtensions(Extending):
    """The extensions that take part in one picture."""

    def __init__(
        self,
        host: HookHost,
        methods: Methods,
        uses: Sequence[Use],
        order: PictureOrder,
        spoilt: Spoilt | None = None,
    ) -> None:
        """`spoilt` has the models that they have left otherwise than they were."""
        self._host, self._methods, self._uses = host, methods, uses
        self._spoilt = spoilt or Spoilt()
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
            program = self._seen_to(program, model, use.extension)
        return self._finished(program)

    def _seen_to(self, program: Program, model: LoadedModel, extension: str) -> Program:
        """The program of an extension, which is handed the model and must leave it as it was."""
        structure = Structure(model)
        go_on = partial(program.send, None)
        while True:
            if (around := self._host.calls.going(get_ident())) is not None:
                self._see_to(structure, model, around.extension)
            try:
                wanted = go_on()
            except StopIteration as ended:
                self._see_to(structure, model, extension)
                return cast("Pixels", ended.value)
            try:
                self._see_to(structure, model, extension)
                go_on = partial(program.send, (yield wanted))
            except (GeneratorExit, HookFailed):
                program.close()
                self._see_to(structure, model, extension)
                raise
            except BaseException as error:  # noqa: BLE001 - it is the program's to handle
                go_on = partial(program.throw, error)

    def _see_to(self, structure: Structure, model: LoadedModel, extension: str) -> None:
        """See that a model is as it was, unless another has spoilt it before.

        Raises:
            HookFailed: it is not.
        """
        if self._spoilt.has(model) or (change := structure.change()) is None:
            return
        error = HookFailed(
            f"The extension {extension!r} changed the model {model.checkpoint.id!r} in memory: there are {change}. Nothing "
            "more is drawn with it; it is loaded anew for the next job. Repair the extension, or leave it out, and try again."
        )
        self._host.log.note(extension, "wrap_program", error)
        self._spoilt.note(model, str(error))
        raise error

    def _tell(self, taken: StepTaken) -> None:
        """Observers are given a copy, for they hear of it while the picture goes on."""
        if self._host.users("step_taken"):
            seen = taken.denoised.clone()
            self._host.observe("step_taken", denoised=seen, step=taken.step, order=self.order)

    def _finished(self, program: Program) -> Program:
        """The program, whose steps are told and whose picture may be changed."""
        answer: Any = None
        while True:
            try:
                wanted = program.send(answer)
            except StopIteration as ended:
                return self.picture(ended.value)
            if isinstance(wanted, StepTaken):
                self._tell(wanted)
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
        return self._changed(hook, value, _like(value), **others)

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
        named = named_patches(extension, host)
        pixels = yield from host.calls.through(extension, "wrap_program", wrapped, named)
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


def _like(value: Tensor) -> Callable[[Any], Tensor]:
    def checked(given: Any) -> Tensor:
        tensor = _of(Tensor)(given)
        if tensor.shape != value.shape:
            raise ValueError(
                f"a tensor of shape {tuple(tensor.shape)} was given; {tuple(value.shape)} was expected"
            )
        return tensor.to(value)

    return checked


def _program(given: Any) -> Program:
    if not all(hasattr(given, name) for name in ("send", "throw", "close")):
        raise TypeError(f"{given!r:.200} was given; a generator was expected.")
    return cast("Program", given)
