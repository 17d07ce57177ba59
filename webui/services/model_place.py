"""A place among the models: taken by nobody, then filled in one step."""

from __future__ import annotations

from pathlib import Path

from webui.contracts.errors import BadRequest
from webui.services.files import sync_folder


def check_free(models: Path, target: str) -> None:
    """See that nothing is at a place yet.

    Args:
        models: The folder of models.
        target: Below it, '/' separated.

    Raises:
        BadRequest: there is something.
    """
    if (models / target).exists():
        raise BadRequest(f"There is {target!r} among the models already. Choose another name.")


def put_in_place(source: Path, target: Path) -> None:
    """Bring what is whole to its place on the same disk; all of it or nothing, and never over something.

    Raises:
        BadRequest: something is there by now.
        OSError: the disk.
    """
    if target.exists():
        raise BadRequest(
            f"Something called {target.name!r} came to be among the models meanwhile; it was not replaced. Rename it and "
            "go on."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    sync_folder(target.parent)
