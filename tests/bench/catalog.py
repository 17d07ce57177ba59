"""A thousand checkpoints of two gigabytes: how long until all are known, the first time and at the next start."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.bench.table import Row
from tests.weights.files import copies_of_header, write_sparse
from tests.weights.ldm_layout import sd1_shapes
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.file_records import FileRecords

FILES = 1000
FIRST_SECONDS, NEXT_SECONDS = 5.0, 0.3


def catalog_rows() -> list[Row]:
    """Files with the header of Stable Diffusion 1.5 in half precision, and holes for numbers."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        first = write_sparse(models / "0.safetensors", sd1_shapes())
        size = first.stat().st_size / 1e9
        copies_of_header(first, FILES - 1)
        looks = [_seconds(Path(folder)) for _ in range(4)]
    what = f"{FILES:,} files of {size:.1f} GB catalogued"
    following = sorted(looks[1:])[1]
    return [
        Row(f"{what}, the first time", f"{looks[0]:.2f} s", "5 s", looks[0] <= FIRST_SECONDS),
        Row(
            f"{what}, at the next start",
            f"{following:.2f} s",
            "0.3 s",
            following <= NEXT_SECONDS,
        ),
    ]


def _seconds(folder: Path) -> float:
    """A new catalog's first answer, on the record that others left."""
    database = open_database(folder / "easel.sqlite")
    records = FileRecords(database)
    started = time.perf_counter()
    models = Catalog([folder / "models"], records=records).models()
    seconds = time.perf_counter() - started
    database.dispose()
    if len(models) != FILES:
        raise RuntimeError(f"{len(models)} of {FILES} files were found.")
    return seconds
