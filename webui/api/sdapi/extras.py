"""Finished pictures: enlarged by one or two upscalers, and read for how they were made."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from webui.api.context import ApiContext
from webui.api.sdapi.options import Client, client_of
from webui.api.sdapi.pictures import decoded, encoded, kept
from webui.api.sdapi.route import SdapiRoute
from webui.api.sdapi.runs import Runs
from webui.api.sdapi.upscalers import NO_UPSCALER, upscaler_fields
from webui.contracts.errors import BadRequest, JobFailed
from webui.contracts.ids import ImageId
from webui.contracts.infotext_pairs import split_infotext
from webui.contracts.job import Job, JobState
from webui.contracts.request import GenerationRequest, limits, parse_request
from webui.services.metadata import read_texts
from webui.services.picture_files import FORMATS

_TO_SIZE = 1
_FACES = ("gfpgan_visibility", "codeformer_visibility")


class ExtrasBody(BaseModel):
    """How pictures are enlarged."""

    model_config = ConfigDict(extra="allow", frozen=True)

    resize_mode: int = Field(0, ge=0, le=1, description="0: by a factor. 1: to a width and height.")
    show_extras_results: bool = True
    upscaling_resize: float = Field(2, gt=0)
    upscaling_resize_w: int = Field(512, ge=1, le=4096)
    upscaling_resize_h: int = Field(512, ge=1, le=4096)
    upscaling_crop: bool = Field(True, description="Cut what stands over.")
    upscaler_1: str = NO_UPSCALER
    upscaler_2: str = NO_UPSCALER
    extras_upscaler_2_visibility: float = Field(
        0, ge=0, le=1, description="Of the second one's picture."
    )
    upscale_first: bool = False
    gfpgan_visibility: float = Field(0, ge=0, le=1, description="Faces are not restored here.")
    codeformer_visibility: float = Field(0, ge=0, le=1)
    codeformer_weight: float = Field(0, ge=0, le=1)


class SingleBody(ExtrasBody):
    """One picture."""

    image: str = ""


class NamedPicture(BaseModel):
    """A picture of several."""

    data: str
    name: str = ""


class BatchBody(ExtrasBody):
    """Several pictures."""

    imageList: list[NamedPicture] = Field(max_length=100)  # noqa: N815  theirs


class SingleAnswer(BaseModel):
    """An enlarged picture."""

    html_info: str
    image: str | None


class BatchAnswer(BaseModel):
    """Enlarged pictures, in their order."""

    html_info: str
    images: list[str]


class PngInfoBody(BaseModel):
    """A picture to read."""

    image: str


class PngInfoAnswer(BaseModel):
    """How a picture was made, as its file says."""

    info: str
    items: dict[str, str]
    parameters: dict[str, str]


def extras_router(context: ApiContext, runs: Runs) -> APIRouter:
    """The routes /extra-single-image, /extra-batch-images and /png-info."""
    router = APIRouter(route_class=SdapiRoute)
    enlarger = _Enlarger(context, runs)

    @router.post("/extra-single-image", summary="Enlarge a picture, and wait")
    async def single(body: SingleBody, request: Request) -> SingleAnswer:
        """By jobs like any other."""
        made = await enlarger.enlarge(body, [body.image], client_of(request))
        shown = encoded(made[0]) if body.show_extras_results else None
        return SingleAnswer(html_info=_said(body), image=shown)

    @router.post("/extra-batch-images", summary="Enlarge several pictures, and wait")
    async def batch(body: BatchBody, request: Request) -> BatchAnswer:
        """Each as extra-single-image does."""
        pictures = [picture.data for picture in body.imageList]
        made = await enlarger.enlarge(body, pictures, client_of(request))
        return BatchAnswer(html_info=_said(body), images=[encoded(file) for file in made])

    @router.post("/png-info", summary="Read how a picture was made")
    def png_info(body: PngInfoBody) -> PngInfoAnswer:
        """Texts in its file; `parameters` are the pairs of AUTOMATIC1111's text, taken apart."""
        items = dict(read_texts(decoded(body.image)))
        info = items.pop("parameters", "")
        return PngInfoAnswer(info=info, items=items, parameters=_pairs(info) if info else {})

    return router


