"""Families of extensions are asked within a time, and what they do wrong carries their name."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workers.listening import SECONDS
from webui.hooks.families import added_family
from webui.hooks.host import HookHost
from webui.weights.header import WeightsHeader
from webui.weights.signatures.facts import Facts, No, WeightsFile

FILE = WeightsFile(Path("model.safetensors"), WeightsHeader("safetensors", {}, {}, 0))
FACTS = Facts("text", "epsilon", latent_channels=4, latent_factor=8, native_size=512)


def asked(
    describe: Callable[[WeightsFile], Any],
    times: int = 1,
    seconds: float = SECONDS,
    budget: float = SECONDS,
) -> tuple[list[Facts | No], list[tuple[str, str, str]]]:
    host = HookHost(budget_seconds=budget)
    name, ask = added_family(host, "book", "paper", describe, seconds)
    assert name == "book/paper"
    answers = [ask(FILE) for _ in range(times)]
    return answers, [(f.extension, f.kind, f.message) for f in host.failures()]


def test_facts_have_the_whole_name_whatever_they_say() -> None:
    (answer,), failures = asked(lambda _: FACTS)
    assert isinstance(answer, Facts)
    assert (answer.family, answer.native_size, failures) == ("book/paper", 512, [])
    (no,), _ = asked(lambda _: No("It is none."))
    assert no == No("It is none.")


def test_an_error_is_named_once_and_other_files_are_asked_about() -> None:
    calls: list[int] = []

    def describe(_: WeightsFile) -> Facts:
        calls.append(1)
        if len(calls) < 3:
            raise KeyError("conv_in")
        return FACTS

    answers, failures = asked(describe, times=3)
    assert [type(each) for each in answers] == [No, No, Facts]
    assert [(name, kind) for name, kind, _ in failures] == [("book", "failed")]
    assert "conv_in" in failures[0][2]


def test_one_that_never_ends_is_asked_once() -> None:
    calls, ended = [], threading.Event()

    def describe(_: WeightsFile) -> Facts:
        calls.append(1)
        ended.wait(SECONDS)
        return FACTS

    started = time.monotonic()
    answers, failures = asked(describe, times=3, seconds=0.5)
    ended.set()
    assert time.monotonic() - started < SECONDS / 2
    assert len(calls) == 1
    assert all(isinstance(each, No) for each in answers)
    assert "did not come to an end within 0.5 s" in failures[0][2]


def test_one_that_is_slow_is_named_and_believed() -> None:
    def describe(_: WeightsFile) -> Facts:
        time.sleep(0.03)
        return FACTS

    answers, failures = asked(describe, budget=0.01)
    assert isinstance(answers[0], Facts)
    assert [(name, kind) for name, kind, _ in failures] == [("book", "slow")]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "Facts or No were expected"),
        (None, "Facts or No were expected"),
        (Facts("text", "epsilon", 0, 8, 512), "from 1 to 4096 were expected"),
        (Facts("text", "epsilon", 4, 8, "512"), "from 1 to 4096 were expected"),  # type: ignore[arg-type]
        (Facts("poem", "epsilon", 4, 8, 512), "the prediction 'epsilon' were given"),  # type: ignore[arg-type]
        (Facts("text", "noise", 4, 8, 512), "one of epsilon, v_prediction"),
    ],
)
def test_what_is_no_answer_is_named(given: Any, said: str) -> None:
    (answer,), failures = asked(lambda _: given)
    assert isinstance(answer, No)
    assert said in failures[0][2]


def test_one_that_swaps_modules_is_named_and_they_are_put_back() -> None:
    def describe(_: WeightsFile) -> Facts:
        sys.modules["json"] = None  # type: ignore[assignment]
        return FACTS

    (answer,), failures = asked(describe)
    assert isinstance(answer, No)
    assert "replaced or removed modules of the program (json)" in failures[0][2]
    assert sys.modules["json"] is json
