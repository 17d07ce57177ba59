"""Everything in the box, from nothing: `python launch.py train starter --recipe cpu|gpu`.

Trains what measures first, then the text model, then all that grows from it; each step is the
program that `train <kind>` runs by itself, in its own folder below one work folder, where all share
the scenes that were drawn. Every step is resumable: the same command goes on where it stopped.

A CPU is busy with one training. A GPU is not: small networks leave most of it idle, and while one
training waits for its pictures another computes. So with the gpu recipe all kinds that need nothing
but the text model are trained beside one another, each in a process of its own.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from webui.training.command import REPOSITORY, STARTER, TrainingRefused, parse

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One program of the plan."""

    kind: str
    """As in `train <kind>`."""
    module: str
    flags: tuple[str, ...] = ()
    after: tuple[str, ...] = ("text",)
    """Names of the steps that make what it needs."""

    @property
    def name(self) -> str:
        """Of its folder below the work folder: the kind, and what the flags choose."""
        return "-".join((self.kind, *self.flags[1::2]))


STEPS: tuple[Step, ...] = (
    Step("judge", "webui.training.judge", after=()),
    Step("segmenter", "webui.training.segmenter", after=()),
    Step("segformer", "webui.training.segformer", after=()),
    Step("text", "webui.training.text_to_image", after=()),
    Step("turbo", "webui.training.turbo"),
    Step("inpaint", "webui.training.inpaint"),
    Step("semantic", "webui.training.semantic"),
    Step("layout", "webui.training.layout"),
    Step("depth", "webui.training.depth"),
    Step("vq-first-stage", "webui.training.vq_first_stage"),
    Step("upscale", "webui.training.upscale", after=("vq-first-stage",)),
    Step("upscale-decoder", "webui.training.upscale_decoder", after=("upscale",)),
    Step("controlnet", "webui.training.controlnet", ("--hint", "edges")),
    Step("controlnet", "webui.training.controlnet", ("--hint", "classes")),
    Step("lora", "webui.training.lora", ("--concept", "lighthouse")),
    Step("lora", "webui.training.lora", ("--concept", "linocut")),
    Step("first-stages", "webui.training.tradeoff", after=("judge", "text")),
)
"""In the order in which one needs the other."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Train every kind; the budget, where one is given, is shared out evenly."""
    own = argparse.ArgumentParser(add_help=False)
    own.add_argument("--only", metavar="NAMES")
    chosen, rest = own.parse_known_args(arguments)
    command = parse("starter", __doc__ or "", rest, out=STARTER, goes_on=False)
    steps = choose(chosen.only)
    flags = ["--recipe", command.recipe]
    if command.minutes is not None:
        flags += ["--minutes", str(command.minutes / len(steps))]
    run = run_beside if command.recipe == "gpu" else run_in_turn
    return run(steps, flags, command.work)


def choose(names: str | None) -> tuple[Step, ...]:
    """The steps of these names, separated by commas, in the plan's order; None takes all.

    Raises:
        TrainingRefused: there is no such step.
    """
    if names is None:
        return STEPS
    wanted = set(names.split(","))
    if unknown := wanted - {step.name for step in STEPS}:
        raise TrainingRefused(
            f"--only names {', '.join(sorted(unknown))}; expected some of "
            f"{', '.join(step.name for step in STEPS)}, separated by commas."
        )
    return tuple(step for step in STEPS if step.name in wanted)


def flags_of(step: Step, flags: Sequence[str], work: Path) -> list[str]:
    """What a step's program is started with."""
    folder = work / (step.kind if step.kind == "lora" else step.name)  # a LoRA adds its own
    return [*step.flags, *flags, "--work", str(folder)]


def run_in_turn(steps: Sequence[Step], flags: Sequence[str], work: Path) -> int:
    """One after the other, in this process; the first failure ends it with its status."""
    for step in steps:
        log.info("training %s", step.name)
        train: Callable[[Sequence[str]], int] = import_module(step.module).main
        if status := train(flags_of(step, flags, work)):
            return status
    return 0


def run_beside(steps: Sequence[Step], flags: Sequence[str], work: Path) -> int:
    """Each in a process of its own, as soon as those that it needs are done.

    A failure ends no other training: they are worth their time. What needs the failed one is not
    begun. Each process writes `<name>.log` into the work folder.
    """
    work.mkdir(parents=True, exist_ok=True)
    waiting, running = list(steps), dict[str, subprocess.Popen[bytes]]()
    planned = {step.name for step in steps}
    done, failed = set[str](), set[str]()
    while waiting or running:
        for step in list(waiting):
            needed = planned.intersection(step.after)
            if needed & failed:
                waiting.remove(step)
                failed.add(step.name)
                log.error("%s is not begun: %s failed", step.name, ", ".join(needed & failed))
            elif needed <= done:
                waiting.remove(step)
                running[step.name] = _start(step, flags_of(step, flags, work), work)
        for name, process in list(running.items()):
            try:
                status = process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
            del running[name]
            (failed if status else done).add(name)
            log.info("%s: %s", name, f"failed, {work / name}.log says why" if status else "done")
    return 1 if failed else 0


def _start(step: Step, flags: Sequence[str], work: Path) -> subprocess.Popen[bytes]:
    log.info("training %s", step.name)
    with (work / f"{step.name}.log").open("ab") as written:
        return subprocess.Popen(
            [sys.executable, "-m", step.module, *flags],
            cwd=REPOSITORY,
            env=dict(os.environ, OMP_NUM_THREADS="2"),  # noqa: TID251  a child of this process
            stdout=written,
            stderr=subprocess.STDOUT,
        )


if __name__ == "__main__":
    raise SystemExit(main())
