"""A user's own folder as a source: pictures with captions, whatever their sizes and shapes.

A caption is the text file of the same name beside a picture, or its line in the folder's
`metadata.jsonl` (`{"file_name": "a.jpg", "text": "a red house"}`). Pictures are shared out among
buckets of one size each, so that a batch has one shape and little is cut away. They are never
mirrored, because captions say left and right.
"""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from webui.training.examples import Examples
from webui.training.runs import Pixels

log = logging.getLogger(__name__)

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
METADATA = "metadata.jsonl"
SIDE_MULTIPLE = 32
"""Pixels: a latent cell is 8, and a denoiser of three levels halves its latents twice."""
WIDEST = 4.0
"""Most extreme relation of the sides of a bucket."""
_TURNED = {5, 6, 7, 8}
"""EXIF orientations that exchange width and height."""
_ORIENTATION = 0x0112
_UNREADABLE = (
    OSError,
    UnidentifiedImageError,
    Image.DecompressionBombError,
    ValueError,
    SyntaxError,
)
"""What Pillow raises of damaged files: SyntaxError is a broken PNG's."""

Size = tuple[int, int]
"""Width and height in pixels."""


@dataclass(frozen=True)
class _Captioned:
    path: Path
    caption: str


def bucket_sizes(native: int, multiple: int = SIDE_MULTIPLE) -> tuple[Size, ...]:
    """The sizes of buckets: for each width the largest height whose area is at most the native one.

    Raises:
        ValueError: the native size is below one multiple.
    """
    if native < multiple:
        raise ValueError(
            f"Pictures of {native} pixels are too small; at least {multiple} are needed."
        )
    area, sizes = native * native, set[Size]()
    for width in range(multiple, area // multiple + 1, multiple):
        height = area // width // multiple * multiple
        if max(width / height, height / width) <= WIDEST:
            sizes |= {(width, height), (height, width)}
    return tuple(sorted(sizes))


def nearest_bucket(size: Size, sizes: tuple[Size, ...]) -> Size:
    """The bucket whose shape is most like the picture's; of equal ones the largest."""

    def apart(bucket: Size) -> tuple[float, int]:
        difference = math.log(size[0] / size[1]) - math.log(bucket[0] / bucket[1])
        return round(abs(difference), 6), -bucket[0] * bucket[1]

    return min(sizes, key=apart)


class FolderSource:
    """A `Source` over a folder, its subfolders included."""

    def __init__(
        self, folder: Path, native: int, random_crop: bool = False, cache_bytes: int = 2_000_000_000
    ) -> None:
        """Find the pictures and read their sizes; what cannot be used is reported and left out.

        Args:
            folder: Of pictures and captions.
            native: Side in pixels of the model's own pictures; no batch has a larger area.
            random_crop: Cut a random window where a picture's shape is not its bucket's, instead
                of the middle.
            cache_bytes: Pictures are kept in memory, at their bucket's size, up to this much.

        Raises:
            ValueError: nothing can be used.
        """
        self.folder, self.random_crop = folder, random_crop
        self.problems: list[str] = []
        """A sentence for each file that was left out."""
        self._kept: dict[Path, Pixels] = {}
        self._room = cache_bytes
        self._buckets: dict[Size, list[_Captioned]] = defaultdict(list)
        sizes, captions = bucket_sizes(native), self._listed_captions()
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
            caption = self._caption(path, captions)
            size = None if caption is None else self._size(path)
            if caption is not None and size is not None:
                self._buckets[nearest_bucket(size, sizes)].append(_Captioned(path, caption))
        self._check_any()
        log.info("%s: %d pictures in %d sizes", folder.name, len(self), len(self._buckets))

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    @property
    def buckets(self) -> Mapping[Size, int]:
        """Width and height of each bucket, and how many pictures it has."""
        return {size: len(pictures) for size, pictures in self._buckets.items()}

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        """Random pictures of one bucket; a full bucket is drawn more often than a sparse one.

        Raises:
            ValueError: no readable picture is left.
        """
        sizes = list(self._buckets)
        shares = np.array([len(self._buckets[size]) for size in sizes], float)
        size = sizes[int(rng.choice(len(sizes), p=shares / shares.sum()))]
        pictures: list[Pixels] = []
        captions: list[str] = []
        while len(pictures) < count:
            bucket = self._buckets[size]
            one = bucket[int(rng.integers(len(bucket)))]
            picture = self._picture(one.path, size)
            if picture is None:  # damaged below its header: never again
                bucket.remove(one)
                if not bucket:
                    del self._buckets[size]
                    self._check_any()
                    return self.draw(count, rng)
                continue
            pictures.append(self._cut(picture, size, rng))
            captions.append(one.caption)
        return Examples(np.stack(pictures), tuple(captions))

    def _check_any(self) -> None:
        if not self._buckets:
            first = f" The first problem: {self.problems[0]}" if self.problems else ""
            raise ValueError(
                f"{str(self.folder)!r} has no picture with a caption; expected files such as a.jpg with "
                f"a.txt beside them, or a {METADATA} with file_name and text.{first}"
            )

    def _leave_out(self, sentence: str) -> None:
        log.warning("%s", sentence)
        self.problems.append(sentence)

    def _listed_captions(self) -> dict[Path, str]:
        """Captions of `metadata.jsonl`, by path."""
        file = self.folder / METADATA
        if not file.exists():
            return {}
        captions: dict[Path, str] = {}
        for number, line in enumerate(file.read_text("utf-8-sig").splitlines(), 1):
            if not line.strip():
                continue
            entry = _entry(line)
            if entry is None:
                self._leave_out(
                    f"Line {number} of {METADATA} is {line[:80]!r}; expected a JSON object with "
                    "the texts file_name and text."
                )
            else:
                captions[self.folder / entry[0]] = entry[1]
        return captions

    def _caption(self, path: Path, listed: Mapping[Path, str]) -> str | None:
        beside = path.with_suffix(".txt")
        if path in listed:
            return listed[path]
        if not beside.exists():
            self._leave_out(
                f"{path.name!r} has no caption, so it is left out; write one into {beside.name!r}."
            )
            return None
        try:
            return " ".join(beside.read_text("utf-8-sig").split())
        except (OSError, ValueError) as error:
            self._leave_out(f"The caption {beside.name!r} is not UTF-8 text: {error}.")
            return None

    def _size(self, path: Path) -> Size | None:
        try:
            with Image.open(path) as image:
                width, height = image.size
                # To look for a PNG's, which no camera writes, Pillow would read the whole file.
                turned = image.format != "PNG" and image.getexif().get(_ORIENTATION) in _TURNED
        except _UNREADABLE as error:
            self._leave_out(f"{path.name!r} cannot be read as a picture: {error}.")
            return None
        return (height, width) if turned else (width, height)

    def _picture(self, path: Path, size: Size) -> Pixels | None:
        """The whole picture, just large enough to cover the bucket; None where it is damaged."""
        if (kept := self._kept.get(path)) is not None:
            return kept
        try:
            with Image.open(path) as image:
                picture = _covering(image, size)
        except _UNREADABLE as error:
            self._leave_out(f"{path.name!r} cannot be read as a picture: {error}.")
            return None
        if picture.nbytes <= self._room:
            self._room -= picture.nbytes
            self._kept[path] = picture
        return picture

    def _cut(self, picture: Pixels, size: Size, rng: np.random.Generator) -> Pixels:
        width, height = size
        spare_rows, spare_columns = picture.shape[0] - height, picture.shape[1] - width
        top, left = spare_rows // 2, spare_columns // 2
        if self.random_crop:
            top, left = int(rng.integers(spare_rows + 1)), int(rng.integers(spare_columns + 1))
        return picture[top : top + height, left : left + width]


def _entry(line: str) -> tuple[str, str] | None:
    """File name and text of one line of `metadata.jsonl`; None where it has not both."""
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    name, text = (entry.get("file_name"), entry.get("text")) if isinstance(entry, dict) else (0, 0)
    return (
        (name, " ".join(text.split())) if isinstance(name, str) and isinstance(text, str) else None
    )


def _covering(image: Image.Image, size: Size) -> Pixels:
    """A picture upright, on white where it is transparent, its shorter side fitted to `size`."""
    image.draft(
        "RGB", (2 * max(size), 2 * max(size))
    )  # a JPEG can be read at a smaller size at once
    upright = ImageOps.exif_transpose(image)
    if "A" in upright.getbands() or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    scale = max(size[0] / upright.width, size[1] / upright.height)
    fitted = (
        max(size[0], round(upright.width * scale)),
        max(size[1], round(upright.height * scale)),
    )
    return np.array(upright.convert("RGB").resize(fitted, Image.Resampling.LANCZOS), np.uint8)
