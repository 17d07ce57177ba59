"""What a model needs around each pass: its files as they were, and the networks of the pass in the device's memory."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from webui.engine.batching import AnyWaiting
from webui.engine.work import Answer, EncodeBoxes, EncodeText, Execute, UpscalePixels, Work


def readied(run: Execute) -> Execute:
    """`run` with the networks that it needs in memory, on models whose files are as they were when they were mapped."""

    def ready_and_run(works: Sequence[Work]) -> list[Answer]:
        model = works[0].model
        model.check_files()
        if model.apart is not None:
            model.apart.stage.bring(cast_of(works[0]))
        answers = run(works)
        model.check_files()
        return answers

    return ready_and_run


def cast_of(work: Work) -> tuple[nn.Module, ...]:
    """The networks that have to come into memory for a piece of work; none of a model that is there as a whole."""
    apart = work.model.apart
    if apart is None or isinstance(work, UpscalePixels):
        return ()
    return apart.reading if isinstance(work, (EncodeText, EncodeBoxes)) else apart.drawing


def in_turn(waiting: Sequence[AnyWaiting]) -> Sequence[AnyWaiting]:
    """Those whose work may be next: all, but for models that are in memory by parts.

    The parts that are there keep their place while work waits for them, up to a time; then it is the turn of those that
    are missed longest, for all works that wait for them.
    """
    missed = [member for member in waiting if not _is_there(member.work)]
    if not missed:
        return waiting
    there = [member for member in waiting if _is_there(member.work)]
    first = min(missed, key=lambda member: member.since).work
    at_work = any(cast_of(member.work) for member in there)
    if at_work and first.model.apart is not None and first.model.apart.stage.is_kept:
        return there
    wholes = [member for member in there if not cast_of(member.work)]
    return [*wholes, *(m for m in missed if cast_of(m.work) == cast_of(first))]


def _is_there(work: Work) -> bool:
    apart = work.model.apart
    return apart is None or apart.stage.has(cast_of(work))
