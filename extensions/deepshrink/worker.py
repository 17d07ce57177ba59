"""Hangs two functions into the network around each early evaluation: one shrinks, one grows again."""

from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from torch.nn.functional import interpolate

from webui.contracts.errors import BadRequest
from webui.engine.work import Predict, StepTaken
from webui.hooks.specs import hookimpl

from .arguments import DeepShrink


@hookimpl
def wrap_program(program, order, arguments: DeepShrink):
    """The program, whose early evaluations are patched."""
    if arguments.factor == 1 or arguments.until == 0:
        return None
    if order.request.controls:
        raise BadRequest("Deep shrink cannot be used beside ControlNets, which speak of the picture at its own size.")
    return shrunk(program, arguments.until * order.request.steps, partial(smaller, factor=arguments.factor))


def shrunk(program, last_step: float, patch):
    """The picture of a program that draws its steps up to the last one with a patched network."""
    step, answer = 0, None
    while True:
        try:
            work = program.send(answer)
        except StopIteration as ended:
            return ended.value
        if isinstance(work, StepTaken):
            step = max(step, work.step)  # a second pass counts from 1 again, and is left alone
        elif isinstance(work, Predict) and step < last_step:
            work = replace(work, patchings=(*work.patchings, patch))
        answer = yield work


@contextmanager
def smaller(network, factor: float):
    """The network, whose levels between the first and the last see the picture smaller."""
    levels = getattr(network, "down_blocks", ())
    if len(levels) < 2:
        raise BadRequest("Deep shrink needs a UNet, which this model is not. Leave it out, or choose another model.")
    multiple = 2 ** (len(levels) - 2)
    handles = (
        levels[0].register_forward_hook(partial(shrink, factor=factor, multiple=multiple)),
        network.up_blocks[-1].register_forward_pre_hook(grow, with_kwargs=True),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def shrink(_level, _given, output, factor: float, multiple: int):
    """What the first level hands on, smaller; so is the last of what it leaves for the way back, for it is the same."""
    handed, left = output
    size = [max(1, round(side / factor / multiple)) * multiple for side in handed.shape[-2:]]
    small = interpolate(handed, size, mode="bicubic")
    return small, (*left[:-1], small)


def grow(_level, given, named):
    """What the last level is handed, of the size of what was left for it."""
    wanted = named["res_hidden_states_tuple"][-1].shape[-2:]
    handed = named["hidden_states"]
    if handed.shape[-2:] != wanted:
        handed = interpolate(handed, wanted, mode="bicubic")
    return given, {**named, "hidden_states": handed}
