"""An extension that can change a picture at every point, and writes down what it was asked."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.hooks.writing import write_extension

POINTS = ("conditioning", "latent", "guidance", "denoised", "sampled", "picture", "program")

_WORKER = """
from pathlib import Path
from webui.hooks.specs import hookimpl

ASKED = Path(__file__).with_name("asked.txt")

def asked(point):
    with ASKED.open("a") as lines:
        lines.write(point + "\\n")

@hookimpl
def change_conditioning(conditioning, order, arguments):
    asked("conditioning")
    if arguments.which != "conditioning":
        return None
    if conditioning.planes is not None:
        return conditioning.with_planes(conditioning.planes * 0.5)
    if len(conditioning.texts) and arguments.share == 0.25:
        return conditioning.with_tokens(lambda tokens: tokens * 0.5)
    return conditioning.with_weights(0.5)

@hookimpl
def change_latent(latent, moment, arguments):
    asked("latent")
    return latent + 0.1 * moment.step if arguments.which == "latent" else None

@hookimpl
def change_guidance(guided, output, moment, arguments):
    asked("guidance")
    return output[:1] * 0.5 if arguments.which == "guidance" else None

@hookimpl
def change_denoised(denoised, moment, arguments):
    asked("denoised")
    return denoised * 0.9 if arguments.which == "denoised" else None

@hookimpl
def change_sampled(latent, arguments):
    asked("sampled")
    return -latent if arguments.which == "sampled" else None

@hookimpl
def change_picture(pixels, arguments):
    asked("picture")
    return 255 - pixels if arguments.which == "picture" else None

@hookimpl
def wrap_program(program, order, model, arguments):
    asked("program")
    return doubled(program) if arguments.which == "program" else None

def doubled(program):
    pixels = yield from program
    return pixels[::-1].copy()
"""
_ARGUMENTS = """
from pydantic import BaseModel, Field

class Which(BaseModel):
    which: str = "nothing"
    share: float = Field(0.5, ge=0, le=1)
"""


def write_changing(parent: Path) -> Path:
    """Write the folder of the extension 'changing'; `which` of its arguments is one of `POINTS`."""
    return write_extension(parent, "changing", worker=_WORKER, arguments=_ARGUMENTS, model="Which")


def asked_of(folder: Path) -> Counter[str]:
    """How often each point was asked since the last call."""
    file = folder / "asked.txt"
    lines = file.read_text("utf-8").split() if file.exists() else []
    file.unlink(missing_ok=True)
    return Counter(lines)
