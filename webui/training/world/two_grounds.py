"""Scenes with two grounds side by side, which the world itself never has: for maps that people paint.

A scene is drawn twice, on one ground and on the other, and what lies beyond a border is taken from
the second drawing. Sky, light and things are the same in both, so the picture is whole and its class
map and depth are true everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from webui.training.world.render import Rendering, render
from webui.training.world.scene import GROUNDS, Scene, Thing, may_stand, sample_scene

LAKE_SHORE = 0.79
"""Height of the near shore of a lake that a scene gets beside its own ground."""
_TRIES = 12


@dataclass(frozen=True)
class Border:
    """A line from the top of the picture to its foot, in fractions of it."""

    middle: float
    """Where it crosses half the height."""
    slant: float
    """How far right it goes from top to foot."""
    swing: float
    """How far it waves to either side."""
    phase: float

    def at(self, y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The line's place across at these heights."""
        wave = np.sin(2 * np.pi * (1.3 * y + self.phase))
        place: npt.NDArray[np.float64] = self.middle + self.slant * (y - 0.5) + self.swing * wave
        return place


@dataclass(frozen=True)
class TwoGrounds:
    """One scene on two grounds: left of the border the first, right of it the second."""

    left: Scene
    right: Scene
    border: Border


def sample_two_grounds(seed: int) -> TwoGrounds:
    """A scene, another ground for it and a border; the same seed gives the same.

    Things that may not stand on the ground that they would stand on are left out where no border
    was found that spares them, and mountains, whose rock is another colour in a desert, beside one.
    """
    scene = sample_scene(seed)
    if scene.style == "pixel art":  # its coarse pixels would be cut by the border
        scene = replace(scene, style="flat")
    rng = np.random.Generator(np.random.PCG64([seed, 17]))
    found = max((_tried(scene, rng) for _ in range(_TRIES)), key=lambda pair: len(pair.left.things))
    if "desert" in (found.left.ground, found.right.ground):
        return replace(
            found, left=_without_mountains(found.left), right=_without_mountains(found.right)
        )
    return found


def _without_mountains(scene: Scene) -> Scene:
    return replace(scene, mountains=False, shape=replace(scene.shape, peaks=()))


def _tried(scene: Scene, rng: np.random.Generator) -> TwoGrounds:
    wet = ("lake", "sea")
    others = [g for g in GROUNDS if g != scene.ground and not (g in wet and scene.ground in wet)]
    other = others[int(rng.integers(len(others)))]
    border = Border(
        middle=float(rng.uniform(0.3, 0.7)),
        slant=float(rng.uniform(-0.3, 0.3)),
        swing=float(rng.uniform(0.0, 0.04)),
        phase=float(rng.uniform()),
    )
    grounds = (scene.ground, other) if rng.random() < 0.5 else (other, scene.ground)

    def fits(thing: Thing) -> bool:
        beyond = thing.x > border.at(np.array([thing.y]))[0]
        return may_stand(thing.kind, grounds[int(beyond)])

    things = tuple(thing for thing in scene.things if fits(thing))
    left, right = (
        replace(
            scene,
            ground=ground,
            things=things,
            shape=replace(scene.shape, shore=_shore(scene, ground)),
        )
        for ground in grounds
    )
    return TwoGrounds(left, right, border)


def _shore(scene: Scene, ground: str) -> float:
    return LAKE_SHORE if ground == "lake" and scene.ground != "lake" else scene.shape.shore


def render_two_grounds(scene: TwoGrounds, width: int = 128, height: int = 128) -> Rendering:
    """Draws it; boxes are those of the things, which both sides share."""
    left, right = render(scene.left, width, height), render(scene.right, width, height)
    across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    beyond = across[None, :] > scene.border.at(down)[:, None]  # (H, W)
    return Rendering(
        np.where(beyond[..., None], right.image, left.image),
        np.where(beyond, right.class_map, left.class_map),
        np.where(beyond, right.depth, left.depth),
        left.boxes,
    )
