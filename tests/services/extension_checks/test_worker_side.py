"""Pictures of real workers, with and without an extension."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.engine.tiny import TinySizes, write_tiny
from tests.hooks.writing import write_extension
from webui.hooks.manifest import read_manifest
from webui.hooks.offers import Offers
from webui.services.extension_checks.worker_side import check_worker
from webui.workers.local import LocalWorker

WORKER = """
from webui.hooks.specs import hookimpl

@hookimpl
def change_picture(pixels):
    return 255 - pixels

@hookimpl
def step_taken(denoised, step):
    raise ValueError(f"step {step} is not liked")
"""
DEAF = """
import time
from webui.hooks.specs import hookimpl

@hookimpl
def step_taken(step):
    while step == 2:
        time.sleep(0.05)
"""
TIRED = DEAF.replace("while step == 2:", "if step == 2:").replace("0.05", "0.9")


@pytest.mark.slow
def test_pictures_are_compared_and_what_fails_in_the_worker_is_named(tmp_path: Path) -> None:
    manifest = read_manifest(write_extension(tmp_path, "odd", worker=WORKER))
    checkpoint = write_tiny(tmp_path / "model", TinySizes())
    argv = [sys.executable, "-m", "webui.engine", "--cpu"]
    outcomes = {
        each.what: each
        for each in check_worker(
            manifest, Offers(manifest), checkpoint, lambda told: LocalWorker(told, argv)
        )
    }
    failed = {what: each.said for what, each in outcomes.items() if not each.passed}
    assert list(failed) == ["worker: step_taken"], failed
    assert "step 1 is not liked" in failed["worker: step_taken"]
    assert "bit for bit" in outcomes["worker: a picture after it"].said
    assert outcomes["worker: change_picture"].passed


@pytest.mark.slow
@pytest.mark.parametrize(("code", "passes"), [(DEAF, False), (TIRED, True)])
def test_an_observer_of_the_worker_that_never_comes_back_does_not_pass(
    tmp_path: Path, code: str, passes: bool
) -> None:
    manifest = read_manifest(write_extension(tmp_path, "deaf", worker=code))
    checkpoint = write_tiny(tmp_path / "model", TinySizes())
    argv = [sys.executable, "-m", "webui.engine", "--cpu"]
    found = check_worker(
        manifest, Offers(manifest), checkpoint, lambda told: LocalWorker(told, argv)
    )
    outcome = next(each for each in found if each.what == "worker: step_taken")
    assert outcome.passed == passes, outcome.said
    assert passes or "It has not come back for" in outcome.said
    assert "worker: a picture after it" in {each.what for each in found if each.passed}
