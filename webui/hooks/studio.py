"""The extensions of the studio process: what they offer, and what orders and pictures ask of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import JsonValue

from webui.contracts.access import Pasted, Prompts, StudioAccess
from webui.contracts.drafts import FileName, PictureDraft, TextChunk
from webui.contracts.errors import BadExtension, FieldProblem, HookFailed, InvalidField
from webui.contracts.events import Event, JobChanged, JobStepped, PictureSaved, WorkerChanged
from webui.contracts.extension import Manifest
from webui.contracts.palettes import Palette
from webui.contracts.parameters.extension_arguments import offered_by
from webui.contracts.plot import AxisPoint, AxisValue, PlotAxis
from webui.contracts.preprocessor import Preprocessor
from webui.contracts.prompt_functions import PromptFunction
from webui.contracts.request import PARAMETERS, GenerationRequest
from webui.hooks.arguments import arguments_of
from webui.hooks.drafts import changed_draft, checked_request
from webui.hooks.host import HookHost, Own, Use
from webui.hooks.loading import (
    NeverEnded,
    guarded,
    load_arguments,
    load_module,
    remember_stuck,
    unload,
    within,
)
from webui.hooks.needs import add_needs, remove_needs
from webui.hooks.offers import Offers, offered, offered_settings, one, several
from webui.hooks.picture_files import PictureFiles
from webui.hooks.points import OWN
from webui.hooks.words import added_functions, added_wildcards
from webui.weights.signatures.facts import Describe

OFFER_SECONDS = 20.0
"""How long an extension may take to say what it offers."""
_T = TypeVar("_T")


def _no_access(extension: str) -> StudioAccess:
    raise HookFailed(f"The extension {extension!r} was called before the studio was put together.")


class StudioExtensions:
    """Loads and unloads extensions of the studio process, and puts to them what concerns them."""

    def __init__(self, host: HookHost) -> None:
        """Nothing is loaded yet; extensions that are registered with `host` already stay."""
        self.host = host
        self.access: Callable[[str], StudioAccess] = _no_access
        """What each extension may reach; `wiring.py` sets it when all services are there."""
        self.settled = threading.Event()
        """Set when those that are enabled at the start have been loaded, or could not be."""
        self._offers: dict[str, Offers] = {}
        self._pictures = PictureFiles(host)
        self._tellers: set[str] = set()
        """Those that change, or changed as long as they were in use, what is told of pictures."""

    @property
    def offers(self) -> Mapping[str, Offers]:
        """Of the extensions in use, by name."""
        return self._offers

    def load(self, manifest: Manifest) -> None:
        """Import an extension and ask what it offers.

        Raises:
            BadExtension: it cannot be loaded.
            HookFailed: it does not fit the extension points.
        """
        name = manifest.name
        self.unload(name)
        self.host.log.forget(name)
        try:
            self._refuse_conflicts(manifest)
            add_needs(manifest)
            model = load_arguments(manifest)
            if "studio" in manifest.processes:
                self.host.register(load_module(manifest, "studio"), name)
            if name in self.host.users("change_metadata"):
                self._tellers.add(name)
            arguments = None if model is None else arguments_of(manifest, model)
            self._ask(Offers(manifest, arguments))
        except Exception as error:
            if isinstance(error, NeverEnded):
                remember_stuck(manifest, error.thread)
            self.unload(name)
            raise

    def unload(self, name: str) -> None:
        """Take an extension out, with all that it offered."""
        self._offers = {n: offers for n, offers in self._offers.items() if n != name}
        self.host.unregister(name)
        unload(name)
        remove_needs(name)

    # What they offer

    def choices(self, parameter: str) -> tuple[str, ...]:
        """What extensions add to the choices of a parameter."""
        every = self._offers.values()
        if parameter.endswith("sampler"):
            return tuple(info.name for offers in every for info in offers.samplers)
        if parameter.endswith("schedule"):
            return tuple(name for offers in every for name, _ in offers.schedules)
        if parameter == "guidance_method":
            return tuple(name for offers in every for name, _ in offers.guidance_methods)
        if PARAMETERS[parameter].names_adapter == "upscaler":
            return tuple(name for offers in every for name, _ in offers.upscalers)
        return tuple(self.palettes()) if parameter == "map_palette" else ()

    def offers_choice(self, parameter: str, value: str) -> bool:
        """Whether an extension in use adds this choice; waits for those that are just being loaded."""
        if offered_by(value) is None:
            return False
        self.settled.wait(OFFER_SECONDS)
        return value in self.choices(parameter)

    def preprocessors(self) -> tuple[Preprocessor, ...]:
        """What extensions add to the preprocessors, by their whole names."""
        return tuple(each for offers in self._offers.values() for each in offers.preprocessors)

    def families(self) -> tuple[tuple[str, Describe], ...]:
        """What extensions add to the families of models, by their whole names."""
        return tuple(each for offers in self._offers.values() for each in offers.families)

    def palettes(self) -> Mapping[str, Palette]:
        """What extensions add to the palettes of class maps, by their whole names."""
        return {name: each for offers in self._offers.values() for name, each in offers.palettes}

    def wildcards(self) -> Mapping[str, Sequence[str]]:
        """What extensions add to the wildcards, by their whole names."""
        return added_wildcards(self.host, self.access)

    def prompt_functions(self) -> Mapping[str, PromptFunction]:
        """Functions of the prompt language, by their whole names."""
        self.settled.wait(OFFER_SECONDS)
        return added_functions(self.host)

    def plot_axes(self) -> tuple[PlotAxis, ...]:
        """What extensions let a plot vary, each by its whole name; Easel's own without a prefix."""
        answers = self.host.collect("plot_axes", several(PlotAxis))
        return tuple(self._named(name, axis) for name, axes in answers for axis in axes)

    def _named(self, name: str, axis: PlotAxis) -> PlotAxis:
        if name.startswith(OWN):
            return axis

        def points(request: GenerationRequest, values: Sequence[AxisValue]) -> Sequence[AxisPoint]:
            return self.host.waited(name, "plot_axes", lambda: axis.points(request, values))

        title = self._offers[name].manifest.title if name in self._offers else ""
        return replace(
            axis,
            name=f"{name}/{axis.name}",
            title=f"{title or name}: {axis.title}",
            points=points,
        )

    def pasted(
        self, others: Mapping[str, str]
    ) -> tuple[dict[str, dict[str, JsonValue]], frozenset[str]]:
        """Arguments of extensions that a text of another program tells, by their names, and the keys they understood."""
        found: dict[str, dict[str, JsonValue]] = {}
        keys: set[str] = set()
        for name in self.host.users("pasted"):
            given = self.host.collect("pasted", self._pasted_by(name), only=name, others=others)
            for _, said in given:
                if said is not None:
                    found[name] = dict(said.arguments)
                    keys |= set(said.keys)
        return found, frozenset(keys & set(others))

    def _pasted_by(self, name: str) -> Callable[[Any], Pasted | None]:
        """A check of what an extension gives, its arguments complete; it raises what is wrong."""

        def checked(given: Any) -> Pasted | None:
            if given is None:
                return None
            said, known = one(Pasted)(given), self._offers[name].arguments
            if known is None:
                raise TypeError("arguments were given, and the extension has none.")
            return replace(said, arguments=_said(known.parsed(said.arguments)))

        return checked

    # What an order asks of them

    def change_request(self, request: GenerationRequest) -> GenerationRequest:
        """The order as its extensions want it, their arguments complete and all its choices there.

        Raises:
            InvalidField: it names an extension, or what an extension offers, that is not there, or an
                argument is wrong.
            HookFailed: an extension failed.
        """
        if request.extensions or any(_choices_named(request)):
            self.settled.wait(OFFER_SECONDS)
        if request.extensions:
            changed = self.host.change(
                "change_request", request, checked_request, self._uses(request)
            )
            complete = {
                use.extension: _said(use.arguments) for use in self._uses(changed)
            }  # fmt: skip
            request = changed.model_copy(update={"extensions": complete})
        problems = [
            FieldProblem(name, repr(value), f"what an extension in use offers; {offered_by(value)!r} offers {self._known(name, value)}")
            for name, value in _choices_named(request)
            if value not in self.choices(name)
        ]  # fmt: skip
        if problems:
            raise InvalidField(problems)
        return request

    def change_prompts(self, prompts: Prompts, request: GenerationRequest, index: int) -> Prompts:
        """The words of one picture as the order's extensions want them.

        Raises:
            HookFailed: an extension failed.
        """
        if not request.extensions:
            return prompts
        return self.host.change(
            "change_prompts",
            prompts,
            one(Prompts),
            self._uses(request),
            request=request,
            index=index,
        )

    def _uses(self, request: GenerationRequest) -> list[Use]:
        uses, problems = [], []
        for name, given in request.extensions.items():
            offers = self._offers.get(name)
            if offers is None:
                known = ", ".join(self._offers) or "none"
                expected = f"an extension in use; in use are {known}; the Extensions tab says why another is not"
                problems.append(FieldProblem(f"extensions.{name}", "asked for", expected))
            elif offers.arguments is not None:
                uses.append(Use(name, offers.arguments.parsed(given)))
            elif given:
                problems.append(
                    FieldProblem(
                        f"extensions.{name}", repr(given)[:100], "{}, for it takes no arguments"
                    )
                )
            else:
                uses.append(Use(name, None))
        if problems:
            raise InvalidField(problems)
        return uses

    def _known(self, parameter: str, value: str) -> str:
        own = [n for n in self.choices(parameter) if offered_by(n) == offered_by(value)]
        return ", ".join(own) or "none"

    # What a picture asks of them

    def change_metadata(self, draft: PictureDraft) -> PictureDraft:
        """The draft as it is told: in the file, beside it and by its name.

        Raises:
            HookFailed: an extension failed, or one that would have changed it is no longer in use.
        """
        named = draft.request.extensions
        if gone := [name for name in named if name in self._tellers and name not in self._offers]:
            raise HookFailed(
                f"The extension {gone[0]!r}, which changes what is told of a picture, is no longer in use. Enable it, "
                "or leave it out, and try again."
            )
        here = {name: given for name, given in named.items() if name in self._offers}
        uses = self._uses(draft.request.model_copy(update={"extensions": here}))
        return changed_draft(self.host, draft, uses)

    def picture_metadata(self, draft: PictureDraft) -> tuple[TextChunk, ...]:
        """The texts for a picture's file; the first of each keyword, and the names of those that failed."""
        return self._pictures.metadata(draft)

    def picture_file_name(self, draft: PictureDraft) -> FileName:
        """A file name of the latest registered extension that gives one, and what failed before it.

        Raises:
            HookFailed: an extension that the picture's request names failed, or none gave a name.
        """
        return self._pictures.file_name(draft)

    # What they hear

    def observe(self, event: Event) -> None:
        """A listener for the event bus: passes events on to the hooks that hear them."""
        if isinstance(event, JobChanged):
            self._pictures.note_begin(event.job)
            self.host.observe("job_changed", job=event.job)
        elif isinstance(event, JobStepped):
            self.host.observe(
                "job_stepped", job_id=event.job_id, step=event.step, steps=event.steps
            )
        elif isinstance(event, PictureSaved):
            self.host.observe("picture_saved", picture=event.picture, access=Own(self.access))
        elif isinstance(event, WorkerChanged):
            self.host.observe("worker_changed", **vars(event))

    def started(self, only: str | None = None) -> None:
        """Tell that the studio answers."""
        self.host.observe("studio_started", only, access=Own(self.access))

    def stopped(self, only: str | None = None, seconds: float = 1.0) -> None:
        """Tell that it ends, and leave a moment for what they do then."""
        if only is None or only in self.host.users("studio_stopped"):
            self.host.observe("studio_stopped", only)
            self.host.settle(seconds)

    # Loading

    def _ask(self, known: Offers) -> None:
        """Ask what it offers; its settings first, for what it offers may depend on them."""
        name = known.manifest.name
        settings = _within(name, lambda: offered_settings(self.host, known.manifest))
        known = replace(known, settings=settings)
        self._offers = {**self._offers, name: known}
        every = _within(name, lambda: offered(self.host, known, self.access))
        self._offers = {**self._offers, name: every}

    def _refuse_conflicts(self, manifest: Manifest) -> None:
        beside = [name for name in manifest.conflicts if name in self._offers]
        if beside:
            raise BadExtension(
                f"The extension {manifest.name!r} cannot be used beside {beside[0]!r}. Disable one of them."
            )


def _within(name: str, ask: Callable[[], _T]) -> _T:
    """What an extension says in its time, if it leaves the program's modules alone meanwhile."""
    return guarded(name, lambda: within(OFFER_SECONDS, ask))


def _choices_named(request: GenerationRequest) -> list[tuple[str, str]]:
    """Fields whose value is an extension's offer, with it; where it may be a file's, the catalog is asked first."""
    return [
        (name, getattr(request, name))
        for name, parameter in PARAMETERS.items()
        if parameter.extensible
        and parameter.names_adapter is None
        and offered_by(getattr(request, name)) is not None
    ]


# Any: what an extension gives, which may be anything.


def _said(arguments: Any) -> dict[str, Any]:
    return {} if arguments is None else arguments.model_dump(mode="json")
