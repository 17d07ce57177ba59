"""Who shows a job's unfinished pictures: TAESD where one is installed and in memory, else a projection."""

from __future__ import annotations

import logging
from collections.abc import Callable

from torch import Tensor

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import EaselError
from webui.contracts.preview import Preview
from webui.engine.adapters.store import AdapterStore
from webui.engine.adapters.vae import LoadedVae
from webui.engine.first_stage import decode_latents
from webui.engine.model import LoadedModel
from webui.engine.previews import halved, preview

log = logging.getLogger(__name__)

SHARE = 0.1
"""Of a job's time at most that goes into previews."""


class Previewer:
    """Makes the previews of one job. A picture never depends on them, so nothing here fails a job."""

    def __init__(
        self, adapters: AdapterStore, info: AdapterInfo | None, clock: Callable[[], float]
    ) -> None:
        """With `info`, that TAESD shows the latents once it is loaded."""
        self._adapters = adapters
        self._info = info
        self._clock = clock
        self.pause = 0.0
        """Seconds from one preview to the next, so that they take no more than their share."""

    def show(self, latent: Tensor, model: LoadedModel) -> Preview | None:
        """Colours of a latent (1, C, h, w), to be shown at half the size of its picture; None where none can be made."""
        began = self._clock()
        try:
            tiny = self._tiny(model)
            if tiny is None:
                _ = model.preview  # the first of a model takes long, and is not counted
                began = self._clock()
            return self._shown(latent, model, tiny)
        except Exception:  # the worker loop's border
            log.exception("A preview could not be made.")
            self._info = None
            return None
        finally:
            self.pause = (self._clock() - began) / SHARE

    @staticmethod
    def _shown(latent: Tensor, model: LoadedModel, tiny: LoadedVae | None) -> Preview:
        if tiny is None:
            return preview(latent, model.preview, model.checkpoint.latent_factor)
        return halved(decode_latents(tiny.vae, latent))

    def _tiny(self, model: LoadedModel) -> LoadedVae | None:
        """The TAESD; None where there is none, it is still loading, cannot be loaded or does not fit."""
        if self._info is None:
            return None
        try:
            loaded = self._adapters.acquire(self._info, model.device)
        except EaselError as error:
            log.warning("Previews are projections of latents: %s", error)
            self._info = None
            return None
        own = model.checkpoint.latent_channels, model.checkpoint.latent_factor
        if isinstance(loaded, LoadedVae) and (loaded.latent_channels, loaded.factor) == own:
            return loaded
        return None
