"""Signatures of the extension points that the studio process calls; `specs.py` is the list of all."""

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
from webui.contracts.prompt_functions import PromptFunction
from webui.contracts.request import GenerationRequest
from webui.hooks.points import point

if TYPE_CHECKING:
    from fastapi import APIRouter

    from webui.weights.signatures.facts import Describe


@point("collect", "studio")
def samplers() -> Sequence[SamplerInfo]:  # type: ignore[empty-body]
    """Name samplers for orders and the API; `sampler_functions` has their code.

    When: once, when the extension is loaded.
    Where: the studio.
    Changes: adds samplers, each called '<extension>/<name>' everywhere, so that none takes the place of another.
    Error: leaves the extension's samplers out.
    """


@point("collect", "studio")
def schedules() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name noise schedules, with a line of explanation each; `schedule_functions` has their code.

    When: once, when the extension is loaded.
    Where: the studio.
    Changes: adds schedules, called '<extension>/<name>', as samplers are.
    Error: leaves the extension's schedules out.
    """


@point("collect", "studio")
def guidance_methods() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name guidance methods, with a line of explanation each; `guidance_functions` has their code. Since 1.3.

    When: once, when the extension is loaded.
    Where: the studio.
    Changes: adds methods, called '<extension>/<name>', as samplers are.
    Error: leaves the extension's methods out.
    """


