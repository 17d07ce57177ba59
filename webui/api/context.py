"""The services that the routes may use, handed in by `wiring.py`."""

from __future__ import annotations

from dataclasses import dataclass

from webui.services.batches import BatchService
from webui.services.catalog import Catalog
from webui.services.dispatcher import Dispatcher
from webui.services.downloads.downloads import Downloads
from webui.services.events import EventBus
from webui.services.extension_install.installer import ExtensionInstaller
from webui.services.extensions import ExtensionService
from webui.services.gallery import Gallery
from webui.services.gate import QueueGate
from webui.services.images import ImageStore
from webui.services.jobs import JobService
from webui.services.known_hashes import KnownHashes
from webui.services.library import Library
from webui.services.makings.makings import Makings
from webui.services.model_folders import ModelFolders
from webui.services.pasting import ParameterReader
from webui.services.picture_bin import PictureBin
from webui.services.plots.plots import PlotService
from webui.services.preferences import PreferenceService
from webui.services.prompt_lists import PromptLists
from webui.services.prompt_reader import PromptReader
from webui.services.queue_file import QueueFile
from webui.services.wording import WordSources


@dataclass(frozen=True)
class ApiContext:
    """Everything that the routes reach; there is no other way to a service."""

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
    dispatcher: Dispatcher
    """Gives jobs to the worker and knows how the worker is."""
    words: WordSources
    """Styles and wildcards."""
    prompts: PromptReader
    """Reads prompts while they are written."""
    extensions: ExtensionService
    """Which extensions there are, and what they offer."""
    parameters: ParameterReader
    """Reads how pictures from elsewhere were made."""
    hashes: KnownHashes
    """Hashes of models' files, as far as they are known."""
    downloads: Downloads
    """Fetches models from elsewhere."""
    library: Library
    """Everything installed, with what people noted of it."""
    batches: BatchService
    """Orders many pictures at once."""
    prompt_lists: PromptLists
    """Orders a job for each line of a text."""
    plots: PlotService
    """Orders pictures that differ along axes."""
    installer: ExtensionInstaller
    """Puts extensions in place, where this studio may."""
    gate: QueueGate
    """Holds waiting jobs back where somebody said so."""
    queue_file: QueueFile
    """Saves waiting jobs and takes them in."""
    bin: PictureBin
    """Deleted pictures."""
    preferences: PreferenceService
    """The studio's settings."""
    makings: Makings
    """Models that are made of others."""
    model_folders: ModelFolders
    """Folders of models that are used where they lie."""
    facts: tuple[tuple[str, str], ...]
    """How the program was started: what and how."""
