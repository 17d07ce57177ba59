"""Region prompts: whether a model that only reads text puts a lake and a meadow where a map has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from webui.contracts.conditions import RegionPrompt
from webui.contracts.parameters.regions import REGION_PROMPTS
from webui.engine.model import LoadedModel
from webui.training.evaluation.drawing import draw
from webui.training.evaluation.figures import Figure, Table
from webui.training.evaluation.metrics import ClassMap
from webui.training.evaluation.workbench import Look, Workbench
from webui.training.runs import Pixels
from webui.training.world.classes import CLASS_INDEX

SKY, LAKE, MEADOW = CLASS_INDEX["sky"], CLASS_INDEX["water"], CLASS_INDEX["meadow"]
REGIONS = (
    RegionPrompt(value=SKY, name="sky", prompt="a clear sky"),
    RegionPrompt(value=LAKE, name="water", prompt="a calm lake"),
    RegionPrompt(value=MEADOW, name="meadow", prompt="a green meadow"),
)
WHOLE = ("a landscape by day", "a lake and a meadow at sunset", "a lake and a meadow at night", "")
"""Prompts of the whole, in turn."""
GROUND_OF: Mapping[str, int] = {"lake": LAKE, "sea": LAKE, "meadow": MEADOW}
"""What the judge's grounds are in a map."""


@dataclass(frozen=True)
class Split:
    """A map with a lake at the left and a meadow at the right, below the sky."""

    horizon: float
    """Height of the sky, in shares of the picture."""
    border: float
    """Where the lake ends and the meadow begins, at the picture's middle height."""
    slope: float
    """How far that border leans over the whole height."""

    def drawn(self, side: int) -> ClassMap:
        """The map, (side, side)."""
        rows, columns = np.mgrid[:side, :side] / side
        lake = columns < self.border + self.slope * (rows - 0.5)
        ground = np.where(lake, LAKE, MEADOW)
        drawn: ClassMap = np.where(rows < self.horizon, SKY, ground).astype(np.uint8)
        return drawn


def splits(count: int) -> list[Split]:
    """Maps that differ in where sky, lake and meadow meet; always the same ones."""
    source = np.random.default_rng(0)
    low, high = np.array([0.35, 0.4, -0.2]), np.array([0.55, 0.6, 0.2])
    return [Split(*map(float, source.uniform(low, high))) for _ in range(count)]


def measure_regions(
    bench: Workbench, model: LoadedModel, guidance_scale: float, **mixing: float
) -> tuple[Table, Pixels]:
    """Draw the maps with region prompts and without, and have both readers look at them.

    `mixing` are `region_base` and `region_attention`, where they are not the usual ones.
    """
    side, supplies = model.checkpoint.native_width, bench.supplies()
    maps = np.stack([split.drawn(side) for split in splits(bench.prompts)])
    steered = [
        bench.request(
            model, WHOLE[i % len(WHOLE)], i, class_map=supplies.keep(class_map),
            map_driver=REGION_PROMPTS, regions=REGIONS, guidance_scale=guidance_scale, **mixing,
        )
        for i, class_map in enumerate(maps)
    ]  # fmt: skip
    words = "a calm lake on the left, a green meadow on the right, a clear sky"
    alone = [
        bench.request(model, words, i, guidance_scale=guidance_scale) for i in range(len(maps))
    ]
    looks = {
        "region prompts": bench.look(draw(model, steered, supplies)),
        "the same in one prompt": bench.look(draw(model, alone)),
    }
    columns = [[by_place(look, maps), by_halves(look), both(look, maps)] for look in looks.values()]
    names = ("segmenter: most of each region", "judge: each half alone", "both agree")
    figures = tuple(
        Figure(name, "%", tuple(column[i] for column in columns), len(maps))
        for i, name in enumerate(names)
    )
    title = "lake at the left, meadow at the right"
    return Table(title, tuple(looks), figures), looks["region prompts"].pictures


def by_place(look: Look, maps: ClassMap) -> float:
    """Share of the pictures in which most of each ground's region is read as that ground."""
    return float(np.mean(_placed(look, maps)))


def by_halves(look: Look) -> float:
    """Share of the pictures whose left half alone is judged a lake, and whose right one a meadow."""
    return float(np.mean(_halved(look)))


def both(look: Look, maps: ClassMap) -> float:
    """Share of the pictures that pass both."""
    return float(np.mean(_placed(look, maps) & _halved(look)))


# Any: a column of booleans.
def _placed(look: Look, maps: ClassMap) -> Any:
    read = look.class_maps
    side, scale = read.shape[1], maps.shape[1] / read.shape[1]
    places = (np.arange(side) * scale + scale / 2).astype(int)
    wanted = maps[:, places][:, :, places]
    return np.array(
        [
            all(_most(seen[asked == ground], (LAKE, MEADOW)) == ground for ground in (LAKE, MEADOW))
            for seen, asked in zip(read, wanted, strict=True)
        ]
    )


def _most(seen: ClassMap, among: Sequence[int]) -> int:
    counts = np.bincount(seen.ravel(), minlength=256)
    best = int(counts.argmax())
    return best if best in among else -1


# Any: a column of booleans.
def _halved(look: Look) -> Any:
    middle = look.pictures.shape[2] // 2
    halves = (look.pictures[:, :, :middle], look.pictures[:, :, middle:])
    verdicts = [Look(look.readers, half).verdicts for half in halves]
    return np.array(
        [
            GROUND_OF.get(left.ground) == LAKE and GROUND_OF.get(right.ground) == MEADOW
            for left, right in zip(*verdicts, strict=True)
        ]
    )
