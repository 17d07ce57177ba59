"""All extension points. This file is the whole list; `builtin/` and `extensions/` show each in use.

An implementation is a function of the same name, marked with `hookimpl`, in the extension's `studio.py`
or `worker.py`, after the process that calls it. It takes any of the arguments named here, by name.

Five kinds:
    collect   every extension is asked; what they give is joined, in order of registration.
    decide    asked from the last registered to the first; the first that gives something wins.
    change    each extension that the request names is given the value and gives one back; None leaves it.
    wrap      each extension that the request names stands around the next: the last is outermost.
    observe   every extension is told, in a thread of its own; what they give is ignored.

`arguments` is the extension's own typed model, filled from `extensions.<name>` of the request. `order`
is the picture as it was asked for, the same in a second pass. What extensions may rely on of the objects
that they are given is listed in `stable.py`; all else may change with any version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from webui.contracts.access import Pasted, Prompts, StudioAccess
from webui.contracts.choices import SamplerInfo
from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.ids import JobId
from webui.contracts.job import Job, Picture
from webui.contracts.page import PageAction, PagePanel, PageTab
from webui.contracts.palettes import Palette
from webui.contracts.plot import PlotAxis
from webui.contracts.preprocessor import Preprocessor
from webui.contracts.request import GenerationRequest
from webui.hooks.points import KINDS, POINTS, PROJECT, Point, hookimpl, point

if TYPE_CHECKING:
    from fastapi import APIRouter
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
    from webui.weights.signatures.facts import Describe

__all__ = ["KINDS", "POINTS", "PROJECT", "Point", "hookimpl"]

# What an extension offers


@point("collect", "studio")
def samplers() -> Sequence[SamplerInfo]:  # type: ignore[empty-body]
    """Name samplers for orders and the API; `sampler_functions` has their code.

    Asked once, when the extension is loaded. A sampler is called '<extension>/<name>' everywhere, so none takes the
    place of another. An error leaves the extension's samplers out.
    """


@point("collect", "worker")
def sampler_functions() -> Mapping[SamplerInfo, Sampler]:  # type: ignore[empty-body]
    """Give the samplers themselves: generators (denoise, x, sigmas, noise, options), as in `engine/samplers`.

    Asked once, when the extension is loaded. After an error a job that names one fails, with the extension's name.
    """


@point("collect", "studio")
def schedules() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name noise schedules, with a line of explanation each; `schedule_functions` has their code.

    Asked once, when the extension is loaded. Called '<extension>/<name>', as samplers are. An error leaves the
    extension's schedules out.
    """


@point("collect", "worker")
def schedule_functions() -> Mapping[str, Schedule]:  # type: ignore[empty-body]
    """Give the schedules themselves: (levels, steps, span) -> steps + 1 falling noise levels, the last 0.

    Asked once, when the extension is loaded. After an error a job that names one fails, with the extension's name.
    """


@point("collect", "studio")
def guidance_methods() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name guidance methods, with a line of explanation each; `guidance_functions` has their code.

    Asked once, when the extension is loaded. Called '<extension>/<name>', as samplers are. An error leaves the
    extension's methods out. Since 1.3.
    """


@point("collect", "worker")
def guidance_functions() -> Mapping[str, GuidanceMethod]:  # type: ignore[empty-body]
    """Give the guidance methods themselves: of `Guesses`, to the one guess of the clean latent that is followed.

    Asked once, when the extension is loaded; a method at each evaluation of the network where guidance acts. It keeps
    what it must remember in `memory` of what it is given. An error fails the job. Since 1.3.
    """


@point("collect", "studio")
def upscalers() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name upscalers, with a line of explanation each; `upscaler_functions` has their code.

    Asked once, when the extension is loaded. Called '<extension>/<name>', as samplers are. An error leaves the
    extension's upscalers out. Since 1.2.
    """


@point("collect", "worker")
def upscaler_functions() -> Mapping[str, Upscale]:  # type: ignore[empty-body]
    """Give the upscalers themselves: (pixels, width, height) -> pixels, (height, width, 3) of uint8 both.

    Asked once, when the extension is loaded. What one makes may be of any size; it is resampled to the one that is
    asked for. It may be a generator, and yield work as programs do. An error fails the job. Since 1.2.
    """


# What an extension adds to the page, the API and the settings


@point("collect", "studio")
def settings() -> type[BaseModel]:  # type: ignore[empty-body]
    """Give the typed model of the extension's settings, each field with a default.

    Asked once, when the extension is loaded, before the other hooks. They are shown on the Extensions tab, kept with
    the studio's, and read by `access.settings()`; nothing in them may change a picture, for that is what arguments are
    for. An error leaves the extension without settings.
    """


@point("collect", "studio")
def routes(access: StudioAccess) -> APIRouter:  # type: ignore[empty-body]
    """Give a FastAPI router of the extension's own addresses, below `/api/v1/extensions/<name>/`.

    Asked once, when the extension is loaded. The studio's guard and login stand in front of them, and `openapi.json`
    beside them describes them. Write routes as plain functions: one that is `async` and waits holds up everybody.
    `/settings` is Easel's. An error leaves the routes out; one in a route is answered with status 500 and named.
    """


