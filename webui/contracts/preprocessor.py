"""How a preprocessor is declared: what turns a picture into one that a controlnet reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from webui.contracts.errors import FieldProblem, InvalidField

Pixels = NDArray[np.uint8]
"""(H, W, 3), RGB."""
Values = Mapping[str, float]
"""Of all parameters of a preprocessor, by name."""


@dataclass(frozen=True)
class Setting:
    """A number that a preprocessor depends on."""

    name: str
    title: str
    low: float
    high: float
    usual: float
    step: float = 1.0


@dataclass(frozen=True)
class Preprocessor:
    """One way to make a control picture."""

    name: str
    """What requests and the menu call it, as the ControlNet extension of AUTOMATIC1111 does where it has it."""
    help: str
    """One sentence."""
    reads: tuple[str, ...]
    """What the controlnets that it is for read, as in `AdapterInfo.reads`."""
    run: Callable[[Pixels, Values], Pixels]
    """Gives a picture of the same size."""
    settings: tuple[Setting, ...] = ()
    keeps_numbers: bool = False
    """Whether it is shown the bare numbers of a grey or palette picture, in all three channels."""

    def values(self, given: Mapping[str, float]) -> dict[str, float]:
        """The settings, usual ones filled in.

        Raises:
            InvalidField: one is unknown or out of range.
        """
        known = {setting.name: setting for setting in self.settings}
        problems = []
        for name, value in given.items():
            setting = known.get(name)
            if setting is None:
                names = ", ".join(known) or "no settings"
                problems.append(FieldProblem(f"settings.{name}", str(value), f"one of {names}"))
            elif not setting.low <= value <= setting.high:
                expected = f"a number from {setting.low:g} to {setting.high:g}"
                problems.append(FieldProblem(f"settings.{name}", str(value), expected))
        if problems:
            raise InvalidField(problems)
        return {setting.name: given.get(setting.name, setting.usual) for setting in self.settings}
