"""The palette of Pascal VOC (Everingham et al. 2010): its classes, their colours and what draws each."""

from collections.abc import Mapping

from webui.contracts.palettes import Palette
from webui.hooks.specs import hookimpl

WORDS = {
    "background": "a plain background", "aeroplane": "an aeroplane", "bicycle": "a bicycle", "bird": "a bird", "boat": "a boat",
    "bottle": "a bottle", "bus": "a bus", "car": "a car", "cat": "a cat", "chair": "a chair", "cow": "a cow",
    "diningtable": "a dining table", "dog": "a dog", "horse": "a horse", "motorbike": "a motorbike", "person": "a person",
    "pottedplant": "a potted plant", "sheep": "a sheep", "sofa": "a sofa", "train": "a train", "tvmonitor": "a television",
}  # fmt: skip
"""By class, in the order of their numbers."""


@hookimpl
def palettes() -> Mapping[str, Palette]:
    """One."""
    colours = tuple(colour_of(number) for number in range(len(WORDS)))
    return {"Pascal VOC": Palette(tuple(WORDS), colours, tuple(WORDS.values()))}


def colour_of(number: int) -> tuple[int, int, int]:
    """Each third bit of a class's number goes to one colour, the lowest ones to its highest bits."""
    levels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            levels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return levels[0], levels[1], levels[2]
