"""Everything in the box, from nothing: `python launch.py train starter --recipe cpu|gpu`.

Trains what measures first, then the text model, then all that grows from it; each step is the
program that `train <kind>` runs by itself, in its own folder below one work folder, where all share
the scenes that were drawn. Every step is resumable: the same command goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib import import_module

from webui.training.command import STARTER, parse

log = logging.getLogger(__name__)

KINDS: tuple[tuple[str, str], ...] = (
    ("judge", "webui.training.judge"),
    ("segmenter", "webui.training.segmenter"),
    ("text", "webui.training.text_to_image"),
    ("turbo", "webui.training.turbo"),
    ("inpaint", "webui.training.inpaint"),
    ("semantic", "webui.training.semantic"),
    ("layout", "webui.training.layout"),
    ("depth", "webui.training.depth"),
    ("vq-first-stage", "webui.training.vq_first_stage"),
    ("upscale", "webui.training.upscale"),
    ("controlnet", "webui.training.controlnet"),
    ("lora", "webui.training.lora"),
    ("first-stages", "webui.training.tradeoff"),
)
"""Kind and module, in the order in which one needs the other."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every kind; the budget, where one is given, is shared out evenly."""
    command = parse("starter", __doc__ or "", arguments, out=STARTER)
    flags = ["--recipe", command.recipe]
    if command.minutes is not None:
        flags += ["--minutes", str(command.minutes / len(KINDS))]
    for kind, module in KINDS:
        log.info("training %s", kind)
        train: Callable[[Sequence[str]], int] = import_module(module).main
        if status := train([*flags, "--work", str(command.work / kind)]):
            return status
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
