"""Models are made of others in the models tab: by the real program, of tiny models."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.browser.conftest import RunningStudio, watched_page
from tests.engine.tiny import write_tiny
from webui.engine.weights import open_weights

pytestmark = pytest.mark.browser

SECONDS = 150_000
"""Milliseconds: a program that imports torch takes seconds, and others may use the processor."""
UNET = "unet/diffusion_pytorch_model.safetensors"
LAYER = "conv_in.weight"
DIALOG = ".ez-library-making"
ROW = ".ez-library-downloads[aria-label='Models being made'] .ez-library-download"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """One that draws with models of files; two tiny ones are its own."""
    folder = tmp_path_factory.mktemp("making")
    for seed, name in enumerate(("ann", "bob")):
        write_tiny(folder / "models" / name, seed=seed)
    studio = RunningStudio(folder, fake=False)
    studio.start()
    yield studio
    studio.kill(signal.SIGTERM)


@pytest.fixture
def models(browser: Any, studio: RunningStudio) -> Iterator[Any]:
    """The models tab of it."""
    with watched_page(browser, studio.address) as tab:
        tab.click(".ez-nav a[data-tab=models]")
        tab.wait_for_selector(".ez-library-card")
        yield tab


def _weight(studio: RunningStudio, model: str) -> torch.Tensor:
    return open_weights(studio.data_dir / "models" / model / UNET)[LAYER].float()


def _open(models: Any, first: str = "ann") -> None:
    models.click(".ez-library-bar button:has-text('Merge or convert')")
    models.select_option(f"{DIALOG} select[aria-label='Model A']", first)


@pytest.mark.timeout(240)
def test_a_merge_is_ordered_followed_and_found(models: Any, studio: RunningStudio) -> None:
    _open(models)
    models.select_option(f"{DIALOG} select[aria-label='Model B']", "bob")
    models.fill(f"{DIALOG} input[aria-label='Ratio m']", "0.25")
    assert models.inner_text(".ez-making-formula") == "A × 0.75 + B × 0.25"
    name = models.locator(f"{DIALOG} input[aria-label=Name]")
    assert name.input_value() == "ann-bob-0.25"
    name.fill("mix")
    models.select_option(f"{DIALOG} select[aria-label='Precision']", "fp32")
    models.click(f"{DIALOG} button[type=submit]")
    models.wait_for_selector(DIALOG, state="detached")
    models.wait_for_selector(f"{ROW}[data-state=running], {ROW}[data-state=done]")
    models.wait_for_selector(f"{ROW}[data-state=done]", timeout=SECONDS)
    assert "Made as checkpoints/mix" in models.inner_text(ROW)
    wanted = _weight(studio, "ann") * 0.75 + _weight(studio, "bob") * 0.25
    torch.testing.assert_close(_weight(studio, "checkpoints/mix"), wanted)
    models.wait_for_selector(".ez-library-card:has-text('mix')")  # the page is told
    models.click(f"{ROW} button[aria-label='Take off the list']")
    models.wait_for_selector(ROW, state="detached")
    assert (studio.data_dir / "models" / "checkpoints" / "mix").is_dir()


def test_what_cannot_be_made_is_a_sentence_in_the_dialog(models: Any) -> None:
    models.expected_faults = [
        "Failed to load resource: the server responded with a status of 400 (Bad Request)"
    ]
    _open(models)
    models.click(f"{DIALOG} label:has-text('Convert')")
    models.select_option(f"{DIALOG} select[aria-label='Layout']", "folder")
    models.select_option(f"{DIALOG} select[aria-label='Precision']", "fp8")
    models.click(f"{DIALOG} button[type=submit]")
    said = models.locator(f"{DIALOG} .ez-library-said")
    said.filter(has_text="fp8; folders are written in fp32, fp16 or bf16").wait_for()
    models.click(f"{DIALOG} label:has-text('Put LoRAs in')")
    models.click(f"{DIALOG} button[type=submit]")
    said.filter(has_text="No LoRA is chosen").wait_for()


def test_a_row_of_ratios_is_sent_and_what_runs_is_cancelled(
    models: Any, studio: RunningStudio
) -> None:
    models.locator(".ez-library-card:has-text('ann')").first.click()
    models.click(".ez-library-look button[aria-label='Merge or convert']")
    models.select_option(f"{DIALOG} select[aria-label='Model B']", "bob")
    models.select_option(f"{DIALOG} select[aria-label='How']", "sum")
    models.check(f"{DIALOG} label:has-text('A ratio for each block') input")
    models.fill(f"{DIALOG} input[aria-label='Ratio of M00']", "0.9")
    models.click(f"{DIALOG} button[type=submit]")
    models.wait_for_selector(ROW)
    with urllib.request.urlopen(f"{studio.address}/api/v1/library/makings") as answer:
        (making,) = json.load(answer)["makings"]
    order = making["order"]
    assert (order["models"], order["blocks"]) == (["ann", "bob"], [0.5] * 13 + [0.9] + [0.5] * 12)
    models.click(f"{ROW} button[aria-label=Cancel]")
    models.wait_for_selector(ROW, state="detached")
    assert not (studio.data_dir / "models" / "checkpoints" / order["name"]).exists()