@point("collect", "studio")
def tabs() -> Sequence[PageTab]:  # type: ignore[empty-body]
    """Give tabs of the page, each an ES module below `static/` that has `mount(element, easel)`.

    Asked once, when the extension is loaded. A module is fetched when its tab is first opened; it fills `element`, and
    may give back a function that ends it. An error leaves the tabs out.
    """


@point("collect", "studio")
def panels() -> Sequence[PagePanel]:  # type: ignore[empty-body]
    """Give folded groups for the forms of the drawing tabs, as ES modules that have `mount(element, easel)`.

    Asked once, when the extension is loaded. `easel.tab` is the tab that it stands in. Arguments need none: their
    controls are made of their model. An error leaves the panels out.
    """


@point("collect", "studio")
def actions() -> Sequence[PageAction]:  # type: ignore[empty-body]
    """Give buttons below finished pictures, or in the header, and the ES modules that act.

    Asked once, when the extension is loaded. The module has a function of the action's name, called with `easel` and
    the picture that it is for. An error leaves the actions out.
    """


@point("collect", "studio")
def scripts() -> Sequence[str]:  # type: ignore[empty-body]
    """Give ES modules below `static/` that are loaded with the page and have `start(easel)`.

    Asked once, when the extension is loaded. For what hears events without anything to see; `start` may give back a
    function that ends it. An error leaves the scripts out.
    """


@point("collect", "studio")
def preprocessors() -> Sequence[Preprocessor]:  # type: ignore[empty-body]
    """Give ways to make a control picture of another, by numpy and OpenCV.

    Asked once, when the extension is loaded. A preprocessor is called '<extension>/<name>' everywhere. Its `run` gives
    (height, width, 3) of uint8 of the same size, in the thread that asks for it. An error leaves the extension's
    preprocessors out; one in `run` is answered with the extension's name. Since 1.1.
    """


@point("collect", "studio")
def families() -> Mapping[str, Describe]:  # type: ignore[empty-body]
    """Give model families: what a file's, or a diffusers folder's, names and shapes say, or `No` and why.

    Asked once, when the extension is loaded, and its function of each file that no family of Easel's takes: the first
    that gives `Facts` has it. Called '<extension>/<name>'; `family_loaders` has the code that loads it. After an error
    the file is not its own; one that does not answer is asked no more. Since 1.2.
    """


@point("collect", "worker")
def family_loaders() -> Mapping[str, Load]:  # type: ignore[empty-body]
    """Give what loads models of the families: (checkpoint, place) -> LoadedModel, as in `engine/families`.

    Asked once, when the extension is loaded; such models are loaded anew with it. `model_of` of
    `engine/families/assembling` puts networks together. An error fails the job. Since 1.2.
    """


@point("collect", "studio")
def palettes() -> Mapping[str, Palette]:  # type: ignore[empty-body]
    """Give palettes that class maps are painted in: classes, their colours, and the words that draw each.

    Asked once, when the extension is loaded. Called '<extension>/<name>'. An error leaves them out. Since 1.2.
    """


@point("collect", "studio")
def wildcards(access: StudioAccess) -> Mapping[str, Sequence[str]]:  # type: ignore[empty-body]
    """Give lists of entries that prompts name as `__<extension>/<name>__`, a line each as in a wildcard's file.

    Asked whenever a prompt with choices is drawn or names are completed: be quick. An error leaves the extension's
    lists out. Since 1.1.
    """


@point("collect", "studio")
def commands(folder: Path) -> Mapping[str, Callable[[Sequence[str]], int]]:  # type: ignore[empty-body]
    """Give commands for `python launch.py extensions run <extension> <command> ...`: of words, to the exit status.

    Asked in a process of its own, without a studio; `folder` has the extension's own files. What the command does is
    its own business. An error is said, with its traceback. Since 1.1.
    """


@point("collect", "studio")
def plot_axes() -> Sequence[PlotAxis]:  # type: ignore[empty-body]
    """Give axes for X/Y/Z plots, beside those that the arguments' fields are by themselves.

    Asked whenever axes are listed or a plot is ordered: be quick. An axis is called '<extension>/<name>' everywhere.
    Its `points` gives the request at each place; what comes out is checked as if it had come in. An error leaves the
    extension's axes out; one in `points` refuses the plot.
    """


@point("collect", "studio")
def pasted(others: Mapping[str, str]) -> Pasted | None:
    """Give the extension's arguments that a pasted text, or a picture's file, tells in keys of another program.

    Asked whenever one is read: be quick. `others` are the keys that mean nothing to Easel. What is given stands under
    `extensions.<name>` of the form. An error, or an argument that does not fit, leaves it out. Since 1.2.
    """


# What an extension changes, on a picture's way


@point("change", "studio")
def change_request(request: GenerationRequest, arguments: BaseModel) -> GenerationRequest | None:
    """Change a whole order before what it left open is filled in and checked.

    Runs in the thread that submits it; be quick, somebody waits. What comes out is checked as if it had come in, and
    recorded. An error refuses the order with the extension's name.
    """


