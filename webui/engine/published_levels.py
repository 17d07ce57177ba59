"""Noise levels that others searched for and published, for networks of Stable Diffusion's kinds.

All begin at 14.615 and end at about 0.03, which is the range that Stable Diffusion 1 and XL were trained
over. As AUTOMATIC1111 and Forge use them, they are the levels above 0; what stands between two is
interpolated in log sigma.
"""

from __future__ import annotations

from dataclasses import dataclass

HIGHEST, LOWEST = 14.614641, 0.0291675
"""The range of training, of which the tables' ends are 14.615 and 0.029, rounded."""

Levels = tuple[float, ...]


@dataclass(frozen=True)
class PublishedLevels:
    """The tables for one kind of network, falling."""

    aligned: Levels
    """Of ten steps and one to 0: Align Your Steps (Sabour et al. 2024)."""
    trajectory: Levels
    """Of ten steps and one to 0: GITS, by the trajectories' bend (Chen et al. 2024), as Forge has it."""
    aligned_fine: Levels
    """Of 32 steps: Align Your Steps, of which Forge has a finer table."""


STABLE_DIFFUSION = PublishedLevels(
    aligned=(
        HIGHEST, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, LOWEST,
    ),
    trajectory=(
        HIGHEST, 4.617, 2.507, 1.236, 0.702, 0.402, 0.240, 0.156, 0.104, 0.094, LOWEST,
    ),
    aligned_fine=(
        HIGHEST, 11.23951352, 8.64363081, 6.64729424, 5.57250862, 4.71648546, 3.99196065, 3.5195609,
        3.13490466, 2.79228788, 2.48773628, 2.21663865, 1.97508351, 1.7793172, 1.61475335, 1.46540953,
        1.314849, 1.16642497, 1.03475547, 0.91573744, 0.80748169, 0.71202361, 0.621739, 0.53065202,
        0.4529096, 0.37491455, 0.27461819, 0.2011529, 0.14105873, 0.06682881, 0.03166121, 0.015,
    ),
)  # fmt: skip
"""Of Stable Diffusion 1, and of whatever network has no tables of its own."""

STABLE_DIFFUSION_XL = PublishedLevels(
    aligned=(
        HIGHEST, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, LOWEST,
    ),
    trajectory=(
        HIGHEST, 4.734, 2.567, 1.529, 0.987, 0.652, 0.418, 0.268, 0.179, 0.127, LOWEST,
    ),
    aligned_fine=(
        HIGHEST, 11.1491618, 8.50522127, 6.48827151, 5.43707402, 4.60398619, 3.89854704, 3.27407457,
        2.74396527, 2.29968659, 1.95448514, 1.67108715, 1.42878152, 1.23181009, 1.06789649, 0.92579443,
        0.80290886, 0.69660121, 0.60436903, 0.52852552, 0.46773344, 0.41393379, 0.36258186, 0.31008517,
        0.26518925, 0.22326461, 0.17653877, 0.13959192, 0.10587381, 0.05519369, 0.02877334, 0.015,
    ),
)  # fmt: skip