@point("collect", "studio")
def upscalers() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Name upscalers, with a line of explanation each; `upscaler_functions` has their code. Since 1.2.

    When: once, when the extension is loaded.
    Where: the studio.
    Changes: adds upscalers, called '<extension>/<name>', as samplers are.
    Error: leaves the extension's upscalers out.
    """


@point("collect", "studio")
def settings() -> type[BaseModel]:  # type: ignore[empty-body]
    """Give the typed model of the extension's settings, each field with a default.

    They are shown on the Extensions tab, kept with the studio's, and read by `access.settings()`.

    When: once, when the extension is loaded, before the other hooks.
    Where: the studio.
    Changes: adds settings; nothing in them may change a picture, for that is what arguments are for.
    Error: leaves the extension without settings.
    """


@point("collect", "studio")
def routes(access: StudioAccess) -> APIRouter:  # type: ignore[empty-body]
    """Give a FastAPI router of the extension's own addresses, below `/api/v1/extensions/<name>/`.

    The studio's guard and login stand in front of them, and `openapi.json` beside them describes them. Write routes
    as plain functions: one that is `async` and waits holds up everybody. `/settings` is Easel's. An extension has at most
    16 requests without an answer at a time; others are answered with status 503 until then.

    When: once, when the extension is loaded; a route at each request.
    Where: the studio.
    Changes: adds addresses of its own.
    Error: leaves the routes out; one in a route is answered with status 500 and named.
    """


@point("collect", "studio")
def tabs() -> Sequence[PageTab]:  # type: ignore[empty-body]
    """Give tabs of the page, each an ES module below `static/` that has `mount(element, easel)`.

    It fills `element`, and may give back a function that ends it.

    When: once, when the extension is loaded; a module is fetched when its tab is first opened.
    Where: the studio.
    Changes: adds tabs.
    Error: leaves the tabs out.
    """


@point("collect", "studio")
def panels() -> Sequence[PagePanel]:  # type: ignore[empty-body]
    """Give folded groups for the forms of the drawing tabs, as ES modules that have `mount(element, easel)`.

    `easel.tab` is the tab that it stands in. Arguments need none: their controls are made of their model.

    When: once, when the extension is loaded; a module when its group is first opened.
    Where: the studio.
    Changes: adds groups to forms.
    Error: leaves the panels out.
    """


@point("collect", "studio")
def actions() -> Sequence[PageAction]:  # type: ignore[empty-body]
    """Give buttons below finished pictures, or in the header, and the ES modules that act.

    The module has a function of the action's name, called with `easel` and the picture that it is for.

    When: once, when the extension is loaded; a module when its button is pressed.
    Where: the studio.
    Changes: adds buttons.
    Error: leaves the actions out.
    """


@point("collect", "studio")
def scripts() -> Sequence[str]:  # type: ignore[empty-body]
    """Give ES modules below `static/` that are loaded with the page and have `start(easel)`.

    For what hears events without anything to see; `start` may give back a function that ends it.

    When: once, when the extension is loaded; a module with each page.
    Where: the studio.
    Changes: adds modules to the page.
    Error: leaves the scripts out.
    """


@point("collect", "studio")
def preprocessors() -> Sequence[Preprocessor]:  # type: ignore[empty-body]
    """Give ways to make a control picture of another, by numpy and OpenCV.

    A preprocessor's `run` gives (height, width, 3) of uint8 of the same size, in the thread that asks for it. Since
    1.1.

    When: once, when the extension is loaded; a preprocessor at each request for it.
    Where: the studio.
    Changes: adds preprocessors, called '<extension>/<name>'.
    Error: leaves the extension's preprocessors out; one in `run` is answered with the extension's name.
    """


@point("collect", "studio")
def families() -> Mapping[str, Describe]:  # type: ignore[empty-body]
    """Give model families: what a file's, or a diffusers folder's, names and shapes say, or `No` and why.

    The first that gives `Facts` has the file; `family_loaders` has the code that loads it. Since 1.2.

    When: once, when the extension is loaded, and its function of each file that no family of Easel's takes.
    Where: the studio.
    Changes: adds models to the catalog, of families called '<extension>/<name>'.
    Error: leaves the file to others; a family that does not answer is asked no more.
    """


@point("collect", "studio")
def palettes() -> Mapping[str, Palette]:  # type: ignore[empty-body]
    """Give palettes that class maps are painted in: classes, their colours, and the words that draw each. Since 1.2.

    When: once, when the extension is loaded.
    Where: the studio.
    Changes: adds palettes, called '<extension>/<name>'.
    Error: leaves them out.
    """


@point("collect", "studio")
def wildcards(access: StudioAccess) -> Mapping[str, Sequence[str]]:  # type: ignore[empty-body]
    """Give lists of entries that prompts name as `__<extension>/<name>__`, each as a line of a wildcard's file.

    A list that takes long to make may be a `collections.abc.Sequence` of your own, which is read when a prompt names
    it; its errors refuse the order, a `BadRequest` in its own words. Since 1.1.

    When: whenever a prompt with choices is drawn or names are completed: be quick.
    Where: the studio.
    Changes: adds lists; a file of the same name counts before one.
    Error: leaves the extension's lists out.
    """


@point("collect", "studio")
def prompt_functions() -> Mapping[str, PromptFunction]:  # type: ignore[empty-body]
    """Give functions of the prompt language: of a `PromptCall`, to the words in its place. Since 1.3.

    Prompts call one as `${<extension>/<name>(argument|argument)}`; names are letters, digits and _. What chance
    decides is drawn from the call's own, so that a seed's words come again.

    When: whenever a prompt calls a function, in the thread that submits the order: be quick.
    Where: the studio.
    Changes: adds functions; the words of prompts that call them.
    Error: leaves the extension's functions out; one in a function refuses the order with the extension's name. A
        `BadRequest` tells the person what is wrong with a call.
    """


@point("collect", "studio")
def commands(folder: Path) -> Mapping[str, Callable[[Sequence[str]], int]]:  # type: ignore[empty-body]
    """Give commands for `python launch.py extensions run <extension> <command> ...`: of words, to the exit status.

    `folder` has the extension's own files. Since 1.1.

    When: when one is run, in a process of its own, without a studio.
    Where: the studio.
    Changes: what the command does is its own business.
    Error: is said, with its traceback.
    """


@point("collect", "studio")
def plot_axes() -> Sequence[PlotAxis]:  # type: ignore[empty-body]
    """Give axes for X/Y/Z plots, beside those that the arguments' fields are by themselves.

    An axis's `points` gives the request at each place; what comes out is checked as if it had come in.

    When: whenever axes are listed or a plot is ordered: be quick.
    Where: the studio.
    Changes: adds axes, called '<extension>/<name>'.
    Error: leaves the extension's axes out; one in `points` refuses the plot.
    """


@point("collect", "studio")
def pasted(others: Mapping[str, str]) -> Pasted | None:
    """Give the extension's arguments that a pasted text, or a picture's file, tells in keys of another program.

    `others` are the keys that mean nothing to Easel. Since 1.2.

    When: whenever a text is read: be quick.
    Where: the studio.
    Changes: its own arguments alone, under `extensions.<name>` of the form.
    Error: leaves it out, as does an argument that does not fit.
    """


@point("change", "studio")
def change_request(request: GenerationRequest, arguments: BaseModel) -> GenerationRequest | None:
    """Change a whole order before what it left open is filled in and checked.

    When: once for each order, in the thread that submits it; be quick, somebody waits.
    Where: the studio.
    Changes: any field; what comes out is checked as if it had come in, and recorded.
    Error: refuses the order with the extension's name.
    """


@point("change", "studio")
def change_prompts(
    prompts: Prompts, request: GenerationRequest, index: int, arguments: BaseModel
) -> Prompts | None:
    """Change the words of one picture: styles are around them and choices are made.

    When: once for each picture, in the thread that submits the order, before LoRAs and embeddings are looked up in
        the words.
    Where: the studio.
    Changes: the four texts of `Prompts`, which are recorded.
    Error: refuses the order with the extension's name.
    """


@point("change", "studio")
def change_metadata(draft: PictureDraft, arguments: BaseModel) -> PictureDraft | None:
    """Change what will be told of a picture: in its file, in the text beside it and by its file's name. Since 1.3.

    When: in the dispatcher's thread, once for each finished picture, before `picture_metadata` and
        `picture_file_name` are asked.
    Where: the studio.
    Changes: `request`, `keys` (further keys of the text) and `hashes` of the draft; give a copy. The studio's own
        record of the order stays whole.
    Error: fails the job, so that nothing is told which should not be.
    """


@point("collect", "studio")
def picture_metadata(draft: PictureDraft) -> Sequence[TextChunk]:  # type: ignore[empty-body]
    """Give texts to write into a picture's file.

    When: in the dispatcher's thread, once for each finished picture just before its file is written.
    Where: the studio.
    Changes: adds texts; a keyword that was given before is left out.
    Error: leaves these texts out of the picture, and a text in it names the extension.
    """


@point("decide", "studio")
def picture_file_name(draft: PictureDraft) -> str | None:
    """Name a picture's file.

    Give a path below the outputs folder with '/' and without an ending, or None to leave it to the next.

    When: in the dispatcher's thread, once for each finished picture just before its file is written.
    Where: the studio.
    Changes: the file's place and name.
    Error: as a name that leads elsewhere ('../'), fails the job where its request names the extension; else the next
        is asked, and picture and job name the extension.
    """


@point("observe", "studio")
def job_changed(job: Job) -> None:
    """Hear that a job was queued, started, put back, or ended.

    When: behind the change, which is in the record, in the extension's own thread.
    Where: the studio.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """


@point("observe", "studio")
def job_stepped(job_id: JobId, step: int, steps: int) -> None:
    """Hear that a running job moved on: so many of its denoising steps are done.

    When: at each step, in the extension's own thread.
    Where: the studio.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """


@point("observe", "studio")
def picture_saved(picture: Picture, access: StudioAccess) -> None:
    """Hear that a picture is on disk and in the record.

    When: once for each picture, in the extension's own thread.
    Where: the studio.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """


@point("observe", "studio")
def worker_changed(state: str, device: str, detail: str) -> None:
    """Hear that the worker is 'starting', 'ready' or 'gone', or that it loaded a model: `detail` says it.

    When: at each change, in the extension's own thread.
    Where: the studio.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """


@point("observe", "studio")
def studio_started(access: StudioAccess) -> None:
    """Hear that the studio answers, or that the extension was enabled in one that does.

    When: once, in the extension's own thread.
    Where: the studio.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """


@point("observe", "studio")
def studio_stopped() -> None:
    """Hear that the studio ends, or that the extension is disabled.

    When: once, in the extension's own thread; a second is left for it.
    Where: the studio.
    Changes: nothing; what it gives is ignored.
    Error: is logged and shown, and named in pictures that were drawn meanwhile; nothing else happens.
    """
