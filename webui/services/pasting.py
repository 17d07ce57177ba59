"""Taking over how a picture from elsewhere was made: its words, its settings, and what is not here.

A text that says nothing of a setting means the usual value, as AUTOMATIC1111 writes only what differs; but
what every text has (steps, sampler, seed, size, model) stays as it is where one has it not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from webui.contracts.errors import BadRequest, NotFound, UnknownAdapter
from webui.contracts.ids import AdapterId, ImageId
from webui.contracts.infotext_reading import ToldRequest, read_infotext
from webui.contracts.request import PARAMETERS, GenerationRequest
from webui.hooks.studio import StudioExtensions
from webui.prompt.comments import strip_comments
from webui.prompt.networks import loras_in
from webui.prompt.styles import without_styles
from webui.services.catalog import Catalog
from webui.services.images import ImageStore
from webui.services.known_hashes import KnownHashes
from webui.services.metadata import read_metadata
from webui.services.missing import EXTENSIONS, missing
from webui.services.model_names import model_called
from webui.services.styles import StyleStore
from webui.services.told_controls import WaitingControl, told_controls

STAYS = ("steps", "sampler", "schedule", "guidance_scale", "seed", "model", "width", "height",
         "denoising_strength")  # fmt: skip
"""Fields that are left alone where a text does not tell them."""
_MODELS = {"model": "model", "refiner": "refiner", "hires_model": "model of the second pass"}
_PICTURES = ("image", "mask", "class_map", "depth_map")
_WITHOUT_KEY = ("prompt", "styles", "width", "height", "seed_width", "seed_height", "hires_width",
                "hires_height", "upscale_width", "upscale_height")  # fmt: skip
"""Fields that a text tells though none of its keys is theirs alone."""
MAX_SHOWN, MAX_VALUE_SHOWN = 300, 40
"""Characters of a sentence that lists what is not known, and of each value in it."""


@dataclass(frozen=True)
class ReadParameters:
    """What was taken over."""

    fields: Mapping[str, Any]
    """For a request, by name, as in JSON."""
    notes: tuple[str, ...] = ()
    """Sentences for the person: what is missing here, what was not understood."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Keys that mean nothing here, as they are written."""
    waiting: tuple[WaitingControl, ...] = ()
    """Controls that a text told, which wait for their pictures; those of `fields` have theirs."""


