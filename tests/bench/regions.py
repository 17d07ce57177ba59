"""Region prompts on the starter: `python -m tests.bench.regions [maps] [--guidance 5]` prints a table of the docs."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from webui.contracts.ids import ModelId
from webui.training.evaluate import JUDGE_FILE, MODELS, SEGMENTER_FILE
from webui.training.evaluation.figures import table_markdown
from webui.training.evaluation.regions import measure_regions
from webui.training.evaluation.workbench import TEXT_MODEL, Readers, Workbench
from webui.training.judge import load_judge
from webui.training.segmenter import load_segmenter


def main() -> None:
    """Measure, print, and where a path is given write the first eight pictures side by side."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("maps", nargs="?", type=int, default=50)
    options.add_argument("--guidance", type=float, default=3.0)
    options.add_argument("--base", type=float, default=0.2, help="region_base of the requests")
    options.add_argument("--attention", type=float, default=0.0, help="region_attention")
    options.add_argument("--sheet", type=Path, help="a PNG of the first eight pictures")
    asked = options.parse_args()
    readers = Readers(load_judge(JUDGE_FILE), load_segmenter(SEGMENTER_FILE))
    with tempfile.TemporaryDirectory(prefix="easel-regions-") as scratch:
        bench = Workbench(readers, MODELS, Path(scratch), Path(scratch), asked.maps)
        model = bench.load(ModelId(TEXT_MODEL))
        mixing = {"region_base": asked.base, "region_attention": asked.attention}
        table, pictures = measure_regions(bench, model, asked.guidance, **mixing)
    print(table_markdown(table))
    if asked.sheet is not None:
        Image.fromarray(np.hstack(list(pictures[:8]))).save(asked.sheet)


if __name__ == "__main__":
    main()
