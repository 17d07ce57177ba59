"""Loads an extension as the studio does, calls each of its hooks once, and takes it out again."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from webui.contracts.access import Prompts, StudioAccess
from webui.contracts.drafts import PictureDraft
from webui.contracts.errors import EaselError, NotFound
from webui.contracts.events import JobChanged, JobStepped, PictureSaved, WorkerChanged
from webui.contracts.extension import Manifest
from webui.contracts.ids import JobId, PictureId
from webui.contracts.job import Job, JobState, Picture
from webui.contracts.request import GenerationRequest
from webui.hooks.builtin import BUILTIN
from webui.hooks.host import HookHost
from webui.hooks.loading import NAMESPACE
from webui.hooks.offers import Offers
from webui.hooks.studio import StudioExtensions
from webui.services.extension_checks.outcome import Outcome, of_hooks

REQUEST = GenerationRequest(prompt="a house by a lake", seed=7, steps=3, width=64, height=64)
OBSERVER_SECONDS = 5.0
HOOK_SECONDS = 10.0
"""How long one call of a hook may take here."""

_JOB = Job(JobId("check"), REQUEST, JobState.DONE, 3, 3, None, 1, 0.0, 0.0, 1.0)
_PICTURE = Picture(PictureId("check"), _JOB.id, 0, 7, 64, 64, "check.png", 0.0)


@dataclass(frozen=True)
class StudioSide:
    """What the checks in the studio process have found."""

    outcomes: tuple[Outcome, ...]
    offers: Offers | None
    """None where it could not be loaded."""


def check_studio(manifest: Manifest, folder: Path) -> StudioSide:
    """Load it, call its hooks with small real values, and see what is left when it is taken out.

    Args:
        manifest: Of the extension.
        folder: Where it may keep files of its own meanwhile.
    """
    name, had_torch = manifest.name, "torch" in sys.modules
    studio = StudioExtensions(_host())
    studio.access = lambda _: _access(name, folder, studio)
    studio.settled.set()
    try:
        studio.load(manifest)
    except EaselError as error:
        return StudioSide((Outcome("studio: load", False, str(error)),), None)
    offers, hooks = studio.offers[name], studio.host.hooks_of(name)
    outcomes = [Outcome("studio: load", True, _described(offers))]
    outcomes += [_order(studio, name), _picture(studio, manifest.name)]
    _tell(studio)
    if not studio.host.settle(OBSERVER_SECONDS):
        named = ", ".join(studio.host.unreturned()) or "none any more"
        said = f"its observers have not come back within {OBSERVER_SECONDS:g} s: {named}"
        outcomes.append(Outcome("studio: observers", False, said))
    outcomes += of_hooks("studio", hooks, studio.host.called(name), studio.host.failures())
    brought = "torch" in sys.modules and not had_torch
    outcomes.append(
        Outcome("studio: without torch", not brought, "it imports torch; move that to worker.py" if brought else "")
    )  # fmt: skip
    studio.unload(name)
    studio.host.close()
    outcomes.append(_gone(name))
    return StudioSide(tuple(outcomes), offers)


def _host() -> HookHost:
    host = HookHost(seconds=lambda _: HOOK_SECONDS)
    for name, extension in BUILTIN:
        host.register(extension, name)
    return host


def _order(studio: StudioExtensions, name: str) -> Outcome:
    """Its axes, and an order that names it with default arguments, which are completed and its words changed."""
    what = "studio: an order with default arguments"
    studio.plot_axes()  # what fails in it, and in the next four, is in the host's log
    studio.wildcards()
    studio.prompt_functions()
    studio.pasted({"Another program": "1"})
    studio.host.collect("commands", dict, folder=studio.access(name).folder)
    try:
        request = studio.change_request(REQUEST.model_copy(update={"extensions": {name: {}}}))
        studio.change_prompts(Prompts(request.prompt, request.negative_prompt), request, 0)
    except EaselError as error:
        return Outcome(what, False, str(error))
    return Outcome(what, True)


def _picture(studio: StudioExtensions, name: str) -> Outcome:
    what = "studio: texts and name of a picture"
    request = REQUEST.model_copy(update={"extensions": {name: {}}})
    draft = PictureDraft(_PICTURE.id, _JOB.id, 0, request, 0.0)
    try:
        draft = studio.change_metadata(draft)
        studio.picture_metadata(draft)
        studio.picture_file_name(draft)
    except EaselError as error:
        return Outcome(what, False, str(error))
    return Outcome(what, True)


def _tell(studio: StudioExtensions) -> None:
    """Everything that observers of the studio can hear."""
    studio.started()
    for event in (
        WorkerChanged("ready", "cpu", "Ready."),
        JobChanged(_JOB),
        JobStepped(_JOB.id, 1, 3, None, None, 0),
        PictureSaved(_PICTURE),
    ):
        studio.observe(event)
    studio.stopped(seconds=OBSERVER_SECONDS)


def _gone(name: str) -> Outcome:
    left = [module for module in sys.modules if module.startswith(f"{NAMESPACE}.{name}.")]
    return Outcome("studio: taken out", not left, ", ".join(left))


def _described(offers: Offers) -> str:
    parts = {
        "samplers": len(offers.samplers),
        "schedules": len(offers.schedules),
        "guidance methods": len(offers.guidance_methods),
        "upscalers": len(offers.upscalers),
        "palettes": len(offers.palettes),
        "families": len(offers.families),
        "arguments": 0 if offers.arguments is None else len(offers.arguments.fields),
        "settings": 0 if offers.settings is None else len(offers.settings.fields),
        "tabs": len(offers.page.tabs),
        "routes": 0 if offers.router is None else len(offers.router.routes),
    }
    return ", ".join(f"{count} {what}" for what, count in parts.items() if count)


def _access(name: str, folder: Path, studio: StudioExtensions) -> StudioAccess:
    """A studio of one job and one picture, which has no file."""

    def settings() -> object:
        offers = studio.offers.get(name)
        return None if offers is None or offers.settings is None else offers.settings.parsed({})

    def file(_: PictureId) -> Path:
        raise NotFound("picture", _PICTURE.id)

    return StudioAccess(
        extension=name,
        folder=folder,
        submit=lambda _: _JOB,
        job=lambda _: _JOB,
        pictures=lambda limit: (_PICTURE,)[:limit],
        picture_file=file,
        request_of=lambda _: REQUEST,
        settings=settings,
    )
