"""Which extensions are in use, told at once and kept; and a hostile set that stops nothing."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hooks.hostile import REFUSED, SWITCHED_OFF, write_hostile
from tests.hooks.writing import write_extension
from tests.workers.listening import SECONDS, eventually
from webui.app import Studio, build_studio
from webui.contracts.errors import HookFailed, InvalidField, NotFound
from webui.contracts.job import Job, JobState
from webui.contracts.messages import ExtensionFailed, UseExtensions
from webui.contracts.palettes import WORLD, palette_of, palettes
from webui.contracts.request import GenerationRequest
from webui.contracts.settings import Settings
from webui.services.extension_state import ExtensionState

HEARS = """
from webui.hooks.specs import hookimpl

@hookimpl
def studio_started(access):
    (access.folder / "told").write_text("started")

@hookimpl
def studio_stopped():
    pass
"""


def _studio(folder: Path) -> Studio:
    made = build_studio(Settings(data_dir=folder, fake=True, repository=folder))
    made.start()
    return made


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """With one extension, which is not enabled."""
    write_extension(tmp_path / "extensions", "hears", studio=HEARS, worker="")
    made = _studio(tmp_path)
    yield made
    made.stop()


def _draw(studio: Studio, **fields: object) -> Job:
    from tests.test_app import finish

    request = GenerationRequest.model_validate(
        {"prompt": "a boat", "seed": 7, "steps": 2, **fields}
    )
    job = studio.context.jobs.submit(request)
    finish(studio, job.id)
    return studio.context.jobs.get(job.id)


def _bytes(studio: Studio, job: Job) -> bytes:
    from PIL import Image

    assert (job.state, job.error) == (JobState.DONE, None)
    with Image.open(studio.context.gallery.path(job.pictures[0].id)) as image:
        return image.tobytes()


def test_what_is_there_is_not_in_use_until_it_is_enabled(studio: Studio) -> None:
    service = studio.context.extensions
    (status,) = service.statuses()
    assert (status.name, status.enabled, status.in_use) == ("hears", False, False)
    assert service.worker_command() == UseExtensions({})
    assert "easel_extensions.hears.studio" not in sys.modules


def test_enabling_is_at_once_and_kept_and_disabling_takes_all_out(
    studio: Studio, tmp_path: Path
) -> None:
    service = studio.context.extensions
    assert service.enable("hears").in_use
    assert service.worker_command() == UseExtensions({"hears": str(tmp_path / "extensions/hears")})
    assert service.studio.host.settle()
    assert (tmp_path / "outputs/.extensions/hears/told").read_text() == "started"
    assert ExtensionState(tmp_path).enabled() == ("hears",)
    _draw(studio, extensions={"hears": {}})
    service.enable("hears", wanted=False)
    assert (service.statuses()[0].enabled, ExtensionState(tmp_path).enabled()) == (False, ())
    assert service.worker_command() == UseExtensions({})
    with pytest.raises(InvalidField, match=r"extensions\.hears"):
        _draw(studio, extensions={"hears": {}})


def test_why_one_could_not_be_used_is_told_before_it_is_enabled(
    studio: Studio, tmp_path: Path
) -> None:
    code = "raise RuntimeError('run')\nfrom webui.hooks.specs import hookimpl\n"
    code += (
        "@hookimpl\ndef change_prompts(words): ...\n\n@hookimpl\ndef change_latent(latent): ...\n"
    )
    folder = tmp_path / "extensions"
    write_extension(folder, "odd", studio=code, needs=["torch==1.0"], conflicts=["hears"])
    studio.context.extensions.enable("hears")
    text = " ".join(studio.context.extensions.status("odd").problems)
    assert "cannot be used beside 'hears'" in text
    assert "'odd' needs torch==1.0" in text
    assert "change_prompts takes 'words'; known are prompts, request, index, arguments" in text
    assert "change_latent is called in the worker process" in text
    assert studio.context.extensions.status("hears").problems == ()


def test_it_is_in_use_again_after_the_next_start(tmp_path: Path) -> None:
    write_extension(tmp_path / "extensions", "hears", studio=HEARS)
    first = _studio(tmp_path)
    first.context.extensions.enable("hears")
    first.stop()
    second = _studio(tmp_path)
    assert second.context.extensions.status("hears").in_use
    second.stop()


def test_one_that_is_gone_is_named_and_may_be_disabled(studio: Studio, tmp_path: Path) -> None:
    service = studio.context.extensions
    with pytest.raises(NotFound):
        service.enable("nothing")
    ExtensionState(tmp_path).enable("nothing", wanted=True)
    service.start()
    assert "It is not there any more" in service.status("nothing").problems[0]
    assert not service.enable("nothing", wanted=False).enabled


def test_what_fails_in_the_worker_is_listed_with_its_process(studio: Studio) -> None:
    service = studio.context.extensions
    service.worker_failed(
        ExtensionFailed("hears", "change_latent", "ValueError: x", "tr", "failed")
    )
    (failure,) = service.status("hears").failures
    assert (failure.process, failure.hook, failure.trace) == ("worker", "change_latent", "tr")


def test_one_that_does_not_come_back_in_the_worker_is_switched_off_with_the_reason(
    studio: Studio, tmp_path: Path
) -> None:
    service = studio.context.extensions
    service.enable("hears")
    told = list[UseExtensions]()
    service.on_change.append(lambda: told.append(service.worker_command()))
    service.worker_failed(ExtensionFailed("hears", "change_latent", "It hangs.", "tr", "endless"))
    status = service.status("hears")
    assert (status.enabled, status.in_use, status.problems) == (False, False, ("It hangs.",))
    assert [failure.kind for failure in status.failures] == ["endless"]
    assert ExtensionState(tmp_path).enabled() == ()
    assert told == [UseExtensions({})]
    assert service.enable("hears").problems == ()


def test_a_damaged_list_enables_nothing(tmp_path: Path) -> None:
    state = ExtensionState(tmp_path)
    state.enable("book", wanted=True)
    assert ExtensionState(tmp_path).enabled() == ("book",)
    (tmp_path / "extensions.json").write_text("{")
    assert state.enabled() == ()


WORDS = """
import time
from pathlib import Path
from webui.hooks.specs import hookimpl

