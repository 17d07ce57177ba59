"""Names of the classes that released models were trained on, in the order of their numbers.

Facts of the data sets: ImageNet's thousand (Russakovsky et al. 2015; where two classes share a name, what
tells them apart is added), and those of Open Images V6 that the authors of latent-diffusion kept for boxes.
COCO-Stuff's are a palette that is painted in: `contracts/palettes.py`.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

DataSet = Literal["imagenet", "open_images"]


@cache
def class_names(data_set: DataSet) -> tuple[str, ...]:
    """One name a class; no two are alike."""
    file = resources.files(__package__) / f"{data_set}.txt"
    return tuple(file.read_text(encoding="utf-8").split("\n")[:-1])
