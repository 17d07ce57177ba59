"""How the words of a prompt become what each picture is drawn from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from webui.contracts.conditions import MAX_LORAS, LoraUse
from webui.contracts.ids import AdapterId
from webui.contracts.parameters.declaration import Parameter
from webui.contracts.parameters.drawing import MAX_PROMPT_CHARACTERS

Emphasis = Literal["Original", "No norm", "Ignore", "None"]
EMPHASES: tuple[Emphasis, ...] = ("Original", "No norm", "Ignore", "None")
CHOICES = ("Random", "Combinatorial", "Matrix", "Off")
TEXTS = ("prompt", "negative_prompt", "hires_prompt", "hires_negative_prompt")
"""Fields in the prompt language."""
MAX_STYLES = 20
MAX_EMBEDDINGS = 100


class PictureText(BaseModel):
    """What one picture is drawn from, all choices made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(max_length=MAX_PROMPT_CHARACTERS, description="With its styles.")
    negative_prompt: str = Field(max_length=MAX_PROMPT_CHARACTERS, description="With its styles.")
    loras: tuple[LoraUse, ...] = Field(
        (), max_length=MAX_LORAS, description="Those of the field and of the prompt together."
    )
    hires_prompt: str = Field("", max_length=MAX_PROMPT_CHARACTERS)
    hires_negative_prompt: str = Field("", max_length=MAX_PROMPT_CHARACTERS)
    hires_loras: tuple[LoraUse, ...] = Field(
        (), max_length=MAX_LORAS, description="Those of a hires prompt, where there is one."
    )
    embeddings: tuple[AdapterId, ...] = Field(
        (), max_length=MAX_EMBEDDINGS, description="Embeddings that the words name."
    )

    @property
    def every_lora(self) -> tuple[LoraUse, ...]:
        """Of both passes."""
        return self.loras + self.hires_loras


class Words(BaseModel):
    """Styles, choices and the strength of words."""

    styles: Annotated[
        tuple[str, ...],
        Parameter("Styles", "Saved words that are put around the prompt, in this order.", None),
    ] = Field((), max_length=MAX_STYLES)
    prompt_choices: Annotated[
        str,
        Parameter(
            "Choices in the prompt",
            "What {a|b} and __wildcard__ do: drawn by each picture's seed, all in turn, or for "
            "Matrix a|b|c, every combination of the parts at one seed.",
            "Prompt choices",
            choices=CHOICES,
        ),
    ] = Field("Random")
    emphasis: Annotated[
        str,
        Parameter(
            "Emphasis",
            "How (words:1.3) count: Original keeps the mean, No norm does not, Ignore drops the "
            "weights, None reads brackets as text.",
            "Emphasis",
            choices=EMPHASES,
        ),
    ] = Field("Original")
    old_prompt_timelines: Annotated[
        bool,
        Parameter(
            "Old timelines",
            "Count the steps of [from:to:when] as AUTOMATIC1111 did before 1.6: below 1 a share, whatever is written, and a "
            "second pass as the first.",
            "Old prompt editing timelines",
        ),
    ] = Field(False)
    template: Annotated[
        str, Parameter("Template", "The prompt before its choices were made.", "Template")
    ] = Field("", max_length=MAX_PROMPT_CHARACTERS)
    negative_template: Annotated[
        str,
        Parameter(
            "Negative template",
            "The negative prompt before its choices were made.",
            "Negative Template",
        ),
    ] = Field("", max_length=MAX_PROMPT_CHARACTERS)
    texts: Annotated[
        tuple[PictureText, ...],
        Parameter(
            "Texts",
            "What each picture is drawn from, filled in when the job is recorded: none where the "
            "prompt says it all, one for all pictures, or one a picture.",
            None,
        ),
    ] = Field((), max_length=100)