@hookimpl
def {0}(arguments):
    while {1}:
        try:
            time.sleep(0.01)
        except {2}:
            pass
"""
GOES_ON = "not Path(__file__).with_name('over').exists()"
NO_ARGUMENTS = "from pydantic import BaseModel\n\nclass Model(BaseModel):\n    pass\n"


@pytest.mark.parametrize("hook", ["change_metadata", "picture_file_name", "picture_metadata"])
def test_a_hook_that_the_dispatcher_waits_for_costs_its_own_job_alone(
    studio: Studio, tmp_path: Path, hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.hooks.patience.DISPATCHER_SECONDS", 0.5)
    service, folder = studio.context.extensions, tmp_path / "extensions"
    code = WORDS.format(hook, GOES_ON, "BaseException")
    if hook != "change_metadata":
        code = code.replace("(arguments)", "()")
    write_extension(folder, "mute", studio=code, arguments=NO_ARGUMENTS)
    service.enable("mute")
    named = GenerationRequest(prompt="a boat", seed=7, steps=2, extensions={"mute": {}})
    held = studio.context.jobs.submit(named)
    beside = _draw(studio)
    held = studio.context.jobs.get(held.id)
    assert beside.state is JobState.DONE
    if hook == "picture_metadata":  # everyone is asked, and nobody has to answer
        assert held.state is JobState.DONE
    else:
        assert held.state is JobState.FAILED
        assert f"The extension 'mute' did not come back from {hook} within 0.5 s. It was" in str(
            held.error
        )
    status = service.status("mute")
    assert (status.enabled, status.in_use) == (False, False)
    assert f"did not come back from {hook}" in status.problems[0]
    (failure,) = [each for each in status.failures if each.kind == "endless"]
    assert (failure.process, failure.hook) == ("studio", hook)
    assert re.search(rf'mute.studio\.py", line \d+, in {hook}\n', failure.trace)
    assert "an earlier call of it still goes on" in service.enable("mute").problems[0]
    monkeypatch.setattr("webui.hooks.patience.DISPATCHER_SECONDS", SECONDS)
    write_extension(folder, "mute", studio=code.replace("while not", "while False and not"))
    assert service.enable("mute").in_use
    assert _draw(studio, extensions={"mute": {}}).state is JobState.DONE
    (folder / "mute" / "over").touch()


def test_an_order_that_waits_for_a_hook_in_vain_is_refused_with_its_name(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.hooks.patience.HOOK_SECONDS", 0.3)
    code = WORDS.format("change_request", True, "OSError")
    write_extension(tmp_path / "extensions", "deaf", studio=code, arguments=NO_ARGUMENTS)
    studio.context.extensions.enable("deaf")
    with pytest.raises(
        HookFailed, match=r"'deaf' did not come back from change_request within 0\.3"
    ):
        _draw(studio, extensions={"deaf": {}})
    assert not studio.context.extensions.status("deaf").enabled
    eventually(
        lambda: not _goes_on("deaf")
    )  # it could be ended, so the same code may be tried again
    assert studio.context.extensions.enable("deaf").in_use
    studio.context.extensions.enable("deaf", wanted=False)
    with pytest.raises(InvalidField, match=r"extensions\.deaf"):
        _draw(studio, extensions={"deaf": {}})


def _goes_on(extension: str) -> bool:
    """Whether any thread runs code of an extension."""
    frames = list(sys._current_frames().values())
    names = [str(frame.f_globals.get("__name__")) for frame in frames]
    return any(name.startswith(f"easel_extensions.{extension}") for name in names)


def test_a_hostile_set_is_named_one_by_one_and_pictures_are_as_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.hooks.host.BUDGET_SECONDS", 1.5)
    monkeypatch.setattr("webui.hooks.patience.DISPATCHER_SECONDS", 2)
    monkeypatch.setattr("webui.hooks.loading.IMPORT_SECONDS", 3)
    plain = _studio(tmp_path / "plain")
    wanted = _bytes(plain, _draw(plain))
    plain.stop()
    state = ExtensionState(tmp_path / "hostile")
    for name in write_hostile(tmp_path / "hostile/extensions"):
        state.enable(name, wanted=True)
    studio = _studio(tmp_path / "hostile")
    assert _bytes(studio, _draw(studio)) == wanted
    service = studio.context.extensions
    eventually(
        lambda: service.status("for_ever").failures != ()
    )  # once it takes longer than a call may
    heard = {"job_changed", "picture_saved"}  # each observer hears in its own time
    eventually(lambda: heard <= {f.hook for f in service.status("every_hook").failures})
    statuses = {status.name: status for status in service.statuses()}
    refused = {name for name, status in statuses.items() if status.problems}
    assert refused == REFUSED | SWITCHED_OFF
    assert "did not come to an end within 3 s" in statuses["import_for_ever"].problems[0]
    assert "did not come back from picture_metadata" in statuses["never_tells"].problems[0]
    assert "job_changed is written with 'async def'" in statuses["async_hooks"].problems[0]
    assert "Easel has torch" in statuses["old_torch"].problems[0]
    assert "called pip while it was loaded" in statuses["installs"].problems[0]
    assert (
        "replaced or removed modules of the program (json)" in statuses["swapper_asked"].problems[0]
    )
    named = {failure.extension for status in statuses.values() for failure in status.failures}
    assert named >= {"at_import", "every_hook", "for_ever", "odd_answers", "swapper"}
    hooks = {failure.hook for failure in statuses["every_hook"].failures}
    assert hooks >= {"samplers", "schedules", "picture_metadata", "job_changed", "picture_saved"}
    assert hooks >= {"upscalers", "palettes", "families", "picture_file_name"}
    assert [f.hook for f in statuses["names_outside"].failures] == ["picture_file_name"]
    assert not list(tmp_path.rglob("outside.*"))
    assert service.studio.choices("upscaler") == ("taken_choices/Lanczos",)
    assert palette_of(WORLD, (), service.studio.palettes()) == palettes()[WORLD]
    assert [f.kind for f in statuses["for_ever"].failures] == ["late"]
    studio.stop()


def test_nobody_waits_for_an_import_that_never_ends(studio: Studio, tmp_path: Path) -> None:
    service = studio.context.extensions
    loop = "import time\nwhile True:\n    time.sleep(0.01)\n"
    write_extension(tmp_path / "extensions", "endless", studio=loop)
    thread = threading.Thread(target=service.enable, args=("endless",), daemon=True)
    thread.start()
    while "easel_extensions.endless" not in sys.modules:
        time.sleep(0.01)
    assert not service.status("endless").in_use
    assert "endless" not in service.worker_command().folders
    assert _draw(studio).state is JobState.DONE
    assert (
        thread.is_alive()
    )  # it waits for half a minute, and whoever waited for it would come later


def test_what_happens_beside_the_studio_is_followed(tmp_path: Path) -> None:
    """It is not started, or its own watch would follow, at some moment of each second, before it is asked to."""
    write_extension(tmp_path / "extensions", "hears", studio=HEARS, worker="")
    studio = build_studio(Settings(data_dir=tmp_path, fake=True, repository=tmp_path))
    service, changes = studio.context.extensions, list[str]()
    service.start()
    service.on_change.append(lambda: changes.append("changed"))
    service.follow()
    changes.clear()
    assert not service.follow()
    ExtensionState(tmp_path).enable("hears", wanted=True)  # as the command line does
    assert service.follow()
    assert service.status("hears").in_use
    folder = tmp_path / "extensions/hears"
    folder.rename(tmp_path / "elsewhere")
    assert service.follow()
    assert "It is not there any more" in service.status("hears").problems[0]
    (tmp_path / "elsewhere").rename(folder)
    assert service.follow()
    assert service.status("hears").in_use
    ExtensionState(tmp_path).enable("hears", wanted=False)
    assert service.follow()
    assert "hears" not in service.studio.offers
    assert len(changes) == 4
    assert not service.follow()
    studio.lock.release()


def test_the_studio_follows_by_itself(studio: Studio, tmp_path: Path) -> None:
    ExtensionState(tmp_path).enable("hears", wanted=True)
    eventually(lambda: studio.context.extensions.status("hears").in_use)


@pytest.mark.parametrize("develop", [True, False])
def test_a_saved_file_is_loaded_anew_while_one_develops(tmp_path: Path, develop: bool) -> None:
    folder = write_extension(tmp_path / "extensions", "hears", studio=f"{HEARS}\nVALUE = 1\n")
    made = build_studio(
        Settings(data_dir=tmp_path, fake=True, repository=tmp_path, develop=develop)
    )
    made.context.extensions.start()
    service = made.context.extensions
    service.enable("hears")
    service.follow()
    (folder / "studio.py").write_text(f"{HEARS}\nVALUE = 'two'\n")
    assert service.follow() == develop
    value = sys.modules["easel_extensions.hears.studio"].VALUE
    assert value == ("two" if develop else 1)
    (folder / "called.txt").write_text("what it writes itself")
    assert not service.follow()
    (folder / "static").mkdir()
    assert not service.follow()
    (folder / "static" / "words.json").write_text("{}")
    assert service.follow() == develop
    (folder / "studio.py").write_text("def broken(")
    service.follow()
    assert bool(service.status("hears").problems) == develop
    made.lock.release()
