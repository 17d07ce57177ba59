"""Names the upscaler for menus, orders and the API."""

from collections.abc import Mapping

from webui.hooks.specs import hookimpl

from .about import EXPLAINED, SCALE2X


@hookimpl
def upscalers() -> Mapping[str, str]:
    """One."""
    return {SCALE2X: EXPLAINED}
