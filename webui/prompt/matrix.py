"""The prompt matrix: a|b|c drawn with every combination of what stands behind the first bar.

`a castle|at night|in snow` is four prompts: a castle; a castle, at night; a castle, in snow; and
a castle, at night, in snow. Bars inside of brackets or braces belong to these.
"""

from __future__ import annotations

from webui.prompt.choices import split_outside

JOINER = ", "


def matrix_size(prompt: str) -> int:
    """How many prompts a matrix is."""
    return int(2 ** (len(split_outside(prompt, "|")) - 1))


def matrix_prompts(prompt: str) -> tuple[str, ...]:
    """All prompts of a matrix, in AUTOMATIC1111's order: bit k of the place is part k + 1."""
    first, *others = (part.strip() for part in split_outside(prompt, "|"))
    return tuple(
        JOINER.join([first, *(part for k, part in enumerate(others) if place >> k & 1)])
        for place in range(2 ** len(others))
    )
