"""What txt2img and img2img answer: pictures in base64, the body again, and `info`, JSON in a text."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from webui import VERSION
from webui.api.context import ApiContext
from webui.api.sdapi.bodies import DrawBody, Img2ImgBody
from webui.api.sdapi.orders import Order
from webui.api.sdapi.pictures import encoded
from webui.contracts.errors import JobFailed
from webui.contracts.job import Job, JobState, Picture
from webui.contracts.request import GenerationRequest


class DrawAnswer(BaseModel):
    """Pictures and how they were made."""

    images: list[str] = Field(description="PNG files in base64, with their parameters in them.")
    parameters: dict[str, Any] = Field(description="The body, defaults included.")
    info: str = Field(
        description="JSON: seeds, prompts, infotexts; what was ignored; ids of the jobs."
    )


def answer_of(body: DrawBody, order: Order, jobs: Sequence[Job], context: ApiContext) -> DrawAnswer:
    """The answer for jobs that are final; those that were cancelled give what they have.

    Raises:
        JobFailed: one of them failed; says why.
    """
    failed = next((job for job in jobs if job.state is JobState.FAILED), None)
    if failed is not None:
        raise JobFailed(failed.error or "The job failed.")
    pictures = [picture for job in jobs for picture in job.pictures]
    files = [context.gallery.path(p.id).read_bytes() for p in pictures] if body.send_images else []
    info = _info(order, jobs, pictures, context)
    return DrawAnswer(
        images=[encoded(f) for f in files], parameters=_echo(body), info=json.dumps(info)
    )


def _echo(body: DrawBody) -> dict[str, Any]:
    said = body.model_dump(mode="json")
    if isinstance(body, Img2ImgBody) and not body.include_init_images:
        said |= {"init_images": None, "mask": None}
    return said


def _info(
    order: Order, jobs: Sequence[Job], pictures: Sequence[Picture], context: ApiContext
) -> dict[str, Any]:
    requests = [context.gallery.request_of(picture.id) for picture in pictures]
    first = requests[0] if requests else jobs[0].request
    texts = [context.gallery.infotext_of(picture.id) for picture in pictures]
    created = time.strftime("%Y%m%d%H%M%S", time.localtime(jobs[0].created))
    hash_ = context.hashes.of_picture(first, 0).model
    return {
        **_of_first(first), "sd_model_hash": hash_ or None,
        "prompt": first.prompt, "negative_prompt": first.negative_prompt,
        "all_prompts": [r.prompt for r in requests],
        "all_negative_prompts": [r.negative_prompt for r in requests],
        "all_seeds": [p.seed for p in pictures],
        "all_subseeds": [r.variation_seed for r in requests],
        "batch_size": order.request.count, "job_timestamp": created,
        "infotexts": texts, "index_of_first_image": 0, "version": f"Easel {VERSION}",
        "extra_generation_params": {}, "styles": list(order.request.styles),
        "job_ids": [job.id for job in jobs], "ignored": list(order.ignored),
        "notes": [job.note for job in jobs if job.note],
    }  # fmt: skip


def _of_first(request: GenerationRequest) -> dict[str, Any]:
    return {
        "seed": request.seed, "subseed": request.variation_seed,
        "subseed_strength": request.variation_strength,
        "width": request.width, "height": request.height, "sampler_name": request.sampler,
        "cfg_scale": request.guidance_scale, "steps": request.steps, "clip_skip": request.clip_skip,
        "restore_faces": False, "face_restoration_model": None, "sd_model_name": request.model,
        "sd_vae_name": None, "sd_vae_hash": None,
        "seed_resize_from_w": request.seed_width or -1, "seed_resize_from_h": request.seed_height or -1,
        "denoising_strength": request.denoising_strength,
        "is_using_inpainting_conditioning": False,
    }  # fmt: skip
