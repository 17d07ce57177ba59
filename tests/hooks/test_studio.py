"""The extensions of the studio process: loaded, asked and taken out again."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from webui.contracts.access import Prompts
from webui.contracts.drafts import PROBLEMS, PictureDraft, TextChunk
from webui.contracts.errors import BadExtension, HookFailed, InvalidField
from webui.contracts.events import JobChanged, JobStepped
from webui.contracts.extension import HookFailure
from webui.contracts.ids import JobId, PictureId
from webui.contracts.job import Job, JobState
from webui.contracts.request import GenerationRequest, parse_request
from webui.hooks.builtin import BUILTIN
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.specs import hookimpl
from webui.hooks.studio import StudioExtensions

_DRAFT = PictureDraft(PictureId("p"), JobId("j"), 0, GenerationRequest(prompt="a boat", seed=7), 0)

STUDIO = """
from webui.contracts.access import Prompts
from webui.contracts.choices import SamplerInfo
from webui.hooks.specs import hookimpl

@hookimpl
def samplers():
    return [SamplerInfo("Straight", (), "Karras", False, 1)]

@hookimpl
def schedules():
    return {"Even": "Evenly spaced"}

@hookimpl
def change_request(request, arguments):
    return request.model_copy(update={"steps": arguments.steps}) if arguments.steps else None

@hookimpl
def change_prompts(prompts, index, arguments):
    return Prompts(f"{prompts.prompt}, picture {index}", prompts.negative_prompt)
"""
ARGUMENTS = """
from pydantic import BaseModel, Field

class Model(BaseModel):
    steps: int = Field(0, ge=0, le=5000)
    colour: str = "blue"
