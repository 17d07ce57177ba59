"""Takes over what ADetailer wrote into pictures, where it looked for faces as this does."""

from collections.abc import Mapping

from webui.contracts.access import Pasted
from webui.hooks.specs import hookimpl

MODEL, PROMPT, STRENGTH = "ADetailer model", "ADetailer prompt", "ADetailer denoising strength"
SIDES = ("ADetailer inpaint width", "ADetailer inpaint height")


@hookimpl
def pasted(others: Mapping[str, str]) -> Pasted | None:
    """Its model, words, strength and size; of one that looked for something else, nothing."""
    if "face" not in others.get(MODEL, ""):
        return None
    said: dict[str, object] = {"find": "faces", "prompt": others.get(PROMPT, "")}
    if STRENGTH in others:
        said["strength"] = float(others[STRENGTH])
    sides = [int(others[side]) for side in SIDES if side in others]
    if sides:
        said["size"] = max(sides)
    return Pasted(said, tuple(key for key in (MODEL, PROMPT, STRENGTH, *SIDES) if key in others))
