"""What every training script shares: the clock, the moving average, checkpoints and curves.

A run is bounded by wall-clock seconds rather than by steps, because the same recipe runs on a
laptop and on a GPU. Everything a run needs to go on after a stop lies in one checkpoint file.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Pixels = NDArray[np.uint8]
"""RGB, (H, W, 3) or (N, H, W, 3)."""


class Ema:
    """Exponential moving average of a module's weights, with a warm-up so early steps count less.

    The average of the first steps would otherwise be dominated by the random initial weights.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {name: p.detach().clone() for name, p in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards `module` by one step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        now = module.state_dict()
        smooth = [name for name, value in now.items() if value.dtype.is_floating_point]
        torch._foreach_lerp_(
            [self.weights[name] for name in smooth], [now[name] for name in smooth], 1 - decay
        )
        for name in now.keys() - set(smooth):
            self.weights[name].copy_(now[name])

    @contextmanager
    def applied_to(self, module: nn.Module) -> Iterator[None]:
        """Within the block `module` carries the averaged weights; afterwards its own again."""
        own = {name: value.detach().clone() for name, value in module.state_dict().items()}
        module.load_state_dict(self.weights)
        try:
            yield
        finally:
            module.load_state_dict(own)


@dataclass
class Clock:
    """Seconds trained so far, over all starts of a run, against its budget."""

    budget_seconds: float
    spent_seconds: float = 0.0
    _started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds of training, earlier starts included."""
        return self.spent_seconds + time.monotonic() - self._started

    @property
    def progress(self) -> float:
        """Share of the budget that is used, 0 to 1."""
        return min(1.0, self.seconds / self.budget_seconds)


def learning_rate(peak: float, step: int, progress: float, warmup_steps: int = 200) -> float:
    """Linear warm-up by steps, then a cosine over the wall-clock budget down to 2 % of `peak`."""
    warm = min(1.0, (step + 1) / warmup_steps)
    return peak * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


class Journal:
    """The measured course of a run: a CSV beside the checkpoint, and a picture of its curves."""

    def __init__(self, folder: Path, name: str) -> None:
        self.csv_path = folder / f"{name}.csv"
        self.chart_path = folder / f"{name}.png"
        self.rows: list[dict[str, float]] = []
        if self.csv_path.exists():
            with self.csv_path.open(newline="") as file:
                self.rows = [
                    {k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)
                ]

    def add(self, **values: float) -> None:
        """Append one row and rewrite the CSV and the chart."""
        self.rows.append(values)
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        with self.csv_path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.rows)
        cv2.imwrite(str(self.chart_path), draw_curves(self.rows, x="seconds"))


def draw_curves(rows: list[dict[str, float]], x: str, width: int = 480) -> Pixels:
    """Draw one small chart per column against column `x`; returns BGR uint8 (H, W, 3)."""
    names = [key for key in dict.fromkeys(k for row in rows for k in row) if key != x]
    panels = [_panel(rows, x, name, width) for name in names]
    return np.concatenate(panels, axis=0) if panels else np.full((40, width, 3), 255, np.uint8)


def _panel(
    rows: list[dict[str, float]], x: str, name: str, width: int, height: int = 150
) -> Pixels:
    points = [(row[x], row[name]) for row in rows if name in row and math.isfinite(row[name])]
    panel = np.full((height, width, 3), 255, np.uint8)
    if len(points) < 2:
        return panel
    xs, ys = (np.array(column) for column in zip(*points, strict=True))
    low, high = float(ys.min()), float(ys.max())
    px = 10 + (xs - xs.min()) / max(1e-9, xs.max() - xs.min()) * (width - 20)
    py = height - 12 - (ys - low) / max(1e-9, high - low) * (height - 40)
    line = np.stack([px, py], axis=1).astype(np.int32)
    cv2.polylines(panel, [line], False, (170, 90, 30), 1, cv2.LINE_AA)
    label = f"{name}: last {ys[-1]:.4g}, min {low:.4g}, max {high:.4g}"
    cv2.putText(panel, label, (10, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, 40, 40), 1, cv2.LINE_AA)
    return panel


def save_checkpoint(path: Path, settings: Any, **state: Any) -> None:
    """Write settings and state in one file, whole or not at all (a rename is atomic)."""
    partial = path.with_suffix(".partial")
    torch.save({"settings": asdict(settings), **state}, partial)
    partial.replace(path)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint of ours, or None where there is none yet. Only tensors and plain values."""
    if not path.exists():
        return None
    loaded: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    return loaded


def picture_sheet(pictures: Pixels, columns: int) -> Pixels:
    """Lay uint8 pictures (N, H, W, 3) out in a grid (rows*H, columns*W, 3), empty cells white."""
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * height, i % columns * width
        sheet[top : top + height, left : left + width] = picture
    return sheet


def to_uint8(pictures: torch.Tensor) -> Pixels:
    """Pictures in [-1, 1] (B, 3, H, W) to uint8 RGB (B, H, W, 3)."""
    scaled = ((pictures.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    result: Pixels = scaled.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return result


def write_png(path: Path, picture: Pixels) -> None:
    """Write an RGB uint8 picture (H, W, 3)."""
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
