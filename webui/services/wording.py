"""What each picture of a request is drawn from: styles put around, choices made, names looked up.

This happens once, before the job is recorded, and the outcome is recorded with it: so a style or a
wildcard that is changed later changes no picture that was ordered before.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from webui.contracts.access import UNCHANGED, OrderHooks, Prompts
from webui.contracts.adapter import AdapterInfo
from webui.contracts.conditions import MAX_LORAS, LoraUse
from webui.contracts.errors import FieldProblem, InvalidField, UnknownPromptFunction
from webui.contracts.ids import AdapterId
from webui.contracts.parameters.drawing import MAX_PROMPT_CHARACTERS
from webui.contracts.parameters.words import MAX_EMBEDDINGS, TEXTS, PictureText
from webui.contracts.prompt_functions import PromptFunction
from webui.contracts.request import GenerationRequest, limits, parse_lora
from webui.contracts.steps import passes_of
from webui.prompt.choices import has_choices
from webui.prompt.comments import strip_comments
from webui.prompt.drawing import Entries, Functions, draw_prompt, every_prompt
from webui.prompt.embeddings import names_in
from webui.prompt.lora_timeline import Pass, TimedLora, timed_loras
from webui.prompt.matrix import matrix_prompts, matrix_size
from webui.prompt.styles import apply_styles
from webui.services.catalog import Catalog
from webui.services.styles import StyleStore
from webui.services.wildcards import WildcardStore

_Words = tuple[str, ...]
"""A text for each of TEXTS, in their order."""


@dataclass(frozen=True)
class WordSources:
    """Where words come from beside the request."""

    styles: StyleStore
    wildcards: WildcardStore
    hooks: OrderHooks = UNCHANGED
    """What extensions do to orders and words."""

    def functions(self) -> Functions:
        """The functions of the prompt language, asked for when the first is called."""
        known: dict[str, PromptFunction] = {}

        def look_up(name: str) -> PromptFunction:
            if not known:
                known.update(self.hooks.prompt_functions())
            if name not in known:
                raise UnknownPromptFunction(name, sorted(known))
            return known[name]

        return look_up

    @classmethod
    def below(
        cls,
        folder: Path,
        hooks: OrderHooks = UNCHANGED,
    ) -> WordSources:
        """Those of a data folder."""
        return cls(StyleStore(folder), WildcardStore(hooks.wildcards), hooks)


NO_SOURCES = WordSources(StyleStore(Path(os.devnull)), WildcardStore())
"""For requests that name nothing; a style or a wildcard is unknown to it."""


def counted(request: GenerationRequest, sources: WordSources) -> GenerationRequest:
    """The request with the number of pictures that a matrix is; others stay as they are.

    Raises:
        InvalidField: a style is unknown, or the matrix has too many pictures.
    """
    if request.prompt_choices != "Matrix":
        return request
    size = matrix_size(strip_comments(_styled(request, sources)[0]))
    most = int(limits("count")[1] or 1)
    if size > most:
        parts, possible = size.bit_length(), most.bit_length()
        raise InvalidField(
            [
                FieldProblem(
                    "prompt",
                    f"a matrix of {parts} parts, which is {size} pictures",
                    f"at most {possible} parts: one job has at most {most} pictures",
                )
            ]
        )
    return request.model_copy(update={"count": size})


def count_ways(request: GenerationRequest, sources: WordSources, most: int) -> int | None:
    """How many prompts combinations or a matrix make, `most` at most; None for other choices.

    Raises:
        BadRequest: as `worded`.
    """
    if request.prompt_choices == "Matrix":
        return counted(request, sources).count
    if request.prompt_choices != "Combinatorial":
        return None
    bare = tuple(map(strip_comments, _styled(request, sources)))
    return sum(
        1
        for _ in itertools.islice(
            _every(bare, sources.wildcards.entries(), sources.functions()), most
        )
    )


def worded(request: GenerationRequest, catalog: Catalog, sources: WordSources) -> GenerationRequest:
    """The request with its texts filled in.

    Args:
        request: With count and seed filled in; what its `texts` say is forgotten.
        catalog: Knows LoRAs and embeddings.
        sources: Know styles and wildcards.

    Raises:
        BadRequest: a style, wildcard or LoRA is unknown, or a tag of the prompt cannot be read.
    """
    styled = _styled(request, sources)
    words, chosen = _chosen(request, styled, sources)
    words = [_changed(said, request, index, sources) for index, said in enumerate(words)]
    named = _Named(request, catalog)
    texts = tuple(named.text(said) for said in words)
    if len(set(words)) == 1:
        texts = texts[:1]
    plain = request.model_copy(update={"texts": ()}).text_of(0)
    update: dict[str, object] = {"texts": () if texts == (plain,) else texts}
    if request.prompt_choices != "Off":
        # A second pass has no template of its own; that of the first says that choices were made.
        hires = any(chosen[2:])
        update["template"] = styled[0] if chosen[0] or hires else ""
        update["negative_template"] = styled[1] if chosen[1] else ""
    return request.model_copy(update=update)


def _styled(request: GenerationRequest, sources: WordSources) -> _Words:
    """The request's texts with its styles; an empty prompt of a second pass means the first's."""
    styles = sources.styles.named(request.styles)
    said = []
    for name in TEXTS:
        text = getattr(request, name)
        around = [s.negative_prompt if "negative" in name else s.prompt for s in styles]
        said.append(text if name.startswith("hires") and not text else apply_styles(text, around))
        if len(said[-1]) > MAX_PROMPT_CHARACTERS:
            raise InvalidField(
                [FieldProblem(name, f"{len(said[-1])} characters long with its styles",
                              f"at most {MAX_PROMPT_CHARACTERS} characters")]
            )  # fmt: skip
    return tuple(said)


def _chosen(
    request: GenerationRequest, styled: _Words, sources: WordSources
) -> tuple[Sequence[_Words], Sequence[bool]]:
    """The words of each picture, and which of the texts choices changed.

    A text in which nothing was chosen keeps its comments.
    """
    bare = tuple(map(strip_comments, styled))
    open_ = request.prompt_choices == "Matrix" or any(map(has_choices, bare))
    if request.prompt_choices == "Off" or not open_:
        return [styled] * request.count, [False] * len(TEXTS)
    drawn = list(_drawn(request, bare, sources.wildcards.entries(), sources.functions()))
    changed = [any(said[i] != bare[i] for said in drawn) for i in range(len(TEXTS))]
    kept = [
        tuple(said[i] if changed[i] else styled[i] for i in range(len(TEXTS))) for said in drawn
    ]
    return kept, changed


def _changed(said: _Words, request: GenerationRequest, index: int, sources: WordSources) -> _Words:
    """The words as the extensions of the request want them."""
    prompts = sources.hooks.change_prompts(
        Prompts(**dict(zip(TEXTS, said, strict=True))), request, index
    )
    return tuple(getattr(prompts, name) for name in TEXTS)


def _drawn(
    request: GenerationRequest, bare: _Words, entries: Entries, functions: Functions
) -> Iterator[_Words]:
    if request.prompt_choices == "Combinatorial":
        ways = list(itertools.islice(_every(bare, entries, functions), request.count))
        yield from itertools.islice(itertools.cycle(ways), request.count)
        return
    matrix = request.prompt_choices == "Matrix"
    prompts = matrix_prompts(bare[0]) if matrix else itertools.repeat(bare[0], request.count)
    for index, prompt in enumerate(prompts):
        seed = request.seeds_of(index)[0]
        yield tuple(
            draw_prompt(text, f"{seed} {name.removeprefix('hires_')}", entries, seed, functions)
            for name, text in zip(TEXTS, (prompt, *bare[1:]), strict=True)
        )


def _every(texts: _Words, entries: Entries, functions: Functions) -> Iterator[_Words]:
    """Every way to say some texts, the last one's choices changing first."""
    if not texts:
        yield ()
        return
    for first in every_prompt(texts[0], entries, functions):
        for others in _every(texts[1:], entries, functions):
            yield (first, *others)


