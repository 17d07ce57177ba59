"""What both processes know of the sampler."""

from webui.contracts.choices import SamplerInfo

RALSTON = SamplerInfo("Ralston", (), "Karras", stochastic=False, evaluations_per_step=2)
