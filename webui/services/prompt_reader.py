"""What a prompt will be read as, while it is being written: its length, and where its grammar broke."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import (
    BadRequest,
    HookFailed,
    UnknownAdapter,
    UnknownModel,
    UnknownVariable,
    UnknownWildcard,
)
from webui.contracts.ids import ModelId
from webui.contracts.parameters.words import TEXTS, PictureText
from webui.contracts.request import GenerationRequest
from webui.prompt.check import Problem, problems_in
from webui.prompt.counting import TextCounter, TokenCount, vectors_of
from webui.services.catalog import Catalog
from webui.services.tokenizers import Tokenizers
from webui.services.wording import WordSources, count_ways, counted, worded

MOST_WAYS = 1000


@dataclass(frozen=True)
class PromptReading:
    """What is known of one prompt."""

    count: TokenCount | None
    """None where the model has no tokenizer."""
    problems: tuple[Problem, ...]
    drawn: str | None
    """What it becomes with its styles and its choices, where it has any."""


@dataclass(frozen=True)
class KnownWords:
    """Names that a prompt may use."""

    loras: tuple[str, ...]
    embeddings: tuple[str, ...]
    styles: tuple[str, ...]
    wildcards: tuple[str, ...]
    hypernetworks: tuple[str, ...] = ()


class PromptReader:
    """Reads prompts as a job would, and records nothing."""

    def __init__(self, catalog: Catalog, sources: WordSources) -> None:
        self._catalog = catalog
        self._sources = sources
        self._tokenizers = Tokenizers()

    def read(self, request: GenerationRequest) -> Mapping[str, PromptReading]:
        """What is known of each text of a request, by its field's name.

        Choices are made for the first picture, of a matrix for the last; an open seed counts as 0. Never fails: what cannot be
        drawn is a problem.
        """
        request = request.model_copy(update={"seed": max(0, request.seed), "variation_seed": 0})
        text, refusal = self._first_text(request)
        prompts = {name: str(getattr(request, name)) for name in TEXTS}
        readings = {}
        for name, prompt in prompts.items():
            found = problems_in(
                prompt,
                negative="negative" in name,
                choices=request.prompt_choices != "Off",
                weights=request.emphasis != "None",
            )
            written = str(getattr(text, name))
            drawn = None if written == prompt else written
            readings[name] = PromptReading(self._count(request, name, text), found, drawn)
        if refusal is not None:
            problem, name = _placed(refusal, prompts)
            readings[name] = _with(readings[name], problem)
        return readings

    def ways(self, request: GenerationRequest) -> int | None:
        """How many prompts there are in all, MOST_WAYS at most; None where chance decides."""
        try:
            return count_ways(request, self._sources, MOST_WAYS)
        except BadRequest:
            return None

    def words(self) -> KnownWords:
        """Names for the page to offer."""
        adapters = self._catalog.adapters
        return KnownWords(
            _short([info.id for info in adapters("lora")]),
            tuple(dict.fromkeys(info.name for info in adapters("embedding"))),
            tuple(style.name for style in self._sources.styles.list()),
            self._sources.wildcards.names(),
            _short([info.id for info in adapters("hypernetwork")]),
        )

    def _first_text(self, request: GenerationRequest) -> tuple[PictureText, BadRequest | None]:
        """What the first picture is drawn from; the bare prompts where that cannot be made out."""
        try:
            few = counted(request.model_copy(update={"count": 1}), self._sources)
            # Of a matrix the last one has all the parts.
            return worded(few, self._catalog, self._sources).text_of(few.count - 1), None
        except BadRequest as error:
            return request.text_of(0), error
        except HookFailed as error:  # an extension of the form
            return request.text_of(0), BadRequest(str(error))

    def _count(self, request: GenerationRequest, name: str, text: PictureText) -> TokenCount | None:
        """The length of a text, for the model and in the steps that draw it."""
        hires = name.startswith("hires_")
        checkpoint = self._model((hires and request.hires_model) or request.model)
        ready = None if checkpoint is None else self._tokenizers.of(checkpoint)
        if ready is None:
            return None
        named = [a for a in self._catalog.adapters("embedding") if a.id in text.embeddings]
        steps = (hires and request.hires_steps) or request.steps
        counter = TextCounter(
            ready.tokenize, ready.frame, steps, request.emphasis, vectors_of(named)
        )
        return counter.count(getattr(text, name))

    def _model(self, model: ModelId) -> CheckpointInfo | None:
        try:
            return self._catalog.get(model) if model else self._catalog.default()
        except UnknownModel:
            return self._catalog.default()


def _short(ids: Sequence[str]) -> tuple[str, ...]:
    """Last parts of ids, where these are enough to tell them apart."""
    last = [id_.rsplit("/", 1)[-1] for id_ in ids]
    return tuple(
        name if last.count(name) == 1 else id_ for name, id_ in zip(last, ids, strict=True)
    )


def _placed(error: BadRequest, prompts: Mapping[str, str]) -> tuple[Problem, str]:
    """The problem that a refusal is, and which of the prompts has it."""
    sought = ""
    if isinstance(error, UnknownAdapter):
        sought = error.adapter
    elif isinstance(error, UnknownWildcard):
        sought = error.wildcard
    elif isinstance(error, UnknownVariable):
        sought = f"${{{error.variable}"
    for name, prompt in prompts.items():
        if sought and (at := prompt.find(sought)) >= 0:
            return Problem(at, at + len(sought), str(error)), name
    return Problem(0, len(prompts["prompt"]), str(error)), "prompt"


def _with(reading: PromptReading, problem: Problem) -> PromptReading:
    """With one more problem, unless it is there already."""
    if any(known.sentence == problem.sentence for known in reading.problems):
        return reading
    return replace(reading, problems=(problem, *reading.problems))