class _Named:
    """Looks up what texts name; equal texts once."""

    def __init__(self, request: GenerationRequest, catalog: Catalog) -> None:
        self._loras = request.loras
        steps = passes_of(request, catalog.get(request.model).task if request.model else "text")
        counts = [*zip(steps, (0, steps[0]), strict=False)]
        old = request.old_prompt_timelines
        self._passes = [Pass(i, own, after, old) for i, (own, after) in enumerate(counts) if own]
        self._catalog = catalog
        self._embeddings = catalog.adapters("embedding")
        self._texts: dict[_Words, PictureText] = {}

    def text(self, words: _Words) -> PictureText:
        """A picture's text with its LoRAs and embeddings."""
        if words not in self._texts:
            said = dict(zip(TEXTS, words, strict=True))
            hires = said["hires_prompt"]
            # A second pass with a prompt of its own has its LoRAs alone.
            first = self._passes[:1] if hires else self._passes
            self._texts[words] = PictureText(
                **said,
                loras=self._uses(timed_loras(strip_comments(said["prompt"]), first)),
                hires_loras=(
                    self._uses(timed_loras(strip_comments(hires), self._passes[1:]))
                    if hires
                    else ()
                ),
                embeddings=_embeddings_in(words, self._embeddings),
            )
        return self._texts[words]

    def _uses(self, named: Sequence[TimedLora]) -> tuple[LoraUse, ...]:
        """LoRAs of the field and of the prompt; the weights of one that is named twice add up."""
        uses = list(self._loras)
        for timed in named:
            tag = timed.tag
            adapter = self._catalog.adapter(tag.kind, AdapterId(tag.name)).id
            text_weight = None if tag.text_encoder == tag.unet else tag.text_encoder
            if not timed.never:
                use = parse_lora(
                    adapter, tag.unet, text_weight, tag.rank,
                    blocks=tag.blocks, during=timed.during, kind=tag.kind,
                )  # fmt: skip
                uses.append(use)
        if not named:
            return tuple(uses)
        return _added(uses)


def _added(uses: Sequence[LoraUse]) -> tuple[LoraUse, ...]:
    sums: dict[tuple[object, ...], tuple[LoraUse, float, float]] = {}
    for use in uses:
        same = use.adapter, use.rank, use.blocks, use.during, use.kind
        _, unet, text = sums.get(same, (use, 0.0, 0.0))
        sums[same] = use, unet + use.weight, text + use.weight_of_text
    if len(sums) > MAX_LORAS:
        raise InvalidField(
            [FieldProblem("loras", f"{len(sums)} LoRAs, those of the prompt included",
                          f"at most {MAX_LORAS}")]
        )  # fmt: skip
    return tuple(
        parse_lora(
            use.adapter,
            unet,
            None if text == unet else text,
            use.rank,
            blocks=use.blocks,
            during=use.during,
            kind=use.kind,
        )
        for use, unet, text in sums.values()
    )


def _embeddings_in(words: _Words, known: Sequence[AdapterInfo]) -> tuple[AdapterId, ...]:
    """Embeddings that any text names; of two files of one name the first."""
    by_name: dict[str, AdapterInfo] = {}
    for info in known:
        by_name.setdefault(info.name.lower(), info)
    found = names_in(" ".join(words), by_name)
    return tuple(by_name[name].id for name in found)[:MAX_EMBEDDINGS]
