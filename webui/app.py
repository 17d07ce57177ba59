"""The wiring: the only place that chooses concrete classes and puts them together.

Order matters for the person who waits. The server answers first; then the worker starts in its own
process, and meanwhile the page is imported in a thread (Gradio takes seconds) and mounted.
"""

from __future__ import annotations

import logging
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import FastAPI

from webui.api.app import create_api
from webui.api.context import ApiContext
from webui.api.guard import Guard
from webui.api.hosts import AllowedHosts, served_hosts
from webui.api.login import Login
from webui.api.sse import Streams
from webui.collector import importing
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.errors import EaselError
from webui.contracts.events import ExtensionsChanged, LibraryChanged
from webui.contracts.preferences import ENGINE, Preferences
from webui.contracts.settings import Settings
from webui.hooks.builtin import own_extensions
from webui.hooks.host import HookHost
from webui.hooks.patience import studio_seconds
from webui.hooks.studio import StudioExtensions
from webui.instance import InstanceLock
from webui.server import Server, address_of, open_socket
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
from webui.services.extension_watch import ExtensionWatch
from webui.services.extensions import ExtensionService
from webui.services.file_records import FileRecords
from webui.services.gallery import Gallery
from webui.services.gate import QueueGate
from webui.services.hashes import Librarian
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
from webui.services.prompt_reader import PromptReader
from webui.services.queue_file import QueueFile
from webui.services.settings import SettingsStore
from webui.services.supervisor import MakeWorker
from webui.services.wording import WordSources
from webui.workers.devices import CPU
from webui.workers.local import LocalWorker

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from webui.ui.context import UiContext

_log = logging.getLogger(__name__)


class LoginMissing(EaselError):
    """A studio that others can reach must have a login."""


