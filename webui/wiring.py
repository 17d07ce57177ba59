"""The wiring: the only place that chooses concrete classes and puts them together.

Each service is made when another first asks for it, so what needs what can be read here, and no order has to be kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from webui.api.context import ApiContext
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.events import Event, ExtensionsChanged, LibraryChanged
from webui.contracts.preferences import ENGINE
from webui.contracts.settings import Settings
from webui.hooks.builtin import own_extensions
from webui.hooks.host import HookHost
from webui.hooks.patience import studio_seconds
from webui.hooks.studio import StudioExtensions
from webui.services.added_families import AddedFamilies
from webui.services.batches import BatchService
from webui.services.catalog import Catalog
from webui.services.database import open_database
from webui.services.dispatcher import Dispatcher
from webui.services.downloads.downloads import Downloads
from webui.services.downloads.network import Web, is_any, is_public
from webui.services.downloads.sources import Sites
from webui.services.events import EventBus
from webui.services.extension_access import access_maker
from webui.services.extension_install.installer import ExtensionInstaller
from webui.services.extension_settings import ExtensionSettings
from webui.services.extension_state import ExtensionState
from webui.services.extensions import ExtensionService
from webui.services.file_records import FileRecords
from webui.services.gallery import Gallery
from webui.services.gate import QueueGate
from webui.services.images import ImageStore
from webui.services.inputs import InputFolders
from webui.services.jobs import JobService
from webui.services.known_hashes import KnownHashes
from webui.services.library import Library
from webui.services.makings.makings import Makings
from webui.services.makings.records import MakingRecords
from webui.services.model_folders import ModelFolders
from webui.services.notes import NoteStore
from webui.services.pasting import ParameterReader
from webui.services.picture_bin import PictureBin
from webui.services.plots.axes import AxisTable
from webui.services.plots.finishing import PlotFinisher
from webui.services.plots.plots import PlotService
from webui.services.plots.records import PlotRecords
from webui.services.preferences import PreferenceService
from webui.services.prompt_lists import PromptLists
from webui.services.prompt_reader import PromptReader
from webui.services.queue_file import QueueFile
from webui.services.settings import SettingsStore
from webui.services.supervisor import MakeWorker
from webui.services.wording import WordSources
from webui.worker_programs import worker_makers

if TYPE_CHECKING:
    from sqlalchemy import Engine


class Wiring:
    """The services of one studio."""

    def __init__(self, settings: Settings, make_workers: Sequence[MakeWorker] = ()) -> None:
        """`make_workers` take the place of those that the settings ask for."""
        self.settings = settings
        self._make_workers = make_workers
        self.events = EventBus()

    def connect(self) -> None:
        """Have the services hear of one another; once."""
        self.hooks.access = access_maker(self.settings.data_dir, self.context)
        self.catalog.preferred = lambda: self.preferences.current().default_model
        self.preferences.models = lambda: [info.id for info in self.catalog.models()]
        self.preferences.on_change.append(self._preferred)
        self.extensions.on_change.append(self._extensions_changed)
        for hear in (self.hooks.observe, self.finisher.hear, self._library_changed):
            self.events.subscribe(hear)

    def _preferred(self, names: Collection[str]) -> None:
        if not set(names).isdisjoint(ENGINE):
            self.dispatcher.renew_workers()

    def _extensions_changed(self) -> None:
        self.dispatcher.refresh_extensions()
        self.events.publish(ExtensionsChanged())
        self.events.publish(LibraryChanged())  # of other families

    def _library_changed(self, event: Event) -> None:
        if isinstance(event, LibraryChanged):
            self.library.forget()

    def _folders_changed(self) -> None:
        self.events.publish(LibraryChanged())

    def _made(self) -> None:
        self.catalog.refresh()
        self.events.publish(LibraryChanged())

    # What is kept

    @cached_property
    def database(self) -> Engine:
        """The record of everything; brought up to date first."""
        return open_database(self.settings.database)

    @cached_property
    def store(self) -> SettingsStore:
        """Values by name that outlive a start."""
        return SettingsStore(self.database)

    @cached_property
    def preferences(self) -> PreferenceService:
        """The settings of the settings tab."""
        program = (self.settings.repository, self.settings.data_dir)
        return PreferenceService(self.store, self.settings.changing_refusal, program)

    @cached_property
    def records(self) -> FileRecords:
        """What was found out of files of models."""
        return FileRecords(self.database)

    @cached_property
    def notes(self) -> NoteStore:
        """What people noted of models."""
        return NoteStore(self.database, self.settings.previews)

    @cached_property
    def images(self) -> ImageStore:
        """Pictures that were given."""
        return ImageStore(self.settings.images)

    # Extensions

    @cached_property
    def hooks(self) -> StudioExtensions:
        """The extension points, with Easel's own users of them."""
        host = HookHost(seconds=studio_seconds)
        for name, extension in own_extensions(self.settings.data_dir):
            host.register(extension, name)
        return StudioExtensions(host)

    @cached_property
    def extensions(self) -> ExtensionService:
        """What is installed, and in use."""
        return ExtensionService(
            self.settings.extension_folders,
            ExtensionState(self.settings.data_dir),
            self.hooks,
            ExtensionSettings(self.store),
            self.settings.develop,
        )

    # Models

    @cached_property
    def catalog(self) -> Catalog:
        """The models and adapters; the fake engine can draw no real one, so it is offered none."""
        folders = () if self.settings.fake else self.settings.model_folders
        added = AddedFamilies(self.hooks.families)
        return Catalog(folders, self._built_in_models(), self.records, self.notes, added)

    def _built_in_models(self) -> tuple[CheckpointInfo, ...]:
        if not self.settings.fake:
            return ()
        from webui.contracts.fakes import FAKE_CHECKPOINTS  # noqa: PLC0415  numpy, for this choice only

        return FAKE_CHECKPOINTS

    @cached_property
    def library(self) -> Library:
        """The models tab."""
        return Library(self.catalog, self.notes, self.records)

    @cached_property
    def hashes(self) -> KnownHashes:
        """Hashes of models' files."""
        return KnownHashes(self.database, self.catalog)

    @cached_property
    def downloads(self) -> Downloads:
        """Models on their way here."""
        web = Web(is_any if self.settings.private_downloads else is_public, self.settings.tokens)
        sites = Sites(hugging_face=self.settings.hugging_face)
        models = self.settings.model_folders[0]
        return Downloads(self.database, models, web, sites, self.events, self.library.installed)

    @cached_property
    def makings(self) -> Makings:
        """Models that are made of others."""
        records, models = MakingRecords(self.settings.data_dir), self.settings.model_folders[0]
        return Makings(records, models, self.catalog, self._made, self.settings.making_refusal)

    @cached_property
    def model_folders(self) -> ModelFolders:
        """Folders of models that were added in the page."""

        def arrange(added: Sequence[Path]) -> Sequence[Path]:
            return () if self.settings.fake else self.settings.folders_with(added)

        return ModelFolders(
            self.store, self.catalog, arrange, self.settings.folders_refusal, self._folders_changed
        )

    # Jobs and pictures

    @cached_property
    def words(self) -> WordSources:
        """Styles, wildcards and functions of prompts."""
        return WordSources.below(self.settings.data_dir, self.hooks)

    @cached_property
    def jobs(self) -> JobService:
        """The queue's record."""
        return JobService(self.database, self.catalog, self.images, self.events, sources=self.words)

    @cached_property
    def gallery(self) -> Gallery:
        """Finished pictures."""
        return Gallery(
            self.database,
            self.settings.outputs,
            self.events,
            self.hooks,
            hashes=self.hashes.of_picture,
            preferences=self.preferences.current,
        )

    @cached_property
    def gate(self) -> QueueGate:
        """Whether the queue is held."""
        return QueueGate(self.store, self.events)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Has the workers draw what is queued."""
        return Dispatcher(
            self.jobs,
            self.catalog,
            self.images,
            self.gallery,
            self.events,
            self._make_workers or worker_makers(self.settings, self.preferences.current),
            extensions=self.extensions,
            is_paused=lambda: self.gate.is_paused,
            preferences=self.preferences.current,
        )

    @cached_property
    def reader(self) -> ParameterReader:
        """Reads what pictures and other programs tell of parameters."""
        return ParameterReader(
            self.catalog, self.words.styles, self.images, self.hashes, self.hooks
        )

    @cached_property
    def plots(self) -> PlotRecords:
        """The record of X/Y/Z plots."""
        return PlotRecords(self.database)

    @cached_property
    def finisher(self) -> PlotFinisher:
        """Puts a plot's pictures together."""
        return PlotFinisher(self.plots, self.jobs, self.gallery)

    # What HTTP reaches

    @cached_property
    def context(self) -> ApiContext:
        """All that the routes use."""
        settings, images, jobs = self.settings, self.images, self.jobs
        axes = AxisTable(self.catalog, self.words.styles, self.hooks)
        return ApiContext(
            jobs, self.catalog, self.gallery, images, self.events, self.dispatcher, self.words,
            PromptReader(self.catalog, self.words), self.extensions, self.reader, self.hashes,
            self.downloads, self.library,
            BatchService(
                jobs, images, self.reader, InputFolders(settings.data_dir / "inputs"),
                self.extensions.studio.preprocessors,
            ),
            PromptLists(jobs, self.catalog), PlotService(jobs, axes, self.plots),
            ExtensionInstaller(settings.extension_folders, settings.installing_refusal), self.gate,
            QueueFile(jobs, images),
            PictureBin(self.database, settings.outputs, settings.emptying_refusal),
            self.preferences, self.makings, self.model_folders,
            settings.facts if settings.changing_refusal is None else (),
        )  # fmt: skip
