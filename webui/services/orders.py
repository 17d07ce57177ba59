"""What the worker is told of a job: files of its images, its models, its adapters."""

from __future__ import annotations

from webui.contracts.adapter import AdapterInfo
from webui.contracts.checkpoint import CheckpointInfo
from webui.contracts.job import Job
from webui.contracts.messages import RunJob
from webui.contracts.preferences import Preferences
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.image_encoders import image_encoder_for
from webui.services.images import ImageStore

_PREVIEWED = {"sd1": ("SD 1", 4), "sdxl": ("SDXL", 4), "sd3": ("SD 3", 16), "flux": ("FLUX", 16)}
"""Family to what a TAESD of its latents is said to be made for, and the channels of these latents."""


def order_of(
    job: Job, catalog: Catalog, images: ImageStore, wanted: Preferences | None = None
) -> RunJob:
    """What the worker is told of a job; previews are as they are wanted.

    Raises:
        BadRequest: its model or an adapter is not there any more.
        NotFound: an image is not there any more.
    """
    request, wanted = job.request, wanted or Preferences()
    checkpoint = catalog.get(request.model)
    tiny = preview_for(checkpoint, catalog) if wanted.preview_method == "Automatic" else None
    return RunJob(
        job_id=job.id, request=request, checkpoint=checkpoint,
        images={image: str(images.path(image)) for image in request.images},
        adapters=adapters_of(request, catalog), skip=(),
        others=tuple(catalog.get(name) for name in request.other_models),
        preview=tiny,
        preview_seconds=0.0 if wanted.preview_method == "None" else wanted.preview_seconds,
    )  # fmt: skip


def adapters_of(request: GenerationRequest, catalog: Catalog) -> tuple[AdapterInfo, ...]:
    """Every adapter that a request names, each once, and the image encoders that IP-Adapters among them need.

    Raises:
        UnknownAdapter: one is not there any more; of upscalers the worker says so.
    """
    found = [catalog.adapter("controlnet", use.adapter) for use in request.controls]
    encoders = [image_encoder_for(info, catalog) for info in found]
    found += [encoder for encoder in encoders if encoder is not None]
    found += [catalog.adapter("vae", name) for name in request.vaes]
    found += _upscalers(request, catalog)
    for text in request.every_text:
        found += [catalog.adapter(use.kind, use.adapter) for use in text.every_lora]
        found += [catalog.adapter("embedding", name) for name in text.embeddings]
    return tuple(dict.fromkeys(found))


def _upscalers(request: GenerationRequest, catalog: Catalog) -> list[AdapterInfo]:
    """Files of the upscalers that it names; what is none is an extension's, which the worker knows, or gone."""
    known = {info.id: info for info in catalog.adapters("upscaler")}
    return [known[name] for name in request.upscaler_networks if name in known]


def preview_for(checkpoint: CheckpointInfo, catalog: Catalog) -> AdapterInfo | None:
    """The TAESD that shows a model's unfinished latents; None where none is installed that knows them.

    Latents of 1/8 of the size are those of the published model's first stage; a model with others has
    none.
    """
    base, channels = _PREVIEWED.get(checkpoint.family, ("", 0))
    if (checkpoint.latent_channels, checkpoint.latent_factor) != (channels, 8):
        return None
    tiny = (info for info in catalog.adapters("vae") if info.is_tiny and info.base == base)
    return next(tiny, None)