@point("change", "studio")
def change_prompts(
    prompts: Prompts, request: GenerationRequest, index: int, arguments: BaseModel
) -> Prompts | None:
    """Change the words of one picture: styles are around them and choices are made.

    Runs in the thread that submits the order, before LoRAs and embeddings are looked up in the words, which are then
    recorded. An error refuses the order with the extension's name.
    """


@point("change", "worker")
def change_conditioning(
    conditioning: ConditioningView, order: PictureOrder, arguments: BaseModel
) -> ConditioningView | None:
    """Change what the network follows: tokens, weights of the prompt's parts, planes, label, controls.

    Give a copy by its `with_` methods, of the same shapes. Runs once in each pass of a picture and each network of it,
    before the first step. An error fails the job.
    """


@point("change", "worker")
def change_latent(
    latent: Tensor, moment: Moment, order: PictureOrder, arguments: BaseModel
) -> Tensor | None:
    """Change the noisy latent (1, C, h, w) that a step begins with; the sampler goes on from it.

    Runs once in each step, before the network is asked: what a step left is what the next begins with. Give a new
    tensor of the same shape. An error fails the job.
    """


@point("change", "worker")
def change_guidance(
    guided: Tensor, output: Tensor, moment: Moment, order: PictureOrder, arguments: BaseModel
) -> Tensor | None:
    """Change how the network's rows become one prediction: another guidance.

    `output` is (R, C, h, w): the parts of the prompt, then the negative prompt; `guided` (1, C, h, w) is what Easel's
    guidance made of them, `moment.at_scale(scale)` (since 1.2) what it makes of them at another scale. Runs at each
    evaluation of the network. An error fails the job.
    """


@point("change", "worker")
def change_denoised(
    denoised: Tensor, moment: Moment, order: PictureOrder, arguments: BaseModel
) -> Tensor | None:
    """Change the guess of the clean latent (1, C, h, w) that the sampler is given.

    Two rows for samplers that want the unguided guess, too. Runs at each evaluation of the network. An error fails the
    job.
    """


@point("change", "worker")
def change_sampled(latent: Tensor, order: PictureOrder, arguments: BaseModel) -> Tensor | None:
    """Change the clean latent (1, C, h, w) at the end of a pass, before it is decoded or enlarged.

    Runs once in each pass of a picture. An error fails the job.
    """


@point("change", "worker")
def change_picture(pixels: Pixels, order: PictureOrder, arguments: BaseModel) -> Pixels | None:
    """Change the finished picture, (height, width, 3) of uint8; another size is allowed.

    Runs once for each picture, before it leaves the worker. An error fails the job.
    """


@point("wrap", "worker")
def wrap_program(
    program: Program, order: PictureOrder, model: LoadedModel, arguments: BaseModel
) -> Program | None:
    """Stand around the making of a picture: a generator in place of the program's.

    It passes on each piece of work that the program yields and sends each result back, may change both, yield work of
    its own and return another picture. An error, or a result that is no picture, fails the job.
    """


# What an extension says of a picture's file


@point("collect", "studio")
def picture_metadata(draft: PictureDraft) -> Sequence[TextChunk]:  # type: ignore[empty-body]
    """Give texts to write into a picture's file.

    Runs in the dispatcher's thread, once for each finished picture just before its file is written; a keyword that was
    given before is left out. After an error the picture is stored without these texts, and a text in it names the
    extension.
    """


@point("decide", "studio")
def picture_file_name(draft: PictureDraft) -> str | None:
    """Name a picture's file.

    Runs in the dispatcher's thread, once for each finished picture before its file is written. Give a path below the
    outputs folder with '/' and without an ending, or None to leave it to the next. After an error or a name that leads
    elsewhere ('../') the next is asked, and picture and job name the extension; if the request names it, the job fails.
    """


# What an extension hears


@point("observe", "studio")
def job_changed(job: Job) -> None:
    """Hear that a job was queued, started, put back, or ended; the change is in the record."""


@point("observe", "studio")
def job_stepped(job_id: JobId, step: int, steps: int) -> None:
    """Hear that a running job moved on: so many of its denoising steps are done."""


@point("observe", "studio")
def picture_saved(picture: Picture, access: StudioAccess) -> None:
    """Hear that a picture is on disk and in the record."""


@point("observe", "studio")
def worker_changed(state: str, device: str, detail: str) -> None:
    """Hear that the worker is 'starting', 'ready' or 'gone', or that it loaded a model: `detail` says it."""


@point("observe", "studio")
def studio_started(access: StudioAccess) -> None:
    """Hear that the studio answers, or that the extension was enabled in one that does."""


@point("observe", "studio")
def studio_stopped() -> None:
    """Hear that the studio ends, or that the extension is disabled; a second is left for it."""


@point("observe", "worker")
def model_loaded(model: LoadedModel) -> None:
    """Hear that a model is in memory. Leave it as it is: many jobs share it."""


@point("observe", "worker")
def step_taken(denoised: Tensor, step: int, order: PictureOrder) -> None:
    """Hear that a picture moved on; `denoised` (1, C, h, w) is the present guess of its clean latent."""
