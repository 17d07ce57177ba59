"""What each extension may reach of the studio, made of its services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, JsonValue, ValidationError

from webui.contracts.access import StudioAccess
from webui.contracts.errors import FieldProblem, InvalidField, NotFound
from webui.services.extensions import ExtensionService
from webui.services.gallery import Gallery
from webui.services.jobs import JobService
from webui.services.settings import SettingsStore


class Services(Protocol):
    """The services that are asked."""

    @property
    def jobs(self) -> JobService:
        """Takes orders."""
        ...

    @property
    def gallery(self) -> Gallery:
        """Has the pictures."""
        ...

    @property
    def extensions(self) -> ExtensionService:
        """Knows the models of their settings."""
        ...


def access_maker(
    data_dir: Path, services: Services, store: SettingsStore
) -> Callable[[str], StudioAccess]:
    """A function from an extension's name to what it may reach."""

    def access(name: str) -> StudioAccess:
        return StudioAccess(
            extension=name,
            folder=data_folder(data_dir, name),
            settings=lambda: read_settings(name, services.extensions, store),
            submit=services.jobs.submit,
            job=services.jobs.get,
            pictures=lambda limit: services.gallery.recent(limit),
            picture_file=services.gallery.path,
            request_of=services.gallery.request_of,
        )

    return access


def data_folder(data_dir: Path, name: str) -> Path:
    """Where an extension keeps its own files; it is made."""
    folder = data_dir / "outputs" / ".extensions" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_settings(
    name: str, extensions: ExtensionService, store: SettingsStore
) -> BaseModel | None:
    """An extension's settings as they are; what cannot be read any more is as at the beginning."""
    offers = extensions.studio.offers.get(name)
    if offers is None or offers.settings is None:
        return None
    kept = store.get(_key(name), {})
    try:
        return offers.settings.model_validate(kept)
    except ValidationError:
        return offers.settings()


def write_settings(
    name: str, values: dict[str, JsonValue], extensions: ExtensionService, store: SettingsStore
) -> BaseModel:
    """Keep an extension's settings; those that are not given stay.

    Raises:
        NotFound: it has none, or is not in use.
        InvalidField: a value is wrong; nothing was kept.
    """
    offers = extensions.studio.offers.get(name)
    present = read_settings(name, extensions, store)
    if offers is None or offers.settings is None or present is None:
        raise NotFound("extension with settings", name)
    try:
        made = offers.settings.model_validate({**present.model_dump(mode="json"), **values})
    except ValidationError as error:
        raise InvalidField(
            [
                FieldProblem(".".join(map(str, e["loc"])), f"{e['input']!r:.100}", e["msg"])
                for e in error.errors()
            ]
        ) from error
    store.put(_key(name), made.model_dump(mode="json"))
    return made


def _key(name: str) -> str:
    return f"extensions.{name}"
