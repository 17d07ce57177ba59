"""Names the guidance method for menus, orders and the API."""

from collections.abc import Mapping

from webui.hooks.specs import hookimpl

from .about import EXPLAINED, ZERO_STAR


@hookimpl
def guidance_methods() -> Mapping[str, str]:
    """One."""
    return {ZERO_STAR: EXPLAINED}
