"""What an extension may reach of a running studio, and what the studio asks of all extensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import JsonValue

from webui.contracts.ids import JobId, PictureId
from webui.contracts.job import Job, Picture
from webui.contracts.palettes import Palette
from webui.contracts.prompt_functions import PromptFunction
from webui.contracts.request import GenerationRequest


@dataclass(frozen=True)
class StudioAccess:
    """Handed to the hooks of the studio process; an extension's own, with its name in it."""

    extension: str
    folder: Path
    """For the extension's own files."""
    submit: Callable[[GenerationRequest], Job]
    """Queue a request; raises BadRequest where it cannot be drawn."""
    job: Callable[[JobId], Job]
    """A job as it is now; raises NotFound."""
    pictures: Callable[[int], tuple[Picture, ...]]
    """So many of the latest pictures, newest first."""
    picture_file: Callable[[PictureId], Path]
    """A picture's file, a PNG unless the settings say otherwise; raises NotFound."""
    request_of: Callable[[PictureId], GenerationRequest]
    """The request that draws exactly this picture; raises NotFound."""
    settings: Callable[[], Any]
    """The extension's settings as they are now, as its own model; None where it has none."""


@dataclass(frozen=True)
class Prompts:
    """The words that one picture is drawn from."""

    prompt: str
    negative_prompt: str
    hires_prompt: str = ""
    """Of the second pass; empty means the first's."""
    hires_negative_prompt: str = ""


@dataclass(frozen=True)
class Pasted:
    """What a text of another program tells an extension."""

    arguments: Mapping[str, JsonValue]
    """Its own, by name; those that are not here are as usual."""
    keys: tuple[str, ...] = ()
    """Keys of the text that it understood."""


class OrderHooks(Protocol):
    """What is asked about an order before it is recorded; the extensions answer."""

    def change_request(self, request: GenerationRequest) -> GenerationRequest:
        """The order, before what it left open is filled in."""
        ...

    def change_prompts(self, prompts: Prompts, request: GenerationRequest, index: int) -> Prompts:
        """The words of picture `index`."""
        ...

    def wildcards(self) -> Mapping[str, Sequence[str]]:
        """Lists of entries by name, beside those in files."""
        ...

    def prompt_functions(self) -> Mapping[str, PromptFunction]:
        """Functions of the prompt language by name."""
        ...

    def offers_choice(self, parameter: str, value: str) -> bool:
        """Whether it is one of the choices that extensions add to a parameter."""
        ...

    def palettes(self) -> Mapping[str, Palette]:
        """Palettes of class maps by name, beside Easel's own."""
        ...


class Unchanged:
    """Answers where there are no extensions."""

    def change_request(self, request: GenerationRequest) -> GenerationRequest:
        """The same."""
        return request

    def change_prompts(self, prompts: Prompts, request: GenerationRequest, index: int) -> Prompts:  # noqa: ARG002
        """The same."""
        return prompts

    def wildcards(self) -> Mapping[str, Sequence[str]]:
        """None."""
        return {}

    def prompt_functions(self) -> Mapping[str, PromptFunction]:
        """None."""
        return {}

    def offers_choice(self, parameter: str, value: str) -> bool:  # noqa: ARG002
        """It is not."""
        return False

    def palettes(self) -> Mapping[str, Palette]:
        """None."""
        return {}


UNCHANGED = Unchanged()
