"""Easel's own extensions of a data folder, asked as those of strangers are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from webui.hooks.builtin import own_extensions
from webui.hooks.builtin.wildcard_files import WildcardFiles
from webui.hooks.host import HookHost
from webui.hooks.studio import StudioExtensions
from webui.services.wildcards import WildcardStore


@cache
def own_hooks(folder: Path) -> StudioExtensions:
    """All of them; the same for the same folder, as in a studio."""
    host = HookHost()
    for name, extension in own_extensions(folder):
        host.register(extension, name)
    hooks = StudioExtensions(host)
    hooks.settled.set()
    return hooks


def store_of(*folders: Path) -> WildcardStore:
    """The wildcards in the files of some folders."""
    host = HookHost()
    host.register(WildcardFiles(folders), "easel.wildcard_files")
    return WildcardStore(StudioExtensions(host).wildcards)
