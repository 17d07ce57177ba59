"""The names of samplers, schedules and guidance methods, in menu order, with the spellings other programs use.

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
    discards_penultimate: bool = False
    """Whether it always leaves out the last level before 0, as AUTOMATIC1111 has it."""
    guidance_factor: float = 1.0
    """Of the guidance scale: CFG++ works between 0 and 1 where others do between 1 and 12.5."""
    wants_unguided: bool = False
    """Whether it needs the unguided guess beside the guided one."""


CLASSIFIER_FREE = "Classifier-free"
PROJECTED = "Adaptive projected"
GUIDANCE_METHODS: Mapping[str, str] = {
    CLASSIFIER_FREE: "Away from the negative prompt, by the guidance scale (Ho & Salimans 2022).",
    PROJECTED: "Without what would only raise contrast and colour, so that high scales do not burn (Sadat et al. 2024).",
}
"""Ways to make one prediction of the prompt's and the negative prompt's, with a line on each; in menu order."""

SAMPLERS: tuple[SamplerInfo, ...] = (
    SamplerInfo("DPM++ 2M", ("k_dpmpp_2m", "dpmpp_2m"), "Karras", False, 1),
    SamplerInfo("DPM++ SDE", ("k_dpmpp_sde", "dpmpp_sde"), "Karras", True, 2),
    SamplerInfo("DPM++ 2M SDE", ("k_dpmpp_2m_sde", "dpmpp_2m_sde"), "Exponential", True, 1),
    SamplerInfo(
        "DPM++ 2M SDE Heun", ("k_dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun"), "Exponential", True, 1
    ),
    SamplerInfo(
        "DPM++ 2S a", ("k_dpmpp_2s_a", "dpmpp_2s_a", "dpmpp_2s_ancestral"), "Karras", True, 2
    ),
    SamplerInfo("DPM++ 3M SDE", ("k_dpmpp_3m_sde", "dpmpp_3m_sde"), "Exponential", True, 1),
    SamplerInfo(
        "Euler a",
        ("k_euler_a", "k_euler_ancestral", "euler_a", "euler_ancestral"),
        "Uniform",
        True,
        1,
    ),
    SamplerInfo("Euler", ("k_euler",), "Uniform", False, 1),
    SamplerInfo("LMS", ("k_lms",), "Uniform", False, 1),
    SamplerInfo("Heun", ("k_heun",), "Uniform", False, 2),
    SamplerInfo("HeunPP2", ("heunpp2", "k_heunpp2"), "Uniform", False, 3),
    SamplerInfo("DPM2", ("k_dpm_2", "dpm_2"), "Karras", False, 2, discards_penultimate=True),
    SamplerInfo(
        "DPM2 a",
        ("k_dpm_2_a", "dpm_2_a", "k_dpm_2_ancestral", "dpm_2_ancestral"),
        "Karras",
        True,
        2,
        discards_penultimate=True,
    ),
    SamplerInfo("DPM fast", ("k_dpm_fast", "dpm_fast"), "Uniform", False, 1),
    SamplerInfo("DPM adaptive", ("k_dpm_ad", "dpm_adaptive"), "Uniform", False, 1),
    SamplerInfo("Restart", ("k_restart",), "Karras", True, 2),
    SamplerInfo("DDIM", (), "DDIM", False, 1),
    SamplerInfo(
        "DDIM CFG++",
        ("ddim_cfgpp",),
        "DDIM",
        False,
        1,
        guidance_factor=1 / 12.5,
        wants_unguided=True,
    ),
    SamplerInfo("DDPM", (), "Uniform", True, 1),
    SamplerInfo("PLMS", ("pndm",), "DDIM", False, 1),
    SamplerInfo("UniPC", ("uni_pc",), "Uniform", False, 1),
    SamplerInfo("DEIS", ("k_deis",), "Uniform", False, 1),
    SamplerInfo("iPNDM", (), "Uniform", False, 1),
    SamplerInfo("ER-SDE", ("er_sde",), "Uniform", True, 1),
    SamplerInfo("LCM", ("k_lcm",), "LCM", True, 1),
    SamplerInfo("TCD", ("k_tcd",), "SGM Uniform", True, 1),
)

AUTOMATIC = "Automatic"

SCHEDULES: Mapping[str, str] = {
    AUTOMATIC: "What suits the sampler best",
    "Uniform": "Evenly spaced training timesteps",
    "Karras": "Noise levels of Karras et al. 2022, rho 7",
    "Exponential": "Noise levels evenly spaced in their logarithm",
    "Polyexponential": "As Exponential, with rho as the exponent of the place; equal to it at rho 1",
    "SGM Uniform": "Evenly spaced timesteps, trailing, as Stability's generative-models",
    "KL Optimal": "Noise levels evenly spaced in their arc tangent: least divergence for Gaussian data",
    "Align Your Steps": "Noise levels that were optimised for Stable Diffusion, 1 or XL (Sabour et al. 2024)",
    "Simple": "Training timesteps counted back from the last in equal strides, as in ComfyUI",
    "Normal": "Evenly spaced timesteps between the highest and the lowest noise level",
    "DDIM": "Evenly spaced timesteps with offset one, as in the DDIM paper's code",
    "Beta": "Noise levels placed by a beta distribution of 0.6 and 0.6: dense at both ends",
    "Turbo": "Whole timesteps, trailing, as distilled models were taught",
    "Align Your Steps GITS": "Noise levels by the bend of Stable Diffusion's trajectories (Chen et al. 2024)",
    "Align Your Steps 32": "Align Your Steps from a finer table, for about 32 steps",
    "LCM": "The timesteps that latent consistency models, and LCM-LoRAs, were distilled at",
}
"""Name and one-line explanation, in menu order."""


_SCHEDULE_ALIASES = {
    "ays": "Align Your Steps",
    "ays11": "Align Your Steps",
    "alignyoursteps11": "Align Your Steps",  # Forge has the same table twice
    "aysgits": "Align Your Steps GITS",
    "gits": "Align Your Steps GITS",
    "ays32": "Align Your Steps 32",
    "ddimuniform": "DDIM",
    "kl": "KL Optimal",
}
"""Other programs' spellings, without what stands between their words."""
_ENDINGS = {"ka": "Karras", "exp": "Exponential"}
"""Of AUTOMATIC1111's short names before 1.9, such as k_dpmpp_2m_ka."""


