"""The services that a tab may use, handed in by `app.py`."""

from __future__ import annotations

from dataclasses import dataclass

from webui.services.batches import BatchService
from webui.services.catalog import Catalog
from webui.services.dispatcher import Dispatcher
from webui.services.events import EventBus
from webui.services.extensions import ExtensionService
from webui.services.gallery import Gallery
from webui.services.images import ImageStore
from webui.services.jobs import JobService
from webui.services.plots.plots import PlotService
from webui.services.prompt_lists import PromptLists
from webui.services.settings import SettingsStore
from webui.services.styles import StyleStore


@dataclass(frozen=True)
class UiContext:
    """Everything that the page reaches; there is no other way to a service."""

    jobs: JobService
    """Takes orders and knows where they are."""
    catalog: Catalog
    """The installed checkpoints."""
    gallery: Gallery
    """Finished pictures."""
    images: ImageStore
    """Uploaded pictures."""
    events: EventBus
    """What happens, as it happens."""
    settings_store: SettingsStore
    """Preferences; nothing here changes a picture."""
    dispatcher: Dispatcher
    """Gives jobs to the worker and knows how the worker is."""
    styles: StyleStore
    """Saved words."""
    batches: BatchService
    """Orders many pictures at once."""
    prompt_lists: PromptLists
    """Orders a job for each line of a text."""
    plots: PlotService
    """Orders pictures that differ along axes."""
    extensions: ExtensionService
    """What extensions add to menus."""
