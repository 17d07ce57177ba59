"""Installing extensions: each change is shown first, then done. Only at the computer itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator

from webui.api.context import ApiContext
from webui.api.errors import ANSWERS
from webui.api.extension_views import ExtensionView
from webui.api.extensions import Name, view_of
from webui.api.views import View
from webui.contracts.extension import PERMISSIONS
from webui.contracts.extension_change import ExtensionChange, Origin

Id = Annotated[str, Path(description="Of a change.", pattern="[0-9a-f]{32}")]
NAMED = 500
"""Files that are named at most, of each kind."""


class Wanted(BaseModel):
    """One of the three."""

    model_config = ConfigDict(extra="forbid")

    source: str | None = Field(
        None,
        max_length=2000,
        description="A git address (with @ and a tag or commit behind it where one is meant), a folder or archive of this "
        "computer, or the name of a Python package.",
    )
    update: str | None = Field(None, max_length=100, description="An extension to fetch anew.")
    back: str | None = Field(None, max_length=100, description="One to set back to what it was.")

    @model_validator(mode="after")
    def _one(self) -> Wanted:
        if sum(value is not None for value in (self.source, self.update, self.back)) != 1:
            raise ValueError("exactly one of source, update and back")
        return self


class FilesView(View):
    """Files that would come, change and go."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class ChangeView(View):
    """A change that waits for a yes; nothing of it has run."""

    id: str
    name: str
    title: str
    summary: str
    version: str
    version_before: str | None = Field(description="Null where nothing of this name is installed.")
    source: str
    source_before: str | None = Field(
        description="Where that came from; null where nobody noted it."
    )
    revision: str = Field(description="The commit, or 'sha256:' and the digest of the files.")
    processes: tuple[str, ...] = Field(description="Where its code would run.")
    hooks: tuple[str, ...] = Field(description="The extension points that its modules name.")
    hooks_before: tuple[str, ...]
    permissions: dict[str, str] = Field(description="What it says that it does, in words.")
    permissions_added: tuple[str, ...]
    permissions_removed: tuple[str, ...]
    packages: tuple[str, ...] = Field(
        description="What would be put into its own folder of packages."
    )
    files: FilesView
    edited: bool = Field(description="Whether somebody edited the files that it would replace.")
    goes_back: bool
    changes_nothing: bool = Field(description="Whether exactly these files are installed already.")


class InstallingView(View):
    """Whether this studio installs extensions, and what waits."""

    refusal: str | None = Field(description="Why not; null where it does.")
    waiting: tuple[ChangeView, ...]


def extension_changes_router(context: ApiContext) -> APIRouter:
    """The routes below /extension-changes, and the removal of an extension."""
    router = APIRouter(tags=["extensions"], responses={403: ANSWERS[403]})
    installer, service = context.installer, context.extensions

    @router.get("/extension-changes", summary="See what waits to be installed")
    def waiting() -> InstallingView:
        """Whether this studio installs extensions at all, and which changes wait."""
        changes = tuple(_view(change) for change in installer.waiting())
        return InstallingView(refusal=installer.refusal, waiting=changes)

    @router.post(
        "/extension-changes",
        status_code=201,
        responses={400: ANSWERS[422], 422: ANSWERS[422]},
        summary="Fetch an extension and see what it would change",
    )
    def propose(wanted: Wanted) -> ChangeView:
        """Takes as long as fetching does. Nothing of it runs."""
        if wanted.update is not None:
            return _view(installer.propose_update(wanted.update))
        if wanted.back is not None:
            return _view(installer.propose_back(wanted.back))
        return _view(installer.propose(wanted.source or ""))

    @router.post(
        "/extension-changes/{id}",
        responses={404: ANSWERS[404], 400: ANSWERS[422]},
        summary="Do what was shown",
    )
    def carry_out(id: Id) -> ExtensionView:
        """The files are put in place; a new extension stays off, one in use is loaded anew."""
        name = installer.carry_out(id).manifest.name
        service.follow()
        return view_of(context, service.status(name))

    @router.delete("/extension-changes/{id}", status_code=204, summary="Drop what was shown")
    def discard(id: Id) -> None:
        """Nothing is changed."""
        installer.discard(id)

    @router.delete(
        "/extensions/{name}",
        status_code=204,
        responses={404: ANSWERS[404], 400: ANSWERS[422]},
        summary="Remove an extension",
    )
    def remove(name: Name) -> None:
        """It is switched off and moved to the bin, from which `back` takes it."""
        installer.remove(name)
        service.enable(name, wanted=False)

    return router


def _view(change: ExtensionChange) -> ChangeView:
    new, before, files = change.manifest, change.before, change.files
    return ChangeView(
        id=change.id, name=new.name, title=new.title or new.name, summary=new.summary, version=new.version,
        version_before=None if before is None else before.version,
        source=change.origin.source, source_before=_source(change.origin_before), revision=change.origin.revision,
        processes=new.processes, hooks=change.hooks, hooks_before=change.hooks_before,
        permissions={name: PERMISSIONS[name] for name in new.permissions},
        permissions_added=change.permissions_added, permissions_removed=change.permissions_removed,
        packages=change.packages, edited=change.edited, goes_back=change.goes_back, changes_nothing=change.changes_nothing,
        files=FilesView(
            added=files.added[:NAMED], changed=files.changed[:NAMED], removed=files.removed[:NAMED]
        ),
    )  # fmt: skip


def _source(origin: Origin | None) -> str | None:
    return None if origin is None else origin.source
