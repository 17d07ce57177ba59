"""Easel's own extensions in the worker: features that need no more than any extension may."""

from __future__ import annotations

from types import ModuleType

from webui.engine.builtin import dynamic_thresholding, projected_guidance

BUILTIN: tuple[tuple[str, ModuleType], ...] = (
    ("easel.dynamic_thresholding", dynamic_thresholding),
    ("easel.projected_guidance", projected_guidance),
)
"""Name and module; `is_asked_for(request)` of a module says whether it takes part in a picture."""