class PageState:
    """Whether the page has come, and why not."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.ready = threading.Event()
        """Set when the page is mounted, or will never be."""


@dataclass(frozen=True)
class Studio:
    """Everything that one studio process consists of."""

    settings: Settings
    api: FastAPI
    guarded: Guard
    """What the server serves: the api behind its guard."""
    hosts: AllowedHosts
    streams: Streams
    context: ApiContext
    settings_store: SettingsStore
    page: PageState
    lock: InstanceLock
    librarian: Librarian
    plots: PlotFinisher
    watch: ExtensionWatch

    def start(self) -> None:
        """Load the extensions, take up the queue where it was left, and start the worker."""
        self.context.extensions.start()
        self.plots.start()
        self.context.dispatcher.start()
        self.context.downloads.start()
        self.context.makings.start()
        self.librarian.start()
        self.watch.start()

    def stop(self) -> None:
        """End the streams and the worker; the queue stays on disk."""
        self.streams.close()
        self.watch.stop()
        self.context.extensions.stop()
        self.librarian.stop()
        self.context.downloads.stop()
        self.context.makings.stop()
        self.context.dispatcher.stop()
        self.plots.stop()
        self.lock.release()

    def mount_page(self) -> None:
        """Import and mount the page. Takes seconds; the splash stands in its place until then."""
        try:
            _mount(self)
        except Exception:  # noqa: BLE001  a border: the studio goes on without its page
            _log.exception("The page could not be built.")
            self.page.problem = "The page could not be built; the log in the terminal says why."
        finally:
            self.page.ready.set()


def build_studio(settings: Settings, *make_workers: MakeWorker) -> Studio:
    """Put a studio together, of these workers or those that the settings ask for; nothing runs yet.

    Raises:
        LoginMissing: others can reach it and it has no login.
        AlreadyRunning: another studio serves this data folder.
    """
    if settings.user is None and (settings.share or settings.is_reachable):
        raise LoginMissing(
            f"The address {settings.host!r} can be reached from outside, so a login is required: "
            "--auth user:password."
        )
    lock = InstanceLock(settings.data_dir)
    events = EventBus()
    database = open_database(settings.database)
    store = SettingsStore(database)
    program = (settings.repository, settings.data_dir)
    preferences = PreferenceService(store, settings.changing_refusal, program)
    hooks, extensions = _extensions(settings, events, store)
    # The fake engine can draw no real model, so it is not offered one.
    folders = () if settings.fake else settings.model_folders
    records, notes = FileRecords(database), NoteStore(database, settings.previews)
    added = AddedFamilies(hooks.families)
    catalog = Catalog(folders, _built_in_models(settings), records, notes, added)
    catalog.preferred = lambda: preferences.current().default_model
    preferences.models = lambda: [info.id for info in catalog.models()]
    library = Library(catalog, notes, records)
    images = ImageStore(settings.images)
    words = WordSources.below(settings.data_dir, hooks)
    jobs = JobService(database, catalog, images, events, sources=words)
    hashes = KnownHashes(database, catalog)
    gallery = Gallery(
        database, settings.outputs, events, hooks,
        hashes=hashes.of_picture, preferences=preferences.current,
    )  # fmt: skip
    gate = QueueGate(store, events)
    dispatcher = Dispatcher(
        jobs,
        catalog,
        images,
        gallery,
        events,
        make_workers or worker_makers(settings, preferences.current),
        extensions=extensions,
        is_paused=lambda: gate.is_paused,
        preferences=preferences.current,
    )
    preferences.on_change.append(
        lambda names: None if set(names).isdisjoint(ENGINE) else dispatcher.renew_workers()
    )
    extensions.on_change.append(dispatcher.refresh_extensions)
    extensions.on_change.append(lambda: events.publish(ExtensionsChanged()))
    extensions.on_change.append(lambda: events.publish(LibraryChanged()))  # of other families
    reader = ParameterReader(catalog, words.styles, images, hashes, hooks)
    plots = PlotRecords(database)
    finisher = PlotFinisher(plots, jobs, gallery)
    events.subscribe(finisher.hear)
    context = ApiContext(
        jobs, catalog, gallery, images, events, dispatcher, words, PromptReader(catalog, words),
        extensions, reader, hashes,
        _downloads(settings, database, events, library), library,
        BatchService(jobs, images, reader, InputFolders(settings.data_dir / "inputs")),
        PlotService(jobs, AxisTable(catalog, words.styles, hooks), plots),
        ExtensionInstaller(settings.extension_folders, settings.installing_refusal), gate,
        QueueFile(jobs, images), PictureBin(database, settings.outputs, settings.emptying_refusal),
        preferences, _makings(settings, catalog, events), _model_folders(settings, store, catalog, events),
        settings.facts if settings.changing_refusal is None else (),
    )  # fmt: skip
    hooks.access = access_maker(settings.data_dir, context)
    events.subscribe(lambda event: library.forget() if isinstance(event, LibraryChanged) else None)
    streams, page = Streams(events), PageState()
    api = create_api(context, streams, lambda: page.problem)
    hosts = served_hosts(settings.host, settings.allowed_hosts)
    return Studio(
        settings=settings,
        api=api,
        guarded=Guard(api, hosts, _login(settings)),
        hosts=hosts,
        streams=streams,
        context=context,
        settings_store=store,
        page=page,
        lock=lock,
        librarian=Librarian(catalog, records, events),
        plots=finisher,
        watch=ExtensionWatch(extensions),
    )


def worker_makers(
    settings: Settings, preferences: Callable[[], Preferences] = Preferences
) -> list[MakeWorker]:
    """The workers that these settings ask for, one a device; what is preferred counts at each start of one."""
    return [worker_maker(settings, preferences, device) for device in settings.devices or [""]]


def worker_maker(
    settings: Settings,
    preferences: Callable[[], Preferences] = Preferences,
    device: str = "",
) -> MakeWorker:
    """A worker for one device, named as in `Settings.devices`; empty: the first that is found."""
    if settings.fake:
        from webui.contracts.fakes import FakeWorker  # noqa: PLC0415  numpy, for this choice only

        return FakeWorker
    program = [sys.executable, "-m", "webui.engine"]
    return lambda on_event: LocalWorker(
        on_event, [*program, *worker_flags(settings, preferences(), device)]
    )


def worker_flags(settings: Settings, preferred: Preferences, device: str = "") -> list[str]:
    """Flags of the worker program; a switch of the command line stays on whatever is preferred."""
    switches = {
        "--cpu": settings.cpu or device == CPU,
        "--compile": settings.compile or preferred.compile,
        "--cuda-graphs": settings.cuda_graphs or preferred.cuda_graphs,
        "--bfloat16": settings.bfloat16 or preferred.bfloat16,
    }
    numbers = {
        "--budget-bytes": int(preferred.memory_gib * 2**30),
        "--threads": preferred.threads,
    }
    gpu = device if device != CPU else ""
    return [
        *(flag for flag, is_on in switches.items() if is_on),
        *(["--gpu", gpu] if gpu else []),
        *(word for flag, number in numbers.items() if number for word in (flag, str(number))),
    ]


def serve(settings: Settings, announce: Callable[[str], None]) -> int:
    """Run a studio until a signal ends it; the result is the exit status."""
    try:
        listening = open_socket(settings.host, settings.port)
        studio = build_studio(replace(settings, port=listening.getsockname()[1]))
    except EaselError as error:
        announce(str(error))
        return 1
    address = address_of(listening)
    studio.lock.announce(address)

    def on_started() -> None:
        announce(f"Easel is at {address}")
        threading.Thread(target=_come_up, args=(studio, address, announce), daemon=True).start()

    server = Server(studio.guarded, on_started, studio.streams.close)
    try:
        server.run(sockets=[listening])
    finally:
        announce("Easel ends; what is queued goes on at the next start.")
        studio.stop()
    return 0


def _built_in_models(settings: Settings) -> tuple[CheckpointInfo, ...]:
    if not settings.fake:
        return ()
    from webui.contracts.fakes import FAKE_CHECKPOINTS  # noqa: PLC0415  see above

    return FAKE_CHECKPOINTS


def _downloads(
    settings: Settings, database: Engine, events: EventBus, library: Library
) -> Downloads:
    web = Web(is_any if settings.private_downloads else is_public, settings.tokens)
    sites = Sites(hugging_face=settings.hugging_face)
    models = settings.model_folders[0]
    return Downloads(database, models, web, sites, events, library.installed)


def _makings(settings: Settings, catalog: Catalog, events: EventBus) -> Makings:
    def made() -> None:
        catalog.refresh()
        events.publish(LibraryChanged())

    records, models = MakingRecords(settings.data_dir), settings.model_folders[0]
    return Makings(records, models, catalog, made, settings.making_refusal)


def _model_folders(
    settings: Settings, store: SettingsStore, catalog: Catalog, events: EventBus
) -> ModelFolders:
    def arrange(added: Sequence[Path]) -> Sequence[Path]:
        return () if settings.fake else settings.folders_with(added)

    def changed() -> None:
        events.publish(LibraryChanged())

    return ModelFolders(store, catalog, arrange, settings.folders_refusal, changed)


def _extensions(
    settings: Settings, events: EventBus, preferences: SettingsStore
) -> tuple[StudioExtensions, ExtensionService]:
    host = HookHost(seconds=studio_seconds)
    for name, extension in own_extensions(settings.data_dir):
        host.register(extension, name)
    hooks = StudioExtensions(host)
    events.subscribe(hooks.observe)
    state = ExtensionState(settings.data_dir)
    kept = ExtensionSettings(preferences)
    return hooks, ExtensionService(settings.extension_folders, state, hooks, kept, settings.develop)


def _come_up(studio: Studio, address: str, announce: Callable[[str], None]) -> None:
    """What follows once HTTP is answered: the worker, the page, the browser, the link."""
    studio.start()
    if studio.settings.open_browser:
        webbrowser.open(address)
    studio.mount_page()
    if studio.settings.share:
        _share(studio, announce)


def _mount(studio: Studio) -> None:
    from webui.ui.stubs import without_stubs  # noqa: PLC0415  the page's concern

    with importing(), without_stubs():
        from webui.ui.mount import mount_ui  # noqa: PLC0415  Gradio takes seconds to import

    mount_ui(studio.api, ui_context(studio))


def ui_context(studio: Studio) -> UiContext:
    """The services that the page may use."""
    from webui.ui.context import UiContext  # noqa: PLC0415  see above

    given = studio.context
    return UiContext(
        jobs=given.jobs,
        catalog=given.catalog,
        gallery=given.gallery,
        images=given.images,
        events=given.events,
        settings_store=studio.settings_store,
        dispatcher=given.dispatcher,
        styles=given.words.styles,
        batches=given.batches,
        plots=given.plots,
        extensions=given.extensions,
    )


def _share(studio: Studio, announce: Callable[[str], None]) -> None:
    from webui.ui.share import NoShareLink, open_share_link  # noqa: PLC0415  Gradio, see above

    try:
        link = open_share_link(studio.settings.port)
    except NoShareLink as error:
        announce(str(error))
        return
    studio.hosts.allow(urlsplit(link).hostname or "")
    announce(f"Anybody with the login can reach it at {link}")


def _login(settings: Settings) -> Login | None:
    if settings.user is None or settings.password is None:
        return None
    return Login(settings.user, settings.password, f"easel_session_{settings.port}")
