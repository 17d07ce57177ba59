"""The six sample prompts of the first visit, with pictures where the repository has them."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from webui.ui.scripts import ASSETS

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sample:
    """One card of the first visit."""

    prompt: str
    seed: int
    file: str | None
    """Name below `assets/samples/`; None shows the card without a picture."""

    def as_json(self) -> dict[str, object]:
        """What the stage needs of it."""
        address = None if self.file is None else f"{ASSETS}/samples/{self.file}"
        return {"prompt": self.prompt, "seed": self.seed, "picture": address}


STARTERS: tuple[Sample, ...] = (
    Sample("a red house on the left, green meadow with mountains at sunset", 7, None),
    Sample("two sailing boats on a calm lake at night, full moon", 11, None),
    Sample("a hot-air balloon over the desert, clear day", 23, None),
    Sample("pine trees in a snowfield, grey clouds, winter", 5, None),
    Sample("a small blue house by the sea, sunrise", 42, None),
    Sample("a meadow full of flowers, three trees, summer noon", 3, None),
)
"""Shown until the trained model's own `samples.json` is there."""


def read_samples(folder: Path) -> tuple[Sample, ...]:
    """The samples of a folder's `samples.json`; the starters where it is missing or damaged.

    A card whose picture file is missing is shown without one.
    """
    listed = folder / "samples.json"
    if not listed.is_file():
        return STARTERS
    try:
        entries = json.loads(listed.read_text(encoding="utf-8"))
        return tuple(_sample(folder, entry) for entry in entries)[:6] or STARTERS
    except (ValueError, KeyError, TypeError) as error:
        _log.warning("%s is no list of {prompt, seed, file}: %s", listed, error)
        return STARTERS


def _sample(folder: Path, entry: dict[str, object]) -> Sample:
    file = str(entry["file"])
    there = (folder / file).is_file()
    return Sample(str(entry["prompt"]), int(str(entry["seed"])), file if there else None)