"""


@pytest.fixture
def studio() -> StudioExtensions:
    made = StudioExtensions(HookHost())
    made.settled.set()
    return made


@pytest.fixture
def book(studio: StudioExtensions, tmp_path: Path) -> StudioExtensions:
    folder = write_extension(tmp_path, "book", studio=STUDIO, arguments=ARGUMENTS)
    studio.load(read_manifest(folder))
    return studio


def _request(**fields: object) -> GenerationRequest:
    return parse_request({"prompt": "a boat", **fields})


def test_what_it_offers_is_there_and_goes_with_it(book: StudioExtensions) -> None:
    assert (book.choices("sampler"), book.choices("hires_sampler")) == (("book/Straight",),) * 2
    assert (book.choices("schedule"), book.choices("steps")) == (("book/Even",), ())
    assert "easel_extensions.book.studio" in sys.modules
    book.unload("book")
    assert (book.choices("sampler"), dict(book.offers)) == ((), {})
    assert [name for name in sys.modules if name.startswith("easel_extensions.book")] == []


def test_an_order_that_names_it_is_changed_and_its_arguments_are_made_complete(
    book: StudioExtensions,
) -> None:
    changed = book.change_request(_request(extensions={"book": {"steps": 9}}))
    assert (changed.steps, changed.extensions) == (9, {"book": {"steps": 9, "colour": "blue"}})
    said = book.change_prompts(Prompts("a", "b"), changed, 2)
    assert said == Prompts("a, picture 2", "b")
    plain = _request()
    assert book.change_request(plain) is plain
    assert book.change_prompts(said, plain, 0) is said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"extensions": {"gone": {}}},
            "extensions.gone is asked for, expected an extension in use; in use are book; the Extensions tab says why",
        ),
        ({"extensions": {"book": {"steps": -1}}}, "extensions.book.steps is -1, expected greater"),
        (
            {"extensions": {"book": {"size": 1}}},
            "extensions.book.size is 1, expected no such argument",
        ),
        ({"sampler": "book/Crooked"}, "sampler is 'book/Crooked', expected what an extension"),
        ({"sampler": "gone/Straight"}, "'gone' offers none"),
    ],
)
def test_an_order_that_names_what_is_not_there_is_refused(
    book: StudioExtensions, fields: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        book.change_request(_request(**fields))
    assert said in str(caught.value)


def test_a_changed_order_is_checked_as_if_it_had_come_in(book: StudioExtensions) -> None:
    with pytest.raises(HookFailed, match=r"'book' failed when .* steps is 4000, expected"):
        book.change_request(_request(extensions={"book": {"steps": 4000}}))


def test_an_offer_of_an_extension_is_taken(book: StudioExtensions) -> None:
    request = _request(sampler="book/Straight", schedule="book/Even", hires_sampler="book/Straight")
    assert book.change_request(request) == request


def test_those_that_conflict_are_not_used_together(book: StudioExtensions, tmp_path: Path) -> None:
    rival = write_extension(tmp_path, "rival", studio="", conflicts=["book"])
    with pytest.raises(BadExtension, match=r"'rival' cannot be used beside 'book'"):
        book.load(read_manifest(rival))
    assert list(book.offers) == ["book"]


class _Chunks:
    def __init__(self, given: object) -> None:
        self.given = given

    @hookimpl
    def picture_metadata(self) -> object:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


@pytest.mark.parametrize(
    "given",
    [
        3, ["text"], [TextChunk("", "x")], [TextChunk("k" * 80, "x")], [TextChunk("船", "x")],
        RuntimeError("no words"),
    ],
)  # fmt: skip
def test_texts_that_a_png_cannot_hold_are_left_out_and_the_picture_says_so(
    studio: StudioExtensions, given: object
) -> None:
    studio.host.register(_Chunks([TextChunk("word", "w")]), "good")
    studio.host.register(_Chunks(given), "odd")
    chunks = {chunk.keyword: chunk.text for chunk in studio.picture_metadata(_DRAFT)}
    assert set(chunks) == {"word", PROBLEMS}
    assert "odd" in chunks[PROBLEMS]


def test_the_first_text_of_a_keyword_stays_and_none_is_fine(studio: StudioExtensions) -> None:
    for name, given in (("one", "1"), ("two", "2")):
        studio.host.register(_Chunks([TextChunk("word", given)]), name)
    studio.host.register(_Chunks(None), "quiet")
    assert studio.picture_metadata(_DRAFT) == (TextChunk("word", "1"),)


def test_easels_own_extensions_fit(studio: StudioExtensions) -> None:
    for name, module in BUILTIN:
        studio.host.register(module, name)
    named = (
        "easel.png_metadata",
        "easel.file_names",
        "easel.prompt_axes",
        "easel.prompt_functions",
    )
    assert studio.host.extensions() == named
    assert {c.keyword for c in studio.picture_metadata(_DRAFT)} == {"parameters", "easel"}
    assert studio.picture_file_name(_DRAFT).name.endswith("-7-p")


ASKED = """
import sys
import time
from webui.hooks.specs import hookimpl

@hookimpl
def {hook}():
    {act}
"""
_NEW = ("upscalers", "palettes", "families")


@pytest.mark.parametrize("hook", _NEW)
def test_one_that_never_says_what_it_offers_is_refused_and_then_at_once(
    studio: StudioExtensions, tmp_path: Path, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.hooks.studio.OFFER_SECONDS", 0.2)
    code = ASKED.format(hook=hook, act="while True:\n        time.sleep(0.01)")
    manifest = read_manifest(write_extension(tmp_path, f"endless_{hook}", studio=code))
    with pytest.raises(BadExtension, match=r"did not come to an end within 0\.2 s"):
        studio.load(manifest)
    monkeypatch.setattr("webui.hooks.studio.OFFER_SECONDS", 20)
    with pytest.raises(BadExtension, match="an earlier call of it still goes on"):
        studio.load(manifest)
    assert dict(studio.offers) == {}
    assert studio.host.extensions() == ()


@pytest.mark.parametrize("hook", _NEW)
def test_one_that_swaps_modules_when_it_is_asked_is_refused_and_they_are_put_back(
    studio: StudioExtensions, tmp_path: Path, hook: str
) -> None:
    code = ASKED.format(hook=hook, act="sys.modules['json'] = None")
    with pytest.raises(BadExtension, match=r"replaced or removed modules of the program \(json\)"):
        studio.load(read_manifest(write_extension(tmp_path, "swaps", studio=code)))
    assert sys.modules["json"] is json
    assert dict(studio.offers) == {}


@pytest.mark.parametrize("hook", _NEW)
def test_one_that_is_slow_to_say_what_it_offers_is_named(tmp_path: Path, hook: str) -> None:
    studio = StudioExtensions(HookHost(budget_seconds=0.01))
    code = ASKED.format(hook=hook, act="time.sleep(0.05)")
    studio.load(read_manifest(write_extension(tmp_path, "slow", studio=code)))
    assert [(f.hook, f.kind) for f in studio.host.failures()] == [(hook, "slow")]


PASTED = """
from webui.contracts.access import Pasted
from webui.hooks.specs import hookimpl

