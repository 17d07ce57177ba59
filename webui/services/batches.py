"""Many pictures with the same settings: one job an image, so that one that fails leaves the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webui.contracts.batch import MAX_PICTURES, OWN_FIELDS, Batch, BatchImage, BatchOrder, Refused
from webui.contracts.errors import BadRequest, EaselError, FieldProblem, InvalidField
from webui.contracts.ids import BatchId, ImageId, new_batch_id
from webui.contracts.job import Job
from webui.contracts.request import GenerationRequest, parse_request
from webui.services.images import ImageStore
from webui.services.inputs import InputFolders, read_picture_file
from webui.services.jobs import JobService
from webui.services.pasting import ParameterReader
from webui.services.preprocessing import preprocess
from webui.services.preprocessors import Preprocessor

_JOINED = ("prompt", "negative_prompt")
MAX_REASONS = 3
"""Sentences of an order that came to nothing."""


@dataclass(frozen=True)
class _Masks:
    """Masks by the names of their images without endings."""

    files: Mapping[str, Path]

    def of(self, name: str) -> Path:
        """The image's own; the only one is for all."""
        if len(self.files) == 1:
            return next(iter(self.files.values()))
        if (found := self.files.get(Path(name).stem)) is None:
            raise BadRequest(
                f"There is no mask for {name[:200]!r}. A file of the same name in the folder of masks was "
                "expected, or one mask alone for all."
            )
        return found


class BatchService:
    """Orders, lists and cancels what was ordered together."""

    def __init__(
        self,
        jobs: JobService,
        images: ImageStore,
        reader: ParameterReader,
        folders: InputFolders,
        preprocessors: Callable[[], Sequence[Preprocessor]] = tuple,
    ) -> None:
        """`preprocessors` gives those that are there beside Easel's own."""
        self._preprocessors = preprocessors
        self._jobs = jobs
        self._images = images
        self._reader = reader
        self._folders = folders

    def submit(self, order: BatchOrder) -> Batch:
        """Queue a job for each image; what cannot be used is named with its reason.

        Raises:
            BadRequest: no job was made; the message has the first reasons.
        """
        self._check(order)
        batch, jobs, refused = new_batch_id(), list[Job](), list[Refused]()
        for name, found in self._found(order):
            try:
                image = found if isinstance(found, BatchImage) else self._read(found, order)
                common = self._following(order, image.image)
                jobs.append(self._jobs.submit(_request(common, image, batch)))
            except EaselError as error:
                refused.append(Refused(name=name, reason=str(error)))
        if not jobs:
            told = "; ".join(f"{one.name}: {one.reason}" for one in refused[:MAX_REASONS])
            raise BadRequest(f"None of the {len(refused)} images can be used. {told}")
        return Batch(id=batch, jobs=tuple(jobs), refused=tuple(refused))

    def get(self, batch: BatchId) -> tuple[Job, ...]:
        """Its jobs, in their order.

        Raises:
            NotFound: no such batch.
        """
        return self._jobs.of_batch(batch)

    def cancel(self, batch: BatchId) -> tuple[Job, ...]:
        """End all of its jobs that are not final; the last in the queue first, so that none begins.

        Raises:
            NotFound: no such batch.
        """
        for job in reversed(self._jobs.of_batch(batch)):
            self._jobs.cancel(job.id)
        return self._jobs.of_batch(batch)

    def _check(self, order: BatchOrder) -> None:
        unknown = [name for name in order.take if name not in OWN_FIELDS]
        if unknown:
            expected = f"some of {', '.join(OWN_FIELDS)}"
            raise InvalidField([FieldProblem("take", repr(name), expected) for name in unknown])
        controls = len(order.request.controls)
        for place, one in enumerate(order.following):
            if one.control >= controls:
                expected = f"a place among the request's {controls} controls, from 0"
                problem = FieldProblem(f"following.{place}.control", str(one.control), expected)
                raise InvalidField([problem])
        if bool(order.images) == bool(order.folder):
            given = "both" if order.images else "neither"
            expected = "either images or the name of a folder"
            raise InvalidField([FieldProblem("images", f"with folder {given} given", expected)])

    def _following(self, order: BatchOrder, image: ImageId) -> GenerationRequest:
        """What all have in common, with the controls that read this image."""
        controls = list(order.request.controls)
        for one in order.following:
            read = image
            if one.preprocessor:
                others = self._preprocessors()
                read = preprocess(self._images, image, one.preprocessor, one.settings, others)
            controls[one.control] = controls[one.control].model_copy(update={"image": read})
        return order.request.model_copy(update={"controls": tuple(controls)} if controls else {})

    def _found(self, order: BatchOrder) -> Iterator[tuple[str, BatchImage | tuple[Path, _Masks]]]:
        if order.images:
            for place, image in enumerate(order.images, start=1):
                yield image.name or f"image {place}", image
            return
        files = self._folders.files(order.folder)
        if len(files) > MAX_PICTURES:
            raise BadRequest(
                f"The folder {order.folder!r} has {len(files)} pictures; at most {MAX_PICTURES} are taken at "
                "a time. Divide them among folders."
            )
        masks = self._folders.files(order.masks) if order.masks else ()
        named = _Masks({mask.stem: mask for mask in masks})
        for file in files:
            yield file.name, (file, named)

    def _read(self, found: tuple[Path, _Masks], order: BatchOrder) -> BatchImage:
        file, masks = found
        data = read_picture_file(file)
        own = self._own(data, order.take) if order.take else {}
        mask: ImageId | None = None
        if masks.files:
            mask = self._images.put(read_picture_file(masks.of(file.name)))
        return BatchImage(image=self._images.put(data), mask=mask, name=file.name[-200:], own=own)

    def _own(self, data: bytes, take: Sequence[str]) -> dict[str, Any]:
        """What is told of how the file was made; nothing of one that tells nothing."""
        try:
            told = self._reader.read_picture(data).fields
        except BadRequest:
            return {}
        return {name: told[name] for name in take if name in told}


def _request(common: GenerationRequest, image: BatchImage, batch: BatchId) -> GenerationRequest:
    """What is ordered for one image. What nobody said is left unsaid, so that the model's own holds."""
    unknown = [name for name in image.own if name not in OWN_FIELDS]
    if unknown:
        expected = f"one of {', '.join(OWN_FIELDS)}"
        raise InvalidField([FieldProblem("own", repr(name), expected) for name in unknown])
    said = common.model_dump(mode="json", exclude_unset=True)
    own = {name: _joined(said.get(name), name, value) for name, value in image.own.items()}
    mask = {} if image.mask is None else {"mask": image.mask}
    grouped = {"image": image.image, "batch": batch, "source_name": image.name}
    return parse_request({**said, **own, **mask, **grouped})


def _joined(said: Any, name: str, value: Any) -> Any:
    """A prompt of the image's behind that of all; any other value stands in place of it."""
    both = name in _JOINED and said and isinstance(value, str) and value
    return f"{said}, {value}" if both else value
