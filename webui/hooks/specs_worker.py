"""Signatures of the extension points that the worker process calls; `specs.py` is the list of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from webui.contracts.choices import SamplerInfo
from webui.hooks.points import point

if TYPE_CHECKING:
    from torch import Tensor

    from webui.engine.conditioning_view import ConditioningView
    from webui.engine.extending import Moment
    from webui.engine.families.registry import Load
    from webui.engine.guidance_method import GuidanceMethod
    from webui.engine.model import LoadedModel
    from webui.engine.programs.order import PictureOrder
    from webui.engine.samplers.common import Sampler
    from webui.engine.schedules import Schedule
    from webui.engine.work import Pixels, Program, Upscale


@point("collect", "worker")
def sampler_functions() -> Mapping[SamplerInfo, Sampler]:  # type: ignore[empty-body]
    """Give the samplers themselves: generators (denoise, x, sigmas, noise, options), as in `engine/samplers`.

    When: once, when the extension is loaded; a sampler in each pass that names it.
    Where: the worker.
    Changes: the walk of pictures whose order names it.
    Error: a job that names one fails, with the extension's name.
    """


@point("collect", "worker")
def schedule_functions() -> Mapping[str, Schedule]:  # type: ignore[empty-body]
    """Give the schedules themselves: (levels, steps, span) -> steps + 1 falling noise levels, the last 0.

    When: once, when the extension is loaded; a schedule once in each pass that names it.
    Where: the worker.
    Changes: the noise levels of pictures whose order names it.
    Error: a job that names one fails, with the extension's name.
    """


@point("collect", "worker")
def guidance_functions() -> Mapping[str, GuidanceMethod]:  # type: ignore[empty-body]
    """Give the guidance methods themselves: of `Guesses`, to the one guess of the clean latent that is followed.

    What a method must remember it keeps in their `memory`. Since 1.3.

    When: once, when the extension is loaded; a method at each evaluation of the network where guidance acts.
    Where: the worker.
    Changes: the guidance of pictures whose order names it.
    Error: fails the job, with the extension's name.
    """


@point("collect", "worker")
def upscaler_functions() -> Mapping[str, Upscale]:  # type: ignore[empty-body]
    """Give the upscalers themselves: (pixels, width, height) -> pixels, (height, width, 3) of uint8 both.

    What one makes may be of any size; it is resampled to the one that is asked for. It may be a generator, and
    yield work as programs do. Since 1.2.

    When: once, when the extension is loaded; an upscaler wherever an order names it.
    Where: the worker.
    Changes: pictures on their way to a larger size.
    Error: fails the job, with the extension's name.
    """


@point("collect", "worker")
def family_loaders() -> Mapping[str, Load]:  # type: ignore[empty-body]
    """Give what loads models of the families: (checkpoint, place) -> LoadedModel, as in `engine/families`.

    `model_of` of `engine/families/assembling` puts networks together. Since 1.2.

    When: once, when the extension is loaded; a loader when a model of its family is needed.
    Where: the worker.
    Changes: which networks draw for its models; they are loaded anew with the extension.
    Error: fails the job.
    """


@point("change", "worker")
def change_conditioning(
    conditioning: ConditioningView, order: PictureOrder, arguments: BaseModel
) -> ConditioningView | None:
    """Change what the network follows: tokens, weights of the prompt's parts, planes, label, controls.

    When: once in each pass of a picture and each network of it, before the first step.
    Where: the worker.
    Changes: a copy, made by the view's `with_` methods, of the same shapes.
    Error: fails the job.
    """


@point("change", "worker")
def change_latent(
    latent: Tensor, moment: Moment, order: PictureOrder, arguments: BaseModel
) -> Tensor | None:
    """Change the noisy latent (1, C, h, w) that a step begins with; the sampler goes on from it.

    When: once in each step, before the network is asked: what a step left is what the next begins with.
    Where: the worker.
    Changes: gives a new tensor of the same shape.
    Error: fails the job.
    """


@point("change", "worker")
def change_guidance(
    guided: Tensor, output: Tensor, moment: Moment, order: PictureOrder, arguments: BaseModel
) -> Tensor | None:
    """Change how the network's rows become one prediction.

    `output` is (R, C, h, w): the parts of the prompt, then the negative prompt; `guided` (1, C, h, w) is what the
    guidance method made of them, `moment.at_scale(scale)` (since 1.2) what classifier-free guidance makes of them
    at another scale.

    When: at each evaluation of the network.
    Where: the worker.
    Changes: gives a new tensor of the shape of `guided`.
    Error: fails the job.
    """


@point("change", "worker")
def change_denoised(
    denoised: Tensor, moment: Moment, order: PictureOrder, arguments: BaseModel
) -> Tensor | None:
    """Change the guess of the clean latent (1, C, h, w) that the sampler is given.

    It has two rows for samplers that want the unguided guess, too.

    When: at each evaluation of the network.
    Where: the worker.
    Changes: gives a new tensor of the same shape.
    Error: fails the job.
    """


@point("change", "worker")
def change_sampled(latent: Tensor, order: PictureOrder, arguments: BaseModel) -> Tensor | None:
    """Change the clean latent (1, C, h, w) at the end of a pass, before it is decoded or enlarged.

    When: once in each pass of a picture.
    Where: the worker.
    Changes: gives a new tensor of the same shape.
    Error: fails the job.
    """


@point("change", "worker")
def change_picture(pixels: Pixels, order: PictureOrder, arguments: BaseModel) -> Pixels | None:
    """Change the finished picture, (height, width, 3) of uint8.

    When: once for each picture, before it leaves the worker.
    Where: the worker.
    Changes: the pixels; another size is allowed.
    Error: fails the job.
    """


@point("wrap", "worker")
def wrap_program(
    program: Program, order: PictureOrder, model: LoadedModel, arguments: BaseModel
) -> Program | None:
    """Stand around the making of a picture: a generator in place of the program's.

    A `Predict` may be answered by itself, without being passed on; and `dataclasses.replace(work, patchings=(patch,))`
    (since 1.4) has the network changed around this evaluation alone: `patch` is a function of the network to a context
    manager, which leaves it as it was.

    When: once for each picture, around all of its making.
    Where: the worker.
    Changes: passes on each piece of work that the program yields and sends each result back, may change both, yield
        work of its own and return another picture.
    Error: fails the job, as does a result that is no picture.
    """


@point("observe", "worker")
def model_loaded(model: LoadedModel) -> None:
    """Hear that a model is in memory. Leave it as it is: many jobs share it.

    When: once for each load, in the extension's own thread.
    Where: the worker.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """


@point("observe", "worker")
def step_taken(denoised: Tensor, step: int, order: PictureOrder) -> None:
    """Hear that a picture moved on; `denoised` (1, C, h, w) is the present guess of its clean latent.

    When: at each step of every picture, in the extension's own thread.
    Where: the worker.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """
