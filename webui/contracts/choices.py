"""The names of samplers and schedules, in menu order, with the spellings other programs use.

The algorithms live under `engine/`; this table is what the UI, the API and the metadata need of
them without importing torch. A test checks that both agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SamplerInfo:
    """A sampler as a menu and the API show it."""

    name: str
    """What users call it, as AUTOMATIC1111 spells it."""
    aliases: tuple[str, ...]
    """Other accepted spellings, lower case."""
    automatic_schedule: str
    """The schedule that 'Automatic' stands for."""
    stochastic: bool
    """Whether it draws fresh noise at each step."""
    evaluations_per_step: int
    """Network evaluations a step takes, for the estimate of time."""


SAMPLERS: tuple[SamplerInfo, ...] = (
    SamplerInfo("Euler", ("k_euler", "euler"), "Uniform", False, 1),
    SamplerInfo("Euler a", ("k_euler_a", "k_euler_ancestral", "euler_a"), "Uniform", True, 1),
    SamplerInfo("Heun", ("k_heun", "heun"), "Uniform", False, 2),
    SamplerInfo("DPM++ 2M", ("k_dpmpp_2m", "dpmpp_2m"), "Karras", False, 1),
    SamplerInfo("DPM++ 2M SDE", ("k_dpmpp_2m_sde", "dpmpp_2m_sde"), "Exponential", True, 1),
    SamplerInfo("DDIM", ("ddim",), "DDIM", False, 1),
    SamplerInfo("UniPC", ("unipc", "uni_pc"), "Uniform", False, 1),
    SamplerInfo("LCM", ("lcm", "k_lcm"), "SGM Uniform", True, 1),
)

AUTOMATIC = "Automatic"

SCHEDULES: Mapping[str, str] = {
    AUTOMATIC: "What suits the sampler best",
    "Uniform": "Evenly spaced training timesteps",
    "Karras": "Noise levels of Karras et al. 2022, rho 7",
    "Exponential": "Noise levels evenly spaced in their logarithm",
    "SGM Uniform": "Evenly spaced timesteps, trailing, as Stability's generative-models",
    "DDIM": "Evenly spaced timesteps with offset one, as in the DDIM paper's code",
}
"""Name and one-line explanation, in menu order."""


def find_sampler(name: str) -> tuple[SamplerInfo, str | None] | None:
    """The sampler of this name or alias, and the schedule where the name ends in one.

    'DPM++ 2M Karras' is the way AUTOMATIC1111 before 1.9 named two choices in one.
    """
    wanted = name.strip().lower()
    for schedule in (None, *SCHEDULES):
        if schedule is not None and not wanted.endswith(" " + schedule.lower()):
            continue
        bare = wanted if schedule is None else wanted[: -len(schedule) - 1]
        for info in SAMPLERS:
            if bare == info.name.lower() or bare in info.aliases:
                return info, schedule
    return None