@hookimpl
def pasted(others):
    said = others.get("Book steps")
    return {answer}
"""
_FITS = 'None if said is None else Pasted({"steps": int(said)}, ("Book steps", "Never there"))'


def _reads(studio: StudioExtensions, folder: Path, answer: str, name: str = "book") -> None:
    code = PASTED.format(answer=answer)
    studio.load(read_manifest(write_extension(folder, name, studio=code, arguments=ARGUMENTS)))


def test_what_a_pasted_text_tells_it_is_complete_and_its_keys_are_understood(
    studio: StudioExtensions, tmp_path: Path
) -> None:
    _reads(studio, tmp_path, _FITS)
    told = {"Book steps": "9", "Other": "1"}
    arguments, keys = studio.pasted(told)
    assert arguments == {"book": {"steps": 9, "colour": "blue"}}
    assert keys == {"Book steps"}
    assert studio.pasted({"Other": "1"}) == ({}, frozenset())
    studio.unload("book")
    assert studio.pasted(told) == ({}, frozenset())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("3", "a Pasted was expected"),
        ('Pasted({"steps": -1})', "extensions.book.steps is -1"),
        ('Pasted({"size": 1})', "no such argument"),
        ("1 / 0", "division by zero"),
    ],
)
def test_what_it_cannot_read_is_left_out_and_named(
    studio: StudioExtensions, tmp_path: Path, answer: str, said: str
) -> None:
    _reads(studio, tmp_path, answer)
    _reads(studio, tmp_path, _FITS, "other")
    assert set(studio.pasted({"Book steps": "9"})[0]) == {"other"}
    (failure,) = studio.host.failures()
    assert (failure.extension, failure.hook) == ("book", "pasted")
    assert said in failure.message


class _Hears:
    @hookimpl
    def job_stepped(self, step: int) -> None:
        raise RuntimeError(f"not step {step}")


def test_a_picture_names_what_failed_to_hear_of_it(studio: StudioExtensions) -> None:
    """Of its own job: nothing from before it began, nor from after another one did."""
    studio.host.register(_Hears(), "noisy")
    job = Job(_DRAFT.job_id, _DRAFT.request, JobState.RUNNING, 0, 3, None, 1, 0.0, 0.0, None)
    step = JobStepped(job.id, 1, 3, None, None, 0)
    studio.observe(step)
    assert studio.host.settle()
    studio.observe(JobChanged(job))
    assert studio.picture_metadata(_DRAFT) == ()
    studio.observe(step)
    assert studio.host.settle()
    far = HookFailure("far", "step_taken", "RuntimeError: no", process="worker")
    slow = HookFailure("slow", "step_taken", "A call took 2 s.", kind="slow")
    asked = HookFailure("other", "change_picture", "RuntimeError: no")
    for failure in (far, slow, asked):
        studio.host.log.add(failure)
    (chunk,) = studio.picture_metadata(_DRAFT)
    assert chunk.keyword == PROBLEMS
    assert (
        "only hear of it: noisy (job_stepped), far (step_taken); it is as it would be" in chunk.text
    )
    later = replace(_DRAFT, job_id=JobId("later"))
    studio.observe(JobChanged(replace(job, id=later.job_id)))
    assert studio.picture_metadata(later) == ()
    studio.observe(JobChanged(replace(job, state=JobState.DONE)))
    assert studio.picture_metadata(_DRAFT) == ()
