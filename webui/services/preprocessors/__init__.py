"""Preprocessors: a picture becomes one that a controlnet reads. OpenCV and numpy, no networks."""

from __future__ import annotations

from webui.contracts.preprocessor import Preprocessor, Setting
from webui.services.preprocessors import classes, lines, surfaces

__all__ = ["PREPROCESSORS", "Preprocessor", "Setting"]

PREPROCESSORS: tuple[Preprocessor, ...] = (
    Preprocessor(
        "canny", "Thin white edges on black.", ("edges",), lines.canny,
        (Setting("low", "Weakest edge", 1, 255, 100), Setting("high", "Strong edge", 1, 255, 200)),
    ),
    Preprocessor(
        "softedge", "Soft edges, the steeper the brighter.", ("soft edges", "edges"), lines.soft_edges,
        (Setting("softness", "Softness", 0.1, 8, 1.5, 0.1),),
    ),
    Preprocessor(
        "scribble", "Broad white strokes, as if scribbled.", ("scribble",), lines.scribble,
        (Setting("threshold", "Least contrast", 1, 64, 32),),
    ),
    Preprocessor(
        "lineart", "Fine white lines on black from a drawing or a photograph.", ("lines", "straight lines"),
        lines.lineart, (Setting("width", "Widest line", 1, 20, 6, 0.5),),
    ),
    Preprocessor(
        "depth", "A depth map, stretched from black (far) to white (near).", ("depth",), surfaces.depth,
        (Setting("invert", "White is far", 0, 1, 0),),
    ),
    Preprocessor(
        "normals", "Which way surfaces face, from a depth map.", ("normals",), surfaces.normals,
        (Setting("strength", "Strength", 0.1, 50, 8, 0.1), Setting("softness", "Softness", 0, 8, 1, 0.1)),
    ),
    Preprocessor(
        "tile", "The picture without its detail.", ("tile",), surfaces.tile,
        (Setting("factor", "Detail lost", 1, 16, 4, 0.5),),
    ),
    Preprocessor(
        "blur", "The picture out of focus.", ("blur", "tile"), surfaces.blur,
        (Setting("sigma", "Pixels", 0.5, 64, 9, 0.5),),
    ),
    Preprocessor(
        "recolor", "Lightness alone, to be coloured.", ("grey",), surfaces.grey,
        (Setting("gamma", "Gamma", 0.1, 4, 1, 0.05),),
    ),
    Preprocessor(
        "threshold", "Black and white; level 0 finds it itself.", ("scribble",), surfaces.threshold,
        (Setting("level", "Level", 0, 254, 0),),
    ),
    Preprocessor(
        "invert", "Dark lines on white become white ones on black.", ("lines", "scribble", "edges"),
        surfaces.invert,
    ),
    Preprocessor(
        "class colours", "A map of class numbers in the colours of its classes.",
        ("classes", "class colours"), classes.class_colours, keeps_numbers=True,
    ),
)  # fmt: skip
"""In menu order."""
