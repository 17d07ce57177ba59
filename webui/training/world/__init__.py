"""The world: a deterministic renderer of small illustrated landscapes.

Every scene is sampled from a seed, drawn at any size, described in words, and
known exactly: its class map, its depth and the boxes of its things. It is drawn
in one of a few styles, from flat colour to neon.
"""

from webui.training.world.captions import (
    Caption,
    SaidThing,
    caption,
    caption_facts,
    caption_text,
    vocabulary,
)
from webui.training.world.classes import CLASS_INDEX, CLASSES, SceneClass
from webui.training.world.palette import COLOUR_WORDS, COLOURS, lit_colour
from webui.training.world.render import Box, Rendering, render
from webui.training.world.scene import (
    GROUNDS,
    KINDS,
    SIDES,
    STYLES,
    TIMES,
    Scene,
    Thing,
    sample_scene,
)
from webui.training.world.styles import apply_style
from webui.training.world.two_grounds import TwoGrounds, render_two_grounds, sample_two_grounds

__all__ = [
    "CLASSES",
    "CLASS_INDEX",
    "COLOURS",
    "COLOUR_WORDS",
    "GROUNDS",
    "KINDS",
    "SIDES",
    "STYLES",
    "TIMES",
    "Box",
    "Caption",
    "Rendering",
    "SaidThing",
    "Scene",
    "SceneClass",
    "Thing",
    "TwoGrounds",
    "apply_style",
    "caption",
    "caption_facts",
    "caption_text",
    "lit_colour",
    "render",
    "render_two_grounds",
    "sample_scene",
    "sample_two_grounds",
    "vocabulary",
]
