"""What each extension may reach of the studio, made of its services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from webui.contracts.access import StudioAccess
from webui.services.extensions import ExtensionService
from webui.services.gallery import Gallery
from webui.services.jobs import JobService


class Services(Protocol):
    """The services that are asked."""

    @property
    def jobs(self) -> JobService:
        """Takes orders."""
        ...

    @property
    def extensions(self) -> ExtensionService:
        """Has the extensions in use."""
        ...

    @property
    def gallery(self) -> Gallery:
        """Has the pictures."""
        ...


def access_maker(data_dir: Path, services: Services) -> Callable[[str], StudioAccess]:
    """A function from an extension's name to what it may reach."""

    def access(name: str) -> StudioAccess:
        return StudioAccess(
            extension=name,
            folder=data_folder(data_dir, name),
            submit=services.jobs.submit,
            job=services.jobs.get,
            pictures=lambda limit: services.gallery.recent(limit),
            picture_file=services.gallery.path,
            request_of=services.gallery.request_of,
            settings=lambda: services.extensions.settings(name),
        )

    return access


def data_folder(data_dir: Path, name: str) -> Path:
    """Where an extension keeps its own files; it is made."""
    folder = data_dir / "outputs" / ".extensions" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
