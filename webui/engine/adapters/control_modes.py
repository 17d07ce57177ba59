"""Who counts more, the prompt or what steers it: the three modes of AUTOMATIC1111's ControlNet extension.

Where the prompt counts more, what is said fades away from the middle of the network. Where the control counts
more it fades too, and the negative prompt is not steered: guidance then leads towards what is steered.
"""

from __future__ import annotations

from collections.abc import Sequence

from webui.contracts.conditions import BALANCED, CONTROL_FIRST

FADING = 0.825
"""Share of what is said that is left, from each connection of a controlnet to the next one outwards."""
T2I_SHARES = (0.25, 0.62, 0.825, 1.0)
"""Of the four features of a T2I-Adapter, the finest first."""


def connection_shares(mode: str, count: int) -> Sequence[float]:
    """How much a controlnet counts at each of its connections, the outermost first, its middle last."""
    if mode == BALANCED:
        return [1.0] * count
    return [FADING ** (count - 1 - place) for place in range(count)]


def level_shares(mode: str, count: int) -> Sequence[float]:
    """How much a T2I-Adapter counts at each of its levels, the finest first."""
    return [1.0] * count if mode == BALANCED else T2I_SHARES[-count:]


def steers(mode: str, negative: bool) -> bool:
    """Whether a row is steered at all, that of the negative prompt or another."""
    return not (negative and mode == CONTROL_FIRST)
