"""Writes a contact sheet of scenes with their captions.

Run as `python -m webui.training.world.sheet out.png --seed 0 --count 24 --truth`.
"""

import argparse
import textwrap
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from webui.training.world.captions import caption
from webui.training.world.classes import CLASSES
from webui.training.world.render import render
from webui.training.world.scene import STYLES, sample_scene

_PALETTE = np.array([entry.rgb for entry in CLASSES], dtype=np.uint8)
_LINES, _LINE = 6, 11


def cell(seed: int, size: int, truth: bool, style: str | None = None) -> npt.NDArray[np.uint8]:
    """One scene of the sheet, its class map if wanted, and its caption."""
    scene = sample_scene(seed, style)
    drawn = render(scene, size, size)
    rows = [drawn.image]
    if truth:
        rows.append(_PALETTE[drawn.class_map])
    label = np.full((_LINES * _LINE + 4, size, 3), 255, np.uint8)
    text = caption(scene, np.random.Generator(np.random.PCG64(seed)))
    for index, line in enumerate(textwrap.wrap(text, max(12, size // 5))[:_LINES]):
        where = (2, (index + 1) * _LINE - 2)
        cv2.putText(
            label, line, where, cv2.FONT_HERSHEY_SIMPLEX, 0.28, (30, 30, 40), 1, cv2.LINE_AA
        )
    stacked = np.concatenate([*rows, label])
    return np.pad(stacked, ((2, 2), (2, 2), (0, 0)), constant_values=255)


def sheet(
    seed: int, count: int, size: int, truth: bool, style: str | None = None
) -> npt.NDArray[np.uint8]:
    """A sheet of `count` scenes from `seed` on, eight in a row."""
    cells = [cell(seed + index, size, truth, style) for index in range(count)]
    blank = np.full_like(cells[0], 255)
    across = min(8, count)
    cells += [blank] * (-count % across)
    rows = [np.concatenate(cells[at : at + across], axis=1) for at in range(0, len(cells), across)]
    return np.concatenate(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and writes the sheet."""
    parser = argparse.ArgumentParser(description="Write a contact sheet of scenes.")
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--truth", action="store_true", help="show the class maps too")
    parser.add_argument("--style", choices=STYLES, help="draw every scene in this style")
    chosen = parser.parse_args(arguments)
    picture = sheet(chosen.seed, chosen.count, chosen.size, chosen.truth, chosen.style)
    cv2.imwrite(chosen.out, np.ascontiguousarray(picture[:, :, ::-1]))


if __name__ == "__main__":
    main()
