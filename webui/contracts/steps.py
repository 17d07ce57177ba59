"""How many denoising steps a picture takes: what is told before it is drawn, and what is drawn."""

from __future__ import annotations

from webui.contracts.checkpoint import CheckpointInfo, Task
from webui.contracts.parameters.drawing import MAX_SEED
from webui.contracts.parameters.upscaling import BY_MODEL
from webui.contracts.request import GenerationRequest

MOST_OF_ALL = 0.999
"""The denoising strength from which on all steps are taken."""
TAKES_ALL: tuple[Task, ...] = ("upscale", "edit", "variation")
"""Tasks that look at an image and begin with noise alone, so that all steps are taken."""


def steps_of(request: GenerationRequest, checkpoint: CheckpointInfo) -> int:
    """Denoising steps that one picture of the request takes, over both passes.

    With an image to start from, the share that its strength asks for, as AUTOMATIC1111 counts it: the first step of the share is run too, and strength 1 is all of them. With
    `exact_steps` it is the asked number at any strength above 0.
    """
    if request.is_drawn_in_tiles:
        return _share(request)
    if request.upscaler != BY_MODEL:
        return 0
    if checkpoint.task in TAKES_ALL:
        return request.steps
    if request.image is None:
        return request.steps + (hires_steps_of(request)[1] if request.has_hires else 0)
    return sum(_share(again) for again in rounds_of(request))


def rounds_of(request: GenerationRequest) -> tuple[GenerationRequest, ...]:
    """What each round of a picture that starts from an image is drawn by: its strength, and the next seed."""
    if request.loops == 1:
        return (request,)
    moving = "variation_seed" if request.variation_strength > 0 else "seed"
    rounds = []
    for index in range(request.loops):
        strength = request.strength_of_round(index, request.denoising_strength)
        seed = (getattr(request, moving) + index) % (MAX_SEED + 1)
        rounds.append({"denoising_strength": strength, moving: seed, "loops": 1})
    return tuple(request.model_copy(update=own) for own in rounds)


def passes_of(request: GenerationRequest, task: Task) -> tuple[int, ...]:
    """Steps of the first pass over a picture, by a model of a task, and of the second where there is one that draws."""
    if request.image is not None and task in TAKES_ALL:
        return (request.steps,)
    if request.image is not None:
        return (_share(request),)
    second = hires_steps_of(request)[1] if request.has_hires else 0
    return (request.steps, second) if second else (request.steps,)


def hires_steps_of(request: GenerationRequest) -> tuple[int, int]:
    """Steps that the second pass divides its schedule into, and how many of the last it takes.

    Steps that were asked for are all taken; else they are the share of the first pass's steps that
    the denoising strength leaves, as AUTOMATIC1111 counts both.
    """
    if request.denoising_strength == 0:
        return request.steps, 0
    if request.hires_steps == 0:
        return request.steps, _share(request)
    whole = int(request.hires_steps / min(request.denoising_strength, MOST_OF_ALL))
    return whole, request.hires_steps


def strength_of(request: GenerationRequest) -> float:
    """How far a picture is led away from what it begins with, from 0 to 1."""
    return request.tile_strength if request.is_drawn_in_tiles else request.denoising_strength


def _share(request: GenerationRequest) -> int:
    strength = strength_of(request)
    if strength == 0:
        return 0
    if request.exact_steps and request.image is not None:
        return request.steps
    return int(min(strength, MOST_OF_ALL) * request.steps) + 1
