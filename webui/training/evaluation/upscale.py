"""An upscaling model: four times larger, from pictures spoiled in mixed ways."""

from __future__ import annotations

import numpy as np
from PIL import Image

from webui.engine.model import LoadedModel
from webui.training.degradations import DegradationSettings, degrade
from webui.training.evaluation.drawing import draw
from webui.training.evaluation.figures import Measure, Section, compare
from webui.training.evaluation.measures import fidelity_measures, speed
from webui.training.evaluation.metrics import psnr_db
from webui.training.evaluation.sheets import row_sheet
from webui.training.evaluation.unseen import unseen
from webui.training.evaluation.workbench import Workbench
from webui.training.judge import Judge
from webui.training.runs import Pixels
from webui.training.upscale import FACTOR

SIDE = 512
"""Of the true pictures in pixels."""
SHARE = 10
"""One picture for so many prompts: a large one takes seconds."""


def spoiled(pictures: Pixels) -> Pixels:
    """A quarter of the size: every second one plainly, the others by mixed degradations."""
    kinds = (DegradationSettings(plain=1.0), DegradationSettings(plain=0.0))
    return np.stack(
        [
            degrade(picture, FACTOR, kinds[i % 2], np.random.default_rng([i, 9]))
            for i, picture in enumerate(pictures)
        ]
    )


def enlarged(pictures: Pixels, how: Image.Resampling) -> Pixels:
    """Pictures four times larger by interpolation."""
    size = (FACTOR * pictures.shape[2], FACTOR * pictures.shape[1])
    return np.stack([np.asarray(Image.fromarray(p).resize(size, how)) for p in pictures])


def measures_of(true: Pixels, judge: Judge) -> list[Measure[Pixels]]:
    """How close pictures come to the true ones; even ones were shrunk plainly, odd ones spoiled."""
    even, odd = true[::2], true[1::2]
    return [
        *fidelity_measures(true, judge, "bicubic + 1.5 / + 2.5 dB"),
        Measure("PSNR, shrunk plainly", "dB", lambda p: psnr_db(p[::2], even), len(even)),
        Measure("PSNR, mixed degradations", "dB", lambda p: psnr_db(p[1::2], odd), len(odd)),
    ]


def evaluate_upscale(bench: Workbench, model: LoadedModel) -> Section:
    """Measure an upscaling model against interpolation, at large pictures."""
    count, supplies = max(2, bench.prompts // SHARE), bench.supplies()
    true = unseen(count, SIDE).pictures
    given = spoiled(true)
    ids = [supplies.keep(picture) for picture in given]
    requests = [bench.request(model, "", i, image=image) for i, image in enumerate(ids)]
    made = np.stack(draw(model, requests, supplies))
    subjects = {
        "measured": made,
        "bicubic": enlarged(given, Image.Resampling.BICUBIC),
        "Lanczos": enlarged(given, Image.Resampling.LANCZOS),
    }
    tables = (
        compare("against the true picture", measures_of(true, bench.readers.judge), subjects),
        speed(bench, model, "at most 8 s on two cores", supplies, image=ids[0]),
    )
    middle = slice(SIDE // 4, -SIDE // 4)
    rows = [("bicubic", subjects["bicubic"]), ("measured", made), ("true picture", true)]
    sheet = row_sheet(bench, "upscale", [(what, p[:4, middle, middle]) for what, p in rows])
    text = (
        f"{count} unseen scenes of {SIDE}x{SIDE}, made four times smaller: half of "
        "them plainly (bicubic or area), half with blur, noise, JPEG and the step down in random "
        f"order; {requests[0].steps} steps."
    )
    return Section("Upscaling by four", text, tables, (sheet,))
