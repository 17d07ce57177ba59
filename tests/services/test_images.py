"""Uploads are checked before they are decoded, and stored once."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from webui.contracts.errors import BadImage, NotFound
from webui.contracts.ids import ImageId
from webui.services.images import MAX_BYTES, ImageStore


def _encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + head + struct.pack(">I", 100) + b"IDAT" + bytes(50)


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def test_an_image_is_found_under_the_hash_of_its_bytes(store: ImageStore) -> None:
    data = _encoded(Image.new("RGB", (30, 20), "red"))
    image_id = store.put(data)
    assert image_id == hashlib.sha256(data).hexdigest()
    assert store.size(image_id) == (30, 20)
    with Image.open(store.path(image_id)) as image:
        assert (image.format, image.mode, image.getpixel((3, 3))) == ("PNG", "RGB", (255, 0, 0))


def test_equal_images_are_stored_once(store: ImageStore) -> None:
    data = _encoded(Image.new("RGB", (3, 2), "red"))
    first = store.put(data)
    before = store.path(first).stat().st_mtime_ns
    assert store.put(data) == first
    assert store.path(first).stat().st_mtime_ns == before


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_common_formats_are_taken(store: ImageStore, kind: str) -> None:
    assert store.size(store.put(_encoded(Image.new("RGB", (9, 5), "blue"), kind))) == (9, 5)


def test_transparency_is_kept(store: ImageStore) -> None:
    path = store.path(store.put(_encoded(Image.new("RGBA", (4, 4), (1, 2, 3, 4)))))
    with Image.open(path) as image:
        assert image.getpixel((0, 0)) == (1, 2, 3, 4)


def test_sixteen_bit_greys_keep_their_bits(store: ImageStore) -> None:
    for image, kind in (
        (Image.new("I;16", (4, 4), 300), "PNG"),
        (Image.new("I;16B", (4, 4), 300), "TIFF"),
    ):
        with Image.open(store.path(store.put(_encoded(image, kind)))) as stored:
            assert (stored.mode, stored.getpixel((0, 0))) == ("I;16", 300)


@pytest.mark.parametrize(
    ("mode", "kept"), [("L", "L"), ("1", "L"), ("LA", "RGBA"), ("RGB", "RGB"), ("RGBA", "RGBA")]
)
def test_greys_stay_grey_and_colours_stay_colours(store: ImageStore, mode: str, kept: str) -> None:
    with Image.open(store.path(store.put(_encoded(Image.new(mode, (4, 4)))))) as stored:
        assert stored.mode == kept


def _palette_picture() -> Image.Image:
    image = Image.new("P", (4, 4), 7)
    image.putpalette([0] * 21 + [255, 0, 0])
    image.putpixel((0, 0), 3)
    return image


def test_a_palette_png_keeps_its_numbers_and_its_colours(store: ImageStore) -> None:
    with Image.open(store.path(store.put(_encoded(_palette_picture())))) as stored:
        assert (stored.mode, stored.getpixel((0, 0)), stored.getpixel((1, 1))) == ("P", 3, 7)
        assert stored.convert("RGB").getpixel((1, 1)) == (255, 0, 0)


def test_a_palette_of_another_format_becomes_colours(store: ImageStore) -> None:
    with Image.open(store.path(store.put(_encoded(_palette_picture(), "GIF")))) as stored:
        assert (stored.mode, stored.getpixel((1, 1))) == ("RGB", (255, 0, 0))


@pytest.mark.parametrize(
    ("image", "transparent"),
    [(_palette_picture(), 3), (Image.new("RGB", (4, 4), (9, 0, 0)), (9, 0, 0))],
)
def test_a_transparent_colour_stays_transparent(
    store: ImageStore, image: Image.Image, transparent: object
) -> None:
    path = store.path(store.put(_encoded(image, transparency=transparent)))
    with Image.open(path) as stored:
        assert stored.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_the_numbers_are_known_of_pictures_of_numbers_alone(store: ImageStore) -> None:
    grey = Image.new("L", (4, 4), 2)
    grey.putpixel((1, 2), 11)
    palette, coloured = _palette_picture(), Image.new("RGB", (4, 4), (9, 9, 9))
    ids = [store.put(_encoded(image)) for image in (grey, palette, coloured)]
    values = [store.values(i) for i in ids]
    assert values[0] == (2, 11)
    assert values[1] is not None
    assert max(values[1]) == 7
    assert values[2] is None


def test_texts_of_an_upload_are_not_kept(store: ImageStore) -> None:
    texts = PngInfo()
    texts.add_text("parameters", "secret")
    for mode in ("RGB", "L", "P"):
        path = store.path(store.put(_encoded(Image.new(mode, (4, 4)), pnginfo=texts)))
        assert b"secret" not in path.read_bytes()


def test_a_turned_photograph_is_set_upright_and_loses_its_exif(store: ImageStore) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = store.path(store.put(_encoded(Image.new("RGB", (40, 20), "red"), "JPEG", exif=exif)))
    with Image.open(path) as image:
        assert image.size == (20, 40)
        assert len(image.getexif()) == 0


def test_the_first_frame_of_an_animation_is_kept(store: ImageStore) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with Image.open(store.path(store.put(data))) as image:
        assert image.getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        _encoded(Image.effect_noise((64, 64), 50))[:-400],
        _encoded(Image.effect_noise((64, 64), 50), "JPEG")[:200],
        _png_header(10, 10),
    ],
)
def test_what_is_no_whole_picture_is_refused_with_a_sentence(
    store: ImageStore, data: bytes
) -> None:
    with pytest.raises(BadImage, match=r"Taken are PNG, JPEG"):
        store.put(data)


@pytest.mark.parametrize("size", [(10_000, 10_000), (8_000, 6_251), (60_000, 60_000)])
def test_too_many_pixels_are_refused_from_the_header_alone(
    store: ImageStore, size: tuple[int, int], tmp_path: Path
) -> None:
    with pytest.raises(BadImage, match="50 megapixels"):
        store.put(_png_header(*size))
    assert list((tmp_path / "images").iterdir()) == []


def test_too_many_bytes_are_refused(store: ImageStore) -> None:
    with pytest.raises(BadImage, match="64 MiB"):
        store.put(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize("image_id", ["0" * 64, "../../easel", "", "0" * 63 + "G"])
def test_an_unknown_id_is_not_found(store: ImageStore, image_id: str) -> None:
    with pytest.raises(NotFound):
        store.path(ImageId(image_id))


def test_brightness_is_read_over_black_where_an_image_is_see_through(store: ImageStore) -> None:
    image = Image.new("RGBA", (2, 1), (255, 255, 255, 0))
    image.putpixel((1, 0), (255, 255, 255, 128))
    out = io.BytesIO()
    image.save(out, "PNG")
    assert store.brightness(store.put(out.getvalue())) == (0, 128)
