"""The parts of the table that are measured on a studio or in this process, and where the others are."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.bench.catalog import catalog_rows
from tests.bench.full_size import full_size_rows
from tests.bench.live import live_rows
from tests.bench.megapixel import megapixel_rows
from tests.bench.table import Row
from tests.browser.conftest import CHROMIUM
from tests.studio import Studio, seconds_until, started_studio

PROMPTS = (
    "a red house on the left, green meadow with mountains at sunset",
    "two pines on the right, a snowfield at night, a full moon",
    "a purple balloon in the centre, a desert by day",
    "a white boat on the left, the sea at dawn",
)


PARTS = [
    "start", "studio", "live", "megapixel", "full-size", "catalog", "loading", "overhead", "starter",
    "large", "gpu",
]  # fmt: skip
"""What is measured, in the order of the table."""


def alone(measure: Callable[[str, int], list[Row]], part: str, jobs: int) -> list[Row]:
    """What `measure` says of a part in a process of its own.

    The C library's allocator learns from what a process did before: after the part 'loading', diffusers' call of
    eight took 2.2 s in place of 3.1, as large blocks were no longer given back to the system after each use.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        return processes.submit(measure, part, jobs).result()


def rows_of(part: str, jobs: int) -> list[Row]:
    """Measure a part. What needs torch is imported with it: a studio's memory is measured too."""
    if part == "start":
        with tempfile.TemporaryDirectory() as folder:
            return start_rows(Path(folder))
    if part == "studio":
        with tempfile.TemporaryDirectory() as folder, started_studio(Path(folder)) as studio:
            seconds_until(studio, "/api/v1/health", b'"ok"')
            studio.wait(studio.submit(prompt=PROMPTS[0], steps=4))
            return [*picture_rows(studio), *crowd_rows(studio), *memory_rows(studio, jobs)]
    if part == "live":
        return live_rows()
    if part == "megapixel":
        return megapixel_rows()
    if part == "full-size":
        return full_size_rows()
    if part == "catalog":
        return catalog_rows()
    if part == "overhead":
        return overhead_rows()
    if part == "loading":
        from tests.bench.loading import loading_rows

        return loading_rows()
    from tests.bench import against_diffusers, gpu

    if part == "gpu":
        return [*gpu.gpu_rows()]
    return against_diffusers.starter_rows() if part == "starter" else against_diffusers.large_rows()


def device_title() -> str:
    """The GPU's name, or that there is none."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"


def start_rows(folder: Path) -> list[Row]:
    """From the start of the process to the first answer, and to the page that can be used."""
    answers, pages = [], []
    with a_browser() as visit:
        for i in range(3):
            with started_studio(folder / f"start-{i}") as studio:
                answers.append(seconds_until(studio, "/api/v1/health", b'"ok"'))
                seconds_until(studio, "/", b"gradio-app")
                visit(studio.address)
                pages.append(time.perf_counter() - studio.started)
    answer, page = statistics.median(answers), statistics.median(pages)
    return [
        Row("start to first HTTP answer", f"{answer:.2f} s", "2 s", answer <= 2),
        Row("start to usable page, in headless Chromium", f"{page:.2f} s", "8 s", page <= 8),
    ]


@contextmanager
def a_browser() -> Iterator[Callable[[str], None]]:
    """A function that opens an address and waits until Generate can be pressed."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )

        def visit(address: str) -> None:
            tab = chromium.new_page()
            tab.goto(address)
            tab.wait_for_selector("#txt2img-generate", state="visible")
            tab.close()

        yield visit
        chromium.close()


