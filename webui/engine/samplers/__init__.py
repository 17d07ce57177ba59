"""The samplers, in menu order: one generator function per algorithm, all of one signature."""

from __future__ import annotations

from collections.abc import Mapping

from webui.engine.samplers.common import Sampler, SamplerOptions
from webui.engine.samplers.ddim import ddim
from webui.engine.samplers.dpmpp import dpmpp_2m, dpmpp_2m_sde
from webui.engine.samplers.euler import euler, euler_ancestral
from webui.engine.samplers.heun import heun
from webui.engine.samplers.lcm import lcm
from webui.engine.samplers.unipc import unipc

__all__ = ["SAMPLERS", "Sampler", "SamplerOptions"]

SAMPLERS: Mapping[str, Sampler] = {
    "Euler": euler,
    "Euler a": euler_ancestral,
    "Heun": heun,
    "DPM++ 2M": dpmpp_2m,
    "DPM++ 2M SDE": dpmpp_2m_sde,
    "DDIM": ddim,
    "UniPC": unipc,
    "LCM": lcm,
}
"""Names as in `contracts/choices.py`."""