class _Enlarger:
    def __init__(self, context: ApiContext, runs: Runs) -> None:
        self._context = context
        self._runs = runs

    async def enlarge(
        self, body: ExtrasBody, pictures: Sequence[str], client: Client
    ) -> list[bytes]:
        """PNG files of the enlarged pictures."""
        made = []
        for picture in pictures:
            image = await run_in_threadpool(kept, picture, self._context)
            first = await self._by(body.upscaler_1, body, image, client)
            share = body.extras_upscaler_2_visibility
            second = (
                await self._by(body.upscaler_2, body, image, client)
                if share > 0 and body.upscaler_2 != NO_UPSCALER
                else None
            )
            is_sized = body.upscaler_1 != NO_UPSCALER or second is not None
            size = await run_in_threadpool(self._sizes, body, image) if is_sized else None
            made.append(await run_in_threadpool(_finished, first, second, share, size))
        return made

    async def _by(self, upscaler: str, body: ExtrasBody, image: ImageId, client: Client) -> bytes:
        """A picture enlarged by an upscaler, a little too large or small perhaps."""
        if upscaler == NO_UPSCALER:
            return await run_in_threadpool(self._bytes_of, image)
        request = await run_in_threadpool(self._request, upscaler, body, image)
        (job,) = await self._runs.draw(client, "", request, 1)
        if job.state is not JobState.DONE:
            raise JobFailed(job.error or "The picture's job was cancelled.")
        return await run_in_threadpool(self._file_of, job)

    def _bytes_of(self, image: ImageId) -> bytes:
        return self._context.images.path(image).read_bytes()

    def _file_of(self, job: Job) -> bytes:
        return self._context.gallery.path(job.pictures[0].id).read_bytes()

    def _request(self, upscaler: str, body: ExtrasBody, image: ImageId) -> GenerationRequest:
        """What enlarges a picture far enough.

        Raises:
            BadRequest: there is no such upscaler, or none that goes so far.
        """
        (wide, _), _ = self._sizes(body, image)
        low, high = limits("upscale_factor")
        factor = wide / self._context.images.size(image)[0]
        if factor > (high or factor):
            raise BadRequest(
                f"The picture would be enlarged {factor:g} times; at most {high:g} is possible."
            )
        fields = upscaler_fields(upscaler, self._context)
        return parse_request(
            {"prompt": "", "image": image, "upscale_factor": max(factor, low or 1.0), **fields}
        )

    def _sizes(self, body: ExtrasBody, image: ImageId) -> tuple[tuple[int, int], tuple[int, int]]:
        """The size to enlarge to, and that of the result, edges cut."""
        width, height = self._context.images.size(image)
        if body.resize_mode != _TO_SIZE:
            size = (int(width * body.upscaling_resize), int(height * body.upscaling_resize))
            return size, size
        wanted = (body.upscaling_resize_w, body.upscaling_resize_h)
        factor = max(wanted[0] / width, wanted[1] / height)
        whole = (round(width * factor), round(height * factor))
        return whole, wanted if body.upscaling_crop else whole


def _finished(
    first: bytes, second: bytes | None, share: float,
    sizes: tuple[tuple[int, int], tuple[int, int]] | None,
) -> bytes:  # fmt: skip
    """The picture of the first upscaler, with that of the second over it, in its exact size."""
    picture = _opened(first)
    whole, wanted = sizes or (picture.size, picture.size)
    picture = _sized(picture, whole)
    if second is not None:
        picture = Image.blend(picture, _sized(_opened(second), whole), share)
    left, top = (whole[0] - wanted[0]) // 2, (whole[1] - wanted[1]) // 2
    out = io.BytesIO()
    picture.crop((left, top, left + wanted[0], top + wanted[1])).save(out, "PNG")
    return out.getvalue()


def _opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return image.convert("RGB")


def _sized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def _said(body: ExtrasBody) -> str:
    """What was asked for and is not here, as HTML."""
    faces = [name for name in _FACES if getattr(body, name) > 0]
    extra = [name for name, value in (body.model_extra or {}).items() if value]
    ignored = ", ".join([*faces, *extra])
    return f"<p>Ignored, as it is not here: {escape(ignored)}.</p>" if ignored else ""


def _pairs(info: str) -> dict[str, str]:
    """The text taken apart, as AUTOMATIC1111 names its pieces."""
    parts = split_infotext(info)
    pairs: dict[str, Any] = {"Prompt": parts.prompt, "Negative prompt": parts.negative_prompt}
    for key, value in parts.pairs:
        wide, cross, high = value.partition("x")
        if cross and wide.isdigit() and high.isdigit():
            pairs |= {f"{key}-1": wide, f"{key}-2": high}
        else:
            pairs[key] = value
    return pairs
