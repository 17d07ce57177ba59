"""Lists of prompts: a job for each line, or none of any where one is wrong."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from webui.contracts.batch import Batch
from webui.contracts.choices import find_sampler
from webui.contracts.errors import BadRequest, EaselError
from webui.contracts.ids import BatchId, new_batch_id
from webui.contracts.job import Job
from webui.contracts.parameters.drawing import MAX_SEED
from webui.contracts.prompt_list import MAX_LIST_JOBS, MAX_ROUNDS, Place, PromptList
from webui.contracts.request import PARAMETERS, GenerationRequest, parse_request
from webui.prompt.lines import PROMPTS, BadLine, Line, lines_of
from webui.services.catalog import Catalog
from webui.services.jobs import JobService
from webui.services.model_names import model_called

MAX_REASONS = 5
"""Lines of an order that are named as wrong."""
ROUNDS = "n_iter"
_THEIRS = {
    "cfg_scale": "guidance_scale", "subseed": "variation_seed", "subseed_strength": "variation_strength",
    "seed_resize_from_w": "seed_width", "seed_resize_from_h": "seed_height", "batch_size": "count",
    "sampler_name": "sampler", "sampler_index": "sampler", "sd_model": "model",
}  # fmt: skip
"""AUTOMATIC1111's names of our fields, where they differ."""
_MEANINGLESS = (
    "outpath_samples", "outpath_grids", "prompt_for_display", "do_not_save_samples", "do_not_save_grid",
)  # fmt: skip
"""Its names that change no picture."""
_FACES = "restore_faces"
_NOT_OF_A_LINE = ("batch", "source_name", "plot", "texts", "image", "mask")
_SEEDS = ("seed", "variation_seed")


class PromptLists:
    """Orders lists of prompts."""

    def __init__(
        self, jobs: JobService, catalog: Catalog, draw: Callable[[int], int] = secrets.randbelow
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._draw = draw

    def submit(self, order: PromptList) -> Batch:
        """Queue all jobs of a list, or none.

        Raises:
            BadRequest: a line cannot be drawn; the message names it with its number and the reason.
        """
        lines = lines_of(order.lines)
        if not lines:
            raise BadRequest("The list has no lines; a prompt a line was expected.")
        batch = BatchId(order.request.batch) if order.request.batch else new_batch_id()
        common, checked, wrong = self._common(order), list[Job](), list[str]()
        for place, line in enumerate(lines):
            try:
                for request in self._requests(line, place, {**common, "batch": batch}, order):
                    checked.append(self._jobs.check(request))
            except (BadLine, EaselError) as error:
                wrong.append(f"Line {line.number} {_reason(error)}")
            if len(checked) > MAX_LIST_JOBS:
                raise BadRequest(
                    f"The list is of more than {MAX_LIST_JOBS} jobs; divide it, for no more are taken at a time."
                )
        if wrong:
            raise BadRequest(_told(wrong))
        return Batch(batch, self._jobs.queue_all(checked), ())

    def _common(self, order: PromptList) -> Mapping[str, Any]:
        """What all have in common; what nobody said is left unsaid, so that the model's own holds."""
        said = order.request.model_dump(
            mode="json", exclude_unset=True, exclude={"plot", "texts", "batch"}
        )
        return said if order.seeds == "own" else {**said, **self._drawn(order.request)}

    def _requests(
        self, line: Line, place: int, common: Mapping[str, Any], order: PromptList
    ) -> Iterator[GenerationRequest]:
        """The requests of a line: one, or one for each of its rounds."""
        settings = dict(line.settings())
        rounds = _rounds(settings.pop(ROUNDS, str(order.rounds)))
        own: dict[str, Any] = {}
        for name, value in settings.items():
            own |= self._fields(name, value)
        own |= {n: _joined(common.get(n, ""), own[n], order.place) for n in PROMPTS if n in own}
        request = parse_request({**common, **own})
        if order.seeds == "next" and "seed" not in own:
            moved = request.seed + place * order.request.count * order.rounds
            request = request.model_copy(update={"seed": moved % (MAX_SEED + 1)})
        yield request
        request = request.model_copy(update=self._drawn(request))
        for i in range(1, rounds):
            seed, variation = request.seeds_of(i * request.count)
            yield request.model_copy(update={"seed": seed, "variation_seed": variation})

    def _drawn(self, request: GenerationRequest) -> dict[str, int]:
        """Seeds that were left to chance."""
        return {n: self._draw(MAX_SEED + 1) for n in _SEEDS if getattr(request, n) == -1}

    # Any: values, which the request checks.
    def _fields(self, name: str, value: str) -> dict[str, Any]:
        """A setting as fields of a request; none of one that changes no picture."""
        if name in _MEANINGLESS or (name == _FACES and value.lower() != "true"):
            return {}
        field = _THEIRS.get(name, name)
        if field not in PARAMETERS or field in _NOT_OF_A_LINE:
            raise BadLine(
                f"has the unknown setting --{name[:100]}; a field of a request, or one that AUTOMATIC1111's script knows, "
                "was expected"
            )
        if field == "model":
            return {field: model_called(value, self._catalog) or value}
        if field == "styles":
            return {field: [style.strip() for style in value.split(",") if style.strip()]}
        if field == "sampler" and (found := find_sampler(value)) is not None:
            info, schedule = found
            return {field: info.name, **({} if schedule is None else {"schedule": schedule})}
        return {field: value}


def _rounds(said: str) -> int:
    if said.isdecimal() and 1 <= int(said) <= MAX_ROUNDS:
        return int(said)
    raise BadLine(
        f"has --{ROUNDS} {said[:100]!r}; a whole number from 1 to {MAX_ROUNDS} was expected"
    )


def _joined(common: str, own: str, place: Place) -> str:
    """A line's prompt beside the common one, with a space between as AUTOMATIC1111 has it, or alone."""
    if place == "instead":
        return own
    both = (own, common) if place == "start" else (common, own)
    return " ".join(text for text in both if text)


def _reason(error: Exception) -> str:
    return f"{error}." if isinstance(error, BadLine) else f"cannot be drawn: {error}"


def _told(wrong: Sequence[str]) -> str:
    more = len(wrong) - MAX_REASONS
    rest = [f"{more} more are wrong."] if more > 0 else []
    return " ".join(["Nothing was ordered.", *wrong[:MAX_REASONS], *rest])
