"""Why an extension could not be used, found before it is enabled and without running its code."""

from __future__ import annotations

from collections.abc import Collection

from webui.contracts.extension import Manifest
from webui.hooks.declared import signature_faults
from webui.hooks.needs import conflicts_with_others, conflicts_with_pins


def reasons_against(manifest: Manifest, beside: Collection[str]) -> tuple[str, ...]:
    """A sentence each: needs, conflicts and signatures; `beside` are the other extensions that are enabled."""
    rivals = tuple(
        f"The extension {manifest.name!r} cannot be used beside {name!r}. Disable one of them."
        for name in manifest.conflicts
        if name in beside
    )
    needs = conflicts_with_pins(manifest) + conflicts_with_others(manifest, beside)
    return rivals + needs + signature_faults(manifest)
