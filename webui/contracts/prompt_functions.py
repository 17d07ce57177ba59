"""Functions of the prompt language: what one is called with, and what it says."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PromptCall:
    """A function's place in a prompt: ${name(argument|argument)}."""

    arguments: tuple[str, ...]
    """What stands between the brackets, all choices made, without the space around it."""
    chance: random.Random
    """Of the picture's seed and of this place alone; draw from `random()`, which Python keeps the same for ever."""


PromptFunction = Callable[[PromptCall], str]
"""What is said in the call's place; it is text, in which no choices are made any more."""
