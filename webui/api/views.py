"""The shapes of the answers: what a client sees of a job, a picture, a model."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from webui.contracts.adapter import AdapterInfo, AdapterKind
from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.job import Job, JobState, Picture
from webui.contracts.request import GenerationRequest

PREFIX = "/api/v1"

_EXAMPLE_PICTURE: JsonDict = {
    "id": "Qm3xq0X9d8aTz1bC", "url": "/api/v1/pictures/Qm3xq0X9d8aTz1bC",
    "thumbnail": "/api/v1/pictures/Qm3xq0X9d8aTz1bC/thumbnail", "job": "s1Lk3jJp0cVf9aQe",
    "index": 0, "seed": 7, "width": 128, "height": 128, "created": 1767225602.5,
}  # fmt: skip


class View(BaseModel):
    """Base of the answers: nothing but the declared fields leaves."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


Shown = TypeVar("Shown", bound=View)


# Any: whatever a service hands out, and what a field is.
def shown(view: type[Shown], source: object, **others: Any) -> Shown:
    """A view of something whose fields have the same names, but for those that are given."""
    names = (name for name in view.model_fields if name not in others)
    return view(**{name: getattr(source, name) for name in names}, **others)


class PictureView(View):
    """A finished picture."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE_PICTURE})

    id: str
    url: str = Field(description="Where its file is.")
    thumbnail: str = Field(description="Where a small WebP is; ?size=256 sets its longer side.")
    job: str = Field(description="The job that made it.")
    index: int = Field(description="0-based place within its job.")
    seed: int
    width: int
    height: int
    created: float = Field(description="Seconds since the epoch.")
    batch: str = Field("", description="The batch of its job; empty without one.")


class JobView(View):
    """A snapshot of a job."""

    id: str
    state: JobState
    step: int = Field(description="Denoising steps done, over all its pictures.")
    steps: int = Field(description="Denoising steps to do, over all its pictures.")
    error: str | None = Field(description="A sentence, when failed.")
    note: str | None = Field(description="What is not as asked, such as a prompt that was cut.")
    place: int | None = Field(description="Jobs before it, when queued; 0 is next.")
    request: GenerationRequest = Field(description="Complete: model, size and seed are filled in.")
    pictures: tuple[PictureView, ...]
    created: float
    started: float | None
    finished: float | None


class PriorityView(View):
    """When a job shall have its turn."""

    priority: str = Field(description="'Low', 'Normal', 'High' or 'Live'.")


class ModelView(View):
    """An installed checkpoint."""

    id: str
    title: str
    family: str
    bytes: int
    parameters: int
    dtype: str
    prediction: str
    native_width: int
    native_height: int
    description: str
    task: Task = Field(description="What it was made for; all but 'text' want more than a prompt.")
    classes: tuple[str, ...] = Field(
        description="What a class map's values, boxes and `class_label` may name."
    )
    reads_text: bool = Field(description="Whether a prompt tells it anything.")
    takes_noise: bool = Field(description="Whether it can be told of noise_augmentation.")
    defaults: dict[str, str | int | float] = Field(
        description="Fields that suit it, taken where a request is silent."
    )


class AdapterView(View):
    """An installed controlnet, LoRA or embedding.

    `id` is what `controls` and `loras` take; a prompt names an embedding by the last part of it.
    """

    id: str
    kind: AdapterKind
    title: str
    bytes: int
    reads: str = Field(
        description="What picture a controlnet wants: 'edges', 'classes', an IP-Adapter's 'look', or open."
    )
    kinds: tuple[str, ...] = Field(
        description="What pictures a union controlnet reads; else empty."
    )
    vectors: int = Field(description="Places that an embedding takes in a prompt.")
    description: str
    base: str = Field(description="What kind of model a LoRA is made for, such as 'SDXL'; or open.")
    text_width: int = Field(description="Width of the text tokens of these models; 0 is unknown.")
    trigger_words: tuple[str, ...] = Field(description="What its author says to write for it.")
    tags: tuple[str, ...] = Field(description="The most frequent words of its training.")
    training: tuple[tuple[str, str], ...] = Field(description="Facts of its training, by title.")
    hash: str = Field(
        description="sha256 of its tensors where its header states it; AUTOMATIC1111 shows 12 digits."
    )


class PromptProblemView(View):
    """A piece of a prompt that is not what was meant."""

    start: int = Field(description="Place of its first character.")
    end: int = Field(description="Place after its last.")
    sentence: str


class PromptReadingView(View):
    """What is known of a prompt."""

    places: int | None = Field(
        description="Places that it takes, rows that end early counted whole; null where the model "
        "counts none."
    )
    room: int | None = Field(description="Places in the rows that it takes: 75, 150, ...")
    cut: int = Field(description="Tokens too many, which are not read.")
    problems: tuple[PromptProblemView, ...]
    drawn: str | None = Field(
        description="What it becomes with its styles and choices, where it has any."
    )


class PromptsView(View):
    """What is known of an order's prompts."""

    prompt: PromptReadingView
    negative_prompt: PromptReadingView
    hires_prompt: PromptReadingView
    hires_negative_prompt: PromptReadingView
    ways: int | None = Field(
        description="How many prompts a matrix or all combinations are, 1000 at most; else null."
    )


