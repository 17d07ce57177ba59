"""The program behind `launch.py models merge` and `models convert`: paths in, a model out.

python -m webui.engine.tools.command TARGET FIRST [OTHER ...] [flags]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BadRequest
from webui.contracts.ids import AdapterId
from webui.contracts.making import BLOCKS
from webui.engine.adapters.lora import LoadedLora, load_lora
from webui.engine.tools.merge import METHODS, Recipe, make_model
from webui.engine.tools.model_source import ModelSource
from webui.engine.tools.writing import PRECISIONS
from webui.weights.room import AVERAGED

LAYOUTS = ("folder", "file")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make one model.

    Raises:
        EaselError: it cannot be made; says why.
    """
    options = read_arguments(arguments)
    recipe = Recipe(
        method=options.method,
        ratio=options.ratio,
        blocks=_row(options.blocks),
        precision=PRECISIONS.get(options.precision),
        loras=tuple(_lora(given) for given in options.lora),
        without=omitted(options),
    )
    first, *others = [ModelSource(Path(path)) for path in options.models]
    wanted = 3 if recipe.method == "difference" else 2
    if others and 1 + len(others) != wanted:
        raise BadRequest(
            f"{1 + len(others)} models were given; {recipe.method!r} is made of {wanted}."
        )
    target = Path(options.target)
    if options.layout is None:
        make_model(target, first, tuple(others), recipe)
    else:
        if others or recipe.loras:
            raise BadRequest(
                "--layout converts one model as it is; merge, or put LoRAs in, before or after."
            )
        from webui.engine.tools.layouts import change_layout  # noqa: PLC0415  imports transformers

        if left_out := change_layout(first, target, options.layout, recipe):
            sys.stderr.write(f"{left_out} tensors that nothing draws with were left out.\n")
    sys.stdout.write(f"{target}\n")


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """What the words of the command say; the process's own where none are given."""
    return _parser().parse_args(arguments)


def omitted(options: argparse.Namespace) -> tuple[str, ...]:
    """Beginnings of names of tensors that are not written."""
    return (AVERAGED,) if options.prune else ()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python launch.py models merge")
    parser.add_argument("target")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--method", choices=METHODS, default="sum")
    parser.add_argument("--ratio", type=float, default=0.5)
    parser.add_argument("--blocks", default="")
    parser.add_argument("--precision", choices=tuple(PRECISIONS))
    parser.add_argument("--lora", action="append", default=[], metavar="PATH:WEIGHT")
    parser.add_argument("--prune", action="store_true")
    parser.add_argument("--layout", choices=LAYOUTS)
    return parser


def _row(text: str) -> tuple[float, ...]:
    try:
        row = tuple(float(number) for number in text.split(",")) if text else ()
    except ValueError:
        row = (0.0,)
    if row and len(row) != BLOCKS:
        raise BadRequest(
            f"--blocks is {text[:100]!r}; {BLOCKS} numbers with commas were expected: BASE, IN00 to IN11, M00, OUT00 "
            "to OUT11."
        )
    return row


def _lora(given: str) -> tuple[LoadedLora, float]:
    path, _, weight = given.rpartition(":")
    try:
        strength = float(weight)
    except ValueError as error:
        raise BadRequest(f"--lora is {given[:200]!r}; PATH:WEIGHT was expected.") from error
    file = Path(path)
    info = AdapterInfo(AdapterId(file.stem), "lora", file.stem, str(file), file.stat().st_size)
    return load_lora(info, torch.device("cpu")), strength


if __name__ == "__main__":
    main()
