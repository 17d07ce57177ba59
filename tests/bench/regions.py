"""Region prompts on the starter: `python -m tests.bench.regions [maps]` prints the table of the docs."""

from __future__ import annotations

import sys
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


def main(maps: int, sheet: Path | None) -> None:
    """Measure, print, and where a path is given write the first eight pictures side by side."""
    readers = Readers(load_judge(JUDGE_FILE), load_segmenter(SEGMENTER_FILE))
    with tempfile.TemporaryDirectory(prefix="easel-regions-") as scratch:
        bench = Workbench(readers, MODELS, Path(scratch), Path(scratch), maps)
        table, pictures = measure_regions(bench, bench.load(ModelId(TEXT_MODEL)))
    print(table_markdown(table))
    if sheet is not None:
        Image.fromarray(np.hstack(list(pictures[:8]))).save(sheet)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, Path(sys.argv[2]) if sys.argv[2:] else None)
