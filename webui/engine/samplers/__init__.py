"""The samplers, in menu order: one generator function per algorithm, all of one signature."""

from __future__ import annotations

from collections.abc import Mapping

from webui.engine.samplers.cfgpp import ddim_cfgpp
from webui.engine.samplers.common import Churn, Sampler, SamplerOptions
from webui.engine.samplers.ddim import ddim, ddpm, tcd
from webui.engine.samplers.dpm2 import dpm2, dpm2_ancestral
from webui.engine.samplers.dpm_solver import dpm_adaptive, dpm_fast
from webui.engine.samplers.dpmpp import (
    dpmpp_2m,
    dpmpp_2m_sde,
    dpmpp_2m_sde_heun,
    dpmpp_2s_ancestral,
    dpmpp_3m_sde,
    dpmpp_sde,
)
from webui.engine.samplers.er_sde import er_sde
from webui.engine.samplers.euler import euler, euler_ancestral
from webui.engine.samplers.heun import heun, heunpp2
from webui.engine.samplers.lcm import lcm
from webui.engine.samplers.multistep import deis, ipndm, lms, plms
from webui.engine.samplers.restart import restart
from webui.engine.samplers.unipc import unipc

__all__ = ["SAMPLERS", "Churn", "Sampler", "SamplerOptions"]

SAMPLERS: Mapping[str, Sampler] = {
    "DPM++ 2M": dpmpp_2m,
    "DPM++ SDE": dpmpp_sde,
    "DPM++ 2M SDE": dpmpp_2m_sde,
    "DPM++ 2M SDE Heun": dpmpp_2m_sde_heun,
    "DPM++ 2S a": dpmpp_2s_ancestral,
    "DPM++ 3M SDE": dpmpp_3m_sde,
    "Euler a": euler_ancestral,
    "Euler": euler,
    "LMS": lms,
    "Heun": heun,
    "HeunPP2": heunpp2,
    "DPM2": dpm2,
    "DPM2 a": dpm2_ancestral,
    "DPM fast": dpm_fast,
    "DPM adaptive": dpm_adaptive,
    "Restart": restart,
    "DDIM": ddim,
    "DDIM CFG++": ddim_cfgpp,
    "DDPM": ddpm,
    "PLMS": plms,
    "UniPC": unipc,
    "DEIS": deis,
    "iPNDM": ipndm,
    "ER-SDE": er_sde,
    "LCM": lcm,
    "TCD": tcd,
}
"""Names as in `contracts/choices.py`."""