class WordsView(View):
    """Names that a prompt may use."""

    loras: tuple[str, ...]
    embeddings: tuple[str, ...]
    styles: tuple[str, ...]
    wildcards: tuple[str, ...]
    hypernetworks: tuple[str, ...]


class StyleView(View):
    """Saved words; where a text has `{prompt}` in it, the user's own goes there."""

    name: str
    prompt: str = ""
    negative_prompt: str = ""


class WaitingControlView(View):
    """A control without its picture, which is in no text."""

    adapter: str
    weight: float
    start: float
    end: float
    mode: str
    resize_mode: str
    preprocessor: str = Field(
        description="What POST /preprocess makes its picture with; empty where it is ready."
    )
    settings: dict[str, float]


class ParametersReadView(View):
    """What a text or a picture from elsewhere tells of how it was made."""

    fields: dict[str, Any] = Field(description="For a request; what is not there is not told.")
    notes: tuple[str, ...] = Field(description="Sentences: what is missing here.")
    others: dict[str, str] = Field(description="Keys that mean nothing here, as they are written.")
    waiting_controls: tuple[WaitingControlView, ...] = Field(
        description="Controls that a text told: with an `image`, and without `preprocessor` and "
        "`settings`, each is an entry of `controls`."
    )


class SamplerView(View):
    """A sampler, by the name that `sampler` takes."""

    name: str
    aliases: tuple[str, ...]
    automatic_schedule: str
    stochastic: bool


class ScheduleView(View):
    """A noise schedule, by the name that `schedule` takes."""

    name: str
    description: str


class GuidanceMethodView(View):
    """A guidance method, by the name that `guidance_method` takes."""

    name: str
    description: str


class ImageView(View):
    """An uploaded image; `id` is what `image`, `mask` and the others in a request take."""

    id: str
    width: int
    height: int


class ImageIdView(View):
    """The id under which a picture can be used as a start image."""

    id: str


class ParametersView(View):
    """What a picture was made with."""

    request: GenerationRequest
    infotext: str = Field(description="The same in AUTOMATIC1111's notation.")
    chosen: tuple[str, ...] = Field(
        description="Fields of the request that are not as they are where they are left open."
    )
    notes: tuple[str, ...] = Field(description="Sentences on what of it is not here any more.")


class WorkerView(View):
    """How the worker process is."""

    state: str
    device: str
    detail: str
    resident_bytes: int
    pid: int | None


class HealthView(View):
    """Whether the studio works, for monitors and for the page's header."""

    status: str
    version: str
    worker: WorkerView
    """All of them as one: ready as soon as one is."""
    workers: list[WorkerView]
    """One a device."""
    queued: int
    running: int
    paused: bool = Field(description="Whether jobs that wait are held back.")


class ProblemView(View):
    """What is wrong with one field."""

    field: str
    value: str
    expected: str


class ErrorView(View):
    """Every error of the API has this form."""

    error: str = Field(description="A sentence: what happened, what was expected, what to do.")
    problems: tuple[ProblemView, ...] = Field(
        (), description="Field by field, where it is about fields."
    )


def picture_view(picture: Picture) -> PictureView:
    """As clients see it."""
    url = f"{PREFIX}/pictures/{picture.id}"
    return PictureView(
        id=picture.id,
        url=url,
        thumbnail=f"{url}/thumbnail",
        job=picture.job_id,
        index=picture.index,
        seed=picture.seed,
        width=picture.width,
        height=picture.height,
        created=picture.created,
        batch=picture.batch,
    )


def job_view(job: Job) -> JobView:
    """As clients see it."""
    return JobView(
        id=job.id,
        state=job.state,
        step=job.step,
        steps=job.steps,
        error=job.error,
        note=job.note,
        place=job.place,
        request=job.request,
        pictures=tuple(picture_view(picture) for picture in job.pictures),
        created=job.created,
        started=job.started,
        finished=job.finished,
    )


def model_view(model: CheckpointInfo) -> ModelView:
    """As clients see it; where its files lie is nobody's business."""
    return shown(ModelView, model, defaults=dict(model.defaults))


def adapter_view(adapter: AdapterInfo) -> AdapterView:
    """As clients see it."""
    return shown(AdapterView, adapter)
