"""All checks of an extension, in order: what needs no code first, then each process, then its own tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import BadExtension
from webui.contracts.extension import API_VERSION
from webui.hooks.declared import async_hooks, signature_faults, unmarked_hooks
from webui.hooks.manifest import read_manifest
from webui.hooks.needs import conflicts_with_pins
from webui.hooks.points import PLAIN
from webui.services.extension_checks.outcome import Outcome
from webui.services.extension_checks.own_tests import check_tests
from webui.services.extension_checks.studio_side import check_studio
from webui.services.extension_checks.worker_side import MakeWorker, check_worker


@dataclass(frozen=True)
class Bench:
    """What extensions are checked with."""

    repository: Path
    checkpoint: CheckpointInfo | None
    """A small model of the box; without it no pictures are drawn."""
    make_worker: MakeWorker


def check_extension(folder: Path, bench: Bench) -> Iterator[Outcome]:
    """Check the extension in a folder, one outcome after the other; what cannot follow is left out."""
    try:
        manifest = read_manifest(folder.resolve())
    except BadExtension as error:
        yield Outcome("manifest", False, str(error))
        return
    said = f"{manifest.name} {manifest.version}, for extension points {manifest.easel}; these are {API_VERSION}"
    yield Outcome("manifest", True, said)
    conflicts = conflicts_with_pins(manifest)
    yield Outcome(
        "needs", not conflicts, " ".join(conflicts) or ", ".join(manifest.needs) or "none"
    )
    unmarked = unmarked_hooks(manifest)
    said = (
        f"{', '.join(unmarked)} named like extension points, without @hookimpl" if unmarked else ""
    )
    yield Outcome("hooks are marked", not unmarked, said)
    late = async_hooks(manifest)
    said = f"{', '.join(late)} is written with 'async def', which nobody runs; {PLAIN}"
    yield Outcome("hooks are plain", not late, said if late else "")
    faults = signature_faults(manifest)
    yield Outcome("hooks fit the points", not faults, " ".join(faults))
    if conflicts or late or faults:
        return
    with tempfile.TemporaryDirectory() as own:
        studio = check_studio(manifest, Path(own))
    yield from studio.outcomes
    if "worker" in manifest.processes and studio.offers is not None:
        if bench.checkpoint is None:
            yield Outcome("worker", False, "nothing was drawn, for the model of the box is missing")
        else:
            yield from check_worker(manifest, studio.offers, bench.checkpoint, bench.make_worker)
    yield check_tests(manifest, bench.repository)
