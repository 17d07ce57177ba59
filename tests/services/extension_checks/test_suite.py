"""What the compatibility suite finds, in extensions that are good and in such as are not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.hooks.writing import write_extension
from webui.services.extension_checks.outcome import Outcome, of_hooks
from webui.services.extension_checks.suite import Bench, check_extension
from webui.services.extension_template import write_new
from webui.workers.protocol import OnEvent, Worker

REPOSITORY = Path(__file__).resolve().parents[3]
HOOK = "from webui.hooks.specs import hookimpl\n\n@hookimpl\n"


def no_worker(on_event: OnEvent) -> Worker:
    raise AssertionError("nothing is to be drawn")


def checked(folder: Path) -> Sequence[Outcome]:
    return list(check_extension(folder, Bench(REPOSITORY, None, no_worker)))


def failed(folder: Path) -> dict[str, str]:
    return {each.what: each.said for each in checked(folder) if not each.passed}


def test_a_good_one_passes_and_each_of_its_hooks_is_named(tmp_path: Path) -> None:
    studio = (
        HOOK
        + "def change_prompts(prompts):\n    return None\n\n@hookimpl\ndef job_changed(job):\n    job.id\n"
    )
    outcomes = checked(write_extension(tmp_path, "good", studio=studio))
    assert [str(each) for each in outcomes if not each.passed] == []
    assert {"studio: change_prompts", "studio: job_changed"} <= {each.what for each in outcomes}


@pytest.mark.parametrize(
    ("studio", "what", "said"),
    [
        ("1 / 0", "studio: load", "division by zero"),
        ("def change_prompts(:", "hooks fit the points", "studio.py of the extension 'faulty' cannot be read: line 1: "),
        (HOOK + "def change_prompts(words): ...", "hooks fit the points", "takes 'words'; known are prompts, request"),
        (HOOK + "def change_promts(prompts): ...", "hooks fit the points", "no extension point; change_prompts is one"),
        (HOOK + "def change_picture(pixels): ...", "hooks fit the points", "move it to worker.py"),
        ("def change_prompts(prompts): ...", "hooks are marked", "change_prompts"),
        (HOOK + "def change_prompts(prompts):\n    return 3", "studio: change_prompts", "Prompts was expected"),
        (HOOK + "def samplers():\n    return ['Euler']", "studio: samplers", "SamplerInfo was expected"),
        (HOOK + "def job_changed(job):\n    raise OSError('full')", "studio: job_changed", "full"),
        (HOOK + "def picture_metadata(draft):\n    return 'x'", "studio: picture_metadata", "TextChunk"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_studio_is_named(
    tmp_path: Path, studio: str, what: str, said: str
) -> None:
    assert said in failed(write_extension(tmp_path, "faulty", studio=studio))[what]


def test_a_hook_that_does_not_come_back_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.services.extension_checks.studio_side.HOOK_SECONDS", 0.2)
    studio = HOOK + "def change_prompts(prompts):\n    import time\n    time.sleep(20)\n"
    said = failed(write_extension(tmp_path, "stuck", studio=studio))
    assert (
        "'stuck' did not come back from change_prompts within 0.2 s"
        in (said["studio: change_prompts"])
    )


@pytest.mark.parametrize("process", ["studio", "worker"])
def test_an_async_hook_is_refused_before_it_runs(tmp_path: Path, process: str) -> None:
    hook = {"studio": "change_prompts", "worker": "change_picture"}[process]
    code = HOOK.replace("@hookimpl\n", f"@hookimpl\nasync def {hook}():\n    return None\n")
    folder = write_extension(tmp_path, "late", **{"studio": "", process: code})
    said = failed(folder)["hooks are plain"]
    assert f"{hook} is written with 'async def', which nobody runs" in said


def test_none_of_its_code_is_run_where_its_hooks_do_not_fit(tmp_path: Path) -> None:
    folder = write_extension(
        tmp_path, "faulty", studio="raise SystemExit", worker=HOOK + "def x(): ..."
    )
    assert list(failed(folder)) == ["hooks fit the points"]


def test_an_observer_that_does_not_come_back_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webui.services.extension_checks.studio_side.OBSERVER_SECONDS", 1)
    studio = HOOK + "def job_stepped(step):\n    import time\n    time.sleep(20)\n"
    said = failed(write_extension(tmp_path, "deaf", studio=studio))["studio: observers"]
    assert said == "its observers have not come back within 1 s: job_stepped of deaf"


def test_impossible_manifests_and_needs_are_refused_before_any_code_runs(tmp_path: Path) -> None:
    bad = write_extension(tmp_path, "old", studio="raise SystemExit", easel=">=9")
    assert "is for extension points >=9" in failed(bad)["manifest"]
    torch = write_extension(tmp_path, "greedy", studio="raise SystemExit", needs=["torch==1.0"])
    outcomes = failed(torch)
    assert list(outcomes) == ["needs"]
    assert "'greedy' needs torch==1.0, and Easel has torch" in outcomes["needs"]


def test_an_argument_without_a_default_is_named(tmp_path: Path) -> None:
    arguments = "from pydantic import BaseModel\n\nclass Model(BaseModel):\n    size: int\n"
    folder = write_extension(tmp_path, "faulty", studio="", arguments=arguments)
    assert "'size' of the extension 'faulty' has no default" in failed(folder)["studio: load"]


def test_its_own_tests_are_run_and_their_failure_told(tmp_path: Path) -> None:
    folder = write_extension(tmp_path, "tested", studio="")
    (folder / "test_tested.py").write_text("def test_sums():\n    assert 1 + 1 == 3\n", "utf-8")
    assert "assert (1 + 1) == 3" in failed(folder)["its own tests"]


def test_a_new_one_passes_with_its_own_tests(tmp_path: Path) -> None:
    outcomes = {each.what: each for each in checked(write_new(tmp_path, "warm_tone"))}
    assert "3 passed" in outcomes.pop("its own tests").said
    assert not outcomes.pop("worker").passed  # for want of a model here
    assert all(each.passed for each in outcomes.values())


def test_a_hook_that_was_never_called_does_not_pass() -> None:
    called, never = of_hooks("worker", ["change_latent", "change_sampled"], {"change_latent"}, ())
    assert (called.passed, never.passed, never.said) == (True, False, "was never called")
