"""The world: a deterministic renderer of small illustrated landscapes.

Every scene is sampled from a seed, drawn at any size, described in words, and
known exactly: its class map, its depth and the boxes of its things.
"""

from webui.training.world.captions import (
    Caption,
    SaidThing,
    caption,
    caption_facts,
    vocabulary,
)
from webui.training.world.classes import CLASS_INDEX, CLASSES, SceneClass
from webui.training.world.palette import COLOUR_WORDS, COLOURS, lit_colour
from webui.training.world.render import Box, Rendering, render
from webui.training.world.scene import (
    GROUNDS,
    KINDS,
    SIDES,
    TIMES,
    Scene,
    Thing,
    sample_scene,
)

__all__ = [
    "CLASSES",
    "CLASS_INDEX",
    "COLOURS",
    "COLOUR_WORDS",
    "GROUNDS",
    "KINDS",
    "SIDES",
    "TIMES",
    "Box",
    "Caption",
    "Rendering",
    "SaidThing",
    "Scene",
    "SceneClass",
    "Thing",
    "caption",
    "caption_facts",
    "lit_colour",
    "render",
    "sample_scene",
    "vocabulary",
]