def picture_rows(studio: Studio) -> list[Row]:
    """Click to first preview, and seconds a picture, on a warm model."""
    previews, pictures = [], []
    for seed in range(7):
        clicked = time.perf_counter()
        job = studio.submit(prompt=PROMPTS[seed % len(PROMPTS)], seed=seed, steps=20)
        first = None
        for name, data in studio.events(job):
            if first is None and name == "step" and data["preview"]:
                first = time.perf_counter() - clicked
        pictures.append(time.perf_counter() - clicked)
        previews.append(first if first is not None else pictures[-1])
    preview, picture = statistics.median(previews), statistics.median(pictures)
    turbo = _seconds_of(studio, model="starter/turbo")
    name = studio.upload(Image.new("RGB", (128, 128), (90, 140, 60)))
    large = _seconds_of(studio, model="starter/upscale", prompt="", image=name)
    return [
        Row("click to first preview (warm)", f"{preview:.2f} s", "0.5 s", preview <= 0.5),
        Row(
            "a starter picture, 256x256, 20 steps, guidance 5",
            f"{picture:.2f} s",
            "3 s",
            picture <= 3,
        ),
        Row("a turbo picture, 256x256, 4 steps", f"{turbo:.2f} s", "0.7 s", turbo <= 0.7),
        Row("an enlarged picture, 128 to 512", f"{large:.2f} s", "8 s", large <= 8),
    ]


def _seconds_of(studio: Studio, **fields: str) -> float:
    """From the order to the finished picture, on a warm model; a median of three."""
    times = []
    for seed in range(4):
        started = time.perf_counter()
        studio.wait(
            studio.submit(**{"prompt": PROMPTS[seed % len(PROMPTS)], "seed": seed, **fields})
        )
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def crowd_rows(studio: Studio) -> list[Row]:
    """Eight jobs at once against the same eight one after another, interleaved twice."""
    ratios, alone_times, crowd_times = [], [], []
    for _ in range(2):
        started = time.perf_counter()
        for seed in range(8):
            studio.wait(studio.submit(prompt=PROMPTS[seed % 4], seed=seed, steps=10))
        alone = time.perf_counter() - started
        started = time.perf_counter()
        for job in [
            studio.submit(prompt=PROMPTS[seed % 4], seed=seed, steps=10) for seed in range(8)
        ]:
            studio.wait(job)
        crowd = time.perf_counter() - started
        ratios.append(alone / crowd)
        alone_times.append(alone)
        crowd_times.append(crowd)
    ratio = statistics.median(ratios)
    seconds = f"{statistics.median(alone_times):.1f} s one by one, {statistics.median(crowd_times):.1f} s at once"
    return [
        Row(
            "eight jobs of ten steps at once, throughput over one by one",
            f"{ratio:.2f} ({seconds})",
            "1.2",
            ratio >= 1.2,
        )
    ]


def memory_rows(studio: Studio, jobs: int) -> list[Row]:
    """Resident memory after the jobs so far, and after `jobs` more."""
    mega = 1 << 20

    def run(count: int) -> None:
        for start in range(0, count, 8):
            batch = [
                studio.submit(prompt=PROMPTS[i % 4], seed=i, steps=6)
                for i in range(start, min(start + 8, count))
            ]
            for job in batch:
                studio.wait(job)

    run(24)  # caches and pools fill up during the first crowd; that is not growth
    before = studio.resident_bytes()
    run(jobs)
    after = studio.resident_bytes()
    rows = []
    for name, old, new in zip(("studio", "worker"), before, after, strict=True):
        growth = new / old - 1
        shown = f"{old / mega:.0f} MB, then {new / mega:.0f} MB ({growth:+.1%})"
        rows.append(
            Row(
                f"memory of the {name}, before and after {jobs} jobs", shown, "+2 %", growth <= 0.02
            )
        )
    return rows


def overhead_rows() -> list[Row]:
    """A step inside the engine over the bare forward of the same rows."""
    from tests.bench.network import bookkeeping_seconds, step_overhead

    alone, crowd = step_overhead(pictures=1), step_overhead(pictures=8)
    milliseconds = 1e3 * bookkeeping_seconds(jobs=8)
    return [
        Row(
            "step time over bare forward, one picture",
            f"{alone.ratio:.3f} ({alone.step_seconds * 1e3:.1f} ms over {alone.forward_seconds * 1e3:.1f} ms)",
            "1.03",
            alone.ratio <= 1.03,
        ),
        Row(
            "step time over bare forward, eight pictures",
            f"{crowd.ratio:.3f} ({crowd.step_seconds * 1e3:.1f} ms over {crowd.forward_seconds * 1e3:.1f} ms)",
            "1.03",
            crowd.ratio <= 1.03,
        ),
        Row(
            "bookkeeping of a step and job, eight jobs",
            f"{milliseconds:.2f} ms",
            "0.3 ms",
            milliseconds <= 0.3,
        ),
    ]
