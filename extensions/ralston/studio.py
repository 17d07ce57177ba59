"""Names the sampler for menus, orders and the API."""

from collections.abc import Sequence

from webui.contracts.choices import SamplerInfo
from webui.hooks.specs import hookimpl

from .about import RALSTON


@hookimpl
def samplers() -> Sequence[SamplerInfo]:
    """One."""
    return [RALSTON]