def find_schedule(name: str) -> str | None:
    """The schedule of this name, however its words are joined: SGM Uniform, sgm_uniform, SGMUniform."""
    wanted = _joined(name)
    known = {_joined(schedule): schedule for schedule in SCHEDULES} | _SCHEDULE_ALIASES
    return known.get(wanted)


def find_sampler(name: str) -> tuple[SamplerInfo, str | None] | None:
    """The sampler of this name or alias, and the schedule where the name ends in one.

    'DPM++ 2M Karras' is the way AUTOMATIC1111 before 1.9 named two choices in one.
    """
    wanted = name.strip().lower()
    words = wanted.split(" ")
    endings: list[tuple[str, str | None]] = [(wanted, None)]
    for count in range(len(words) - 1, 0, -1):
        schedule = find_schedule(" ".join(words[-count:]))
        if schedule is not None:
            endings.append((" ".join(words[:-count]), schedule))
    bare, _, ending = wanted.rpartition("_")
    if ending in _ENDINGS:
        endings.append((bare, _ENDINGS[ending]))
    for bare, schedule in endings:
        for info in SAMPLERS:
            if bare == info.name.lower() or bare in info.aliases:
                return info, schedule
    return None


def _joined(name: str) -> str:
    return name.strip().lower().replace(" ", "").replace("_", "").replace("-", "")
