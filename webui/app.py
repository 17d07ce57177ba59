"""The studio as a program: put together, started, served and stopped.

Order matters for the person who waits. The server answers first; then the worker starts in its own
process, and meanwhile the page is imported in a thread (Gradio takes seconds) and mounted.
"""

from __future__ import annotations

import logging
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from webui.contracts.errors import EaselError
from webui.contracts.settings import Settings
from webui.instance import InstanceLock
from webui.server import Server, address_of, open_socket
from webui.services.extension_watch import ExtensionWatch
from webui.services.hashes import Librarian
from webui.services.plots.finishing import PlotFinisher
from webui.services.settings import SettingsStore
from webui.services.supervisor import MakeWorker
from webui.wiring import Wiring

if TYPE_CHECKING:
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
    parts = Wiring(settings, make_workers)
    parts.connect()
    streams, page = Streams(parts.events), PageState()
    api = create_api(parts.context, streams, lambda: page.problem)
    hosts = served_hosts(settings.host, settings.allowed_hosts)
    return Studio(
        settings=settings,
        api=api,
        guarded=Guard(api, hosts, _login(settings)),
        hosts=hosts,
        streams=streams,
        context=parts.context,
        settings_store=parts.store,
        page=page,
        lock=lock,
        librarian=Librarian(parts.catalog, parts.records, parts.events),
        plots=parts.finisher,
        watch=ExtensionWatch(parts.extensions),
    )


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
        prompt_lists=given.prompt_lists,
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