class ParameterReader:
    """Reads texts and pictures; changes nothing."""

    def __init__(
        self,
        catalog: Catalog,
        styles: StyleStore,
        images: ImageStore,
        hashes: KnownHashes,
        hooks: StudioExtensions,
    ) -> None:
        self._hooks = hooks
        self._hashes = hashes
        self._catalog = catalog
        self._styles = styles
        self._images = images

    def read_text(self, text: str) -> ReadParameters:
        """What a `parameters` text of AUTOMATIC1111, Forge, SD.Next or Civitai tells.

        Raises:
            BadRequest: it is empty, or too long to be one.
        """
        told = read_infotext(text)
        if told is None:
            raise BadRequest(
                f"The text {text[:60]!r} tells of no picture; a prompt was expected, and below it a line "
                "like 'Steps: 20, Sampler: Euler, Seed: 5'."
            )
        return self._told(told)

    def read_picture(self, data: bytes) -> ReadParameters:
        """What is written in a picture's file.

        Raises:
            BadRequest: it is no picture, or nothing is written in it.
        """
        told = read_metadata(data)
        if told is None:
            raise BadRequest(
                "Nothing in this file says how it was made. A picture was expected that Easel, AUTOMATIC1111, "
                "Forge, SD.Next or Civitai wrote; sites and messengers often strip what was in it."
            )
        if not told.exact:
            return self._told(told)
        return replace(self._exact(told.request), others=told.others)

    def _told(self, told: ToldRequest) -> ReadParameters:
        """Styles found again, models looked up, the rest as it is told."""
        bare = without_styles(
            told.request.prompt, told.request.negative_prompt, self._styles.list()
        )
        request = told.request.model_copy(
            update={
                "prompt": bare.prompt, "negative_prompt": bare.negative_prompt, "styles": bare.styles,
            }
        )  # fmt: skip
        names = [
            name
            for name in PARAMETERS
            if name not in _PICTURES
            and (PARAMETERS[name].infotext is not None or name in _WITHOUT_KEY)
            and (name not in STAYS or name in told.request.model_fields_set)
        ]
        dumped = request.model_dump(mode="json", include=set(names))
        fields, notes = self._with_what_is_here(dumped, told.model_hash)
        extensions, understood = self._hooks.pasted(told.others)
        extensions |= told.request.extensions
        fields |= {EXTENSIONS: extensions} if extensions else {}
        notes += [
            said for name, said in missing({EXTENSIONS: extensions}, self._catalog, self._hooks)
        ]
        others = {key: value for key, value in told.others.items() if key not in understood}
        controls = told_controls(others, self._catalog, self._hooks.preprocessors())
        others = {key: value for key, value in others.items() if key not in controls.keys}
        unknown = ", ".join(f"{key}: {_short(value)}" for key, value in others.items())
        if unknown:
            shown = _short(unknown, MAX_SHOWN)
            end = "" if shown.endswith("…") else "."
            notes.append(f"Not used, as it means nothing here: {shown}{end}")
        notes += [*controls.notes, *self._missing_loras(request)]
        return ReadParameters(fields, tuple(notes), others, controls.waiting)

    def _exact(self, request: GenerationRequest) -> ReadParameters:
        """All of a request of our own, without the pictures that are not here."""
        kept = {
            **request.model_dump(
                mode="json", exclude={"priority", "texts", "batch", "source_name"}
            ),
            "count": 1,
        }
        gone = [name for name in _PICTURES if kept[name] and not self._has(kept[name])]
        controls = [use for use in kept["controls"] if self._has(use["image"])]
        unmasked = [
            use | {"mask": None} if use["mask"] and not self._has(use["mask"]) else use
            for use in controls
        ]
        notes = []
        if gone or unmasked != kept["controls"]:
            notes.append("Pictures that it was drawn from are not here, so they were left out.")
        kept |= {"controls": unmasked, **dict.fromkeys(gone)}
        fields, absent = self._with_what_is_here(kept)
        return ReadParameters(fields, (*notes, *absent, *self._missing_loras(request)))

    def absent(self, request: GenerationRequest) -> tuple[str, ...]:
        """Sentences on what a picture of our own was drawn with and that is not here any more."""
        return tuple(
            said for _, said in missing(request.model_dump(mode="json"), self._catalog, self._hooks)
        )

    def _with_what_is_here(
        self, fields: dict[str, Any], model_hash: str = ""
    ) -> tuple[dict[str, Any], list[str]]:
        """The fields with models by their ids, the usual value in place of what nothing here gives.

        Extensions that are not in use stay named: the form shows them, and an order of them is refused.
        """
        found, notes = self._with_models(fields, model_hash)
        for name, said in list(missing(found, self._catalog, self._hooks)):
            notes.append(said)
            if name != EXTENSIONS:
                found[name] = GenerationRequest.model_fields[name].default
        return found, notes

    def _has(self, image: str) -> bool:
        try:
            self._images.path(ImageId(image))
        except NotFound:
            return False
        return True

    def _with_models(
        self, fields: dict[str, Any], model_hash: str = ""
    ) -> tuple[dict[str, Any], list[str]]:
        """The fields with ids of models, where names stood; without those that are not here."""
        found, notes = dict(fields), []
        for name, title in _MODELS.items():
            wanted = found.get(name)
            if not wanted:
                continue
            by_hash = self._hashes.model_of(model_hash) if name == "model" else None
            model = by_hash or model_called(wanted, self._catalog)
            if model is not None:
                found[name] = model
                continue
            instead = "the form keeps its own" if name == "model" else "it was left out"
            notes.append(f"The {title} {wanted[:100]!r} is not here, so {instead}.")
            del found[name]
        return found, notes

    def _missing_loras(self, request: GenerationRequest) -> Iterator[str]:
        try:
            tags = loras_in(strip_comments(request.prompt))
        except BadRequest as error:
            yield str(error)
            return
        for tag in tags:
            try:
                self._catalog.adapter(tag.kind, AdapterId(tag.name))
            except UnknownAdapter as error:
                yield str(error)


def _short(text: str, characters: int = MAX_VALUE_SHOWN) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"
