"""A user's own pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from webui.training.folder_source import FolderSource, bucket_sizes, nearest_bucket

RED, BLUE = (200, 0, 0), (0, 0, 200)


def save(path: Path, size: tuple[int, int], colour: tuple[int, int, int] = RED) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def captioned(folder: Path, name: str, size: tuple[int, int], text: str = "a thing") -> None:
    save(folder / name, size)
    (folder / name).with_suffix(".txt").write_text(text, "utf-8")


@pytest.mark.parametrize("native", [32, 128, 512])
def test_no_bucket_is_larger_than_the_native_area_and_all_sides_fit_the_denoiser(
    native: int,
) -> None:
    sizes = bucket_sizes(native)
    assert (native, native) in sizes
    for width, height in sizes:
        assert width * height <= native * native
        assert width % 32 == height % 32 == 0
        assert 0.25 <= width / height <= 4
        assert (height, width) in sizes


def test_a_native_size_below_one_multiple_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        bucket_sizes(16)


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((1000, 1000), (128, 128)),
        ((1500, 1000), (160, 96)),
        ((1000, 1500), (96, 160)),
        ((9000, 1000), (256, 64)),
    ],
)
def test_a_picture_goes_to_the_bucket_of_its_shape(
    size: tuple[int, int], bucket: tuple[int, int]
) -> None:
    assert nearest_bucket(size, bucket_sizes(128)) == bucket


def test_a_batch_has_one_size_and_captions_of_its_pictures(tmp_path: Path) -> None:
    captioned(tmp_path, "wide.png", (300, 150), "a wide one")
    captioned(tmp_path, "square.jpg", (90, 90), "a  square\none")
    save(tmp_path / "deep" / "high.webp", (150, 400))
    lines = [{"file_name": "deep/high.webp", "text": "a high one"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    source = FolderSource(tmp_path, 128)
    assert sum(source.buckets.values()) == len(source) == 3
    rng, seen = np.random.default_rng(0), set()
    for _ in range(20):
        examples = source.draw(3, rng)
        height, width = examples.pictures.shape[1:3]
        assert (width, height) in bucket_sizes(128)
        assert examples.pictures.dtype == np.uint8
        (caption,) = set(examples.captions)
        seen.add((caption, width > height, width == height))
    assert seen == {
        ("a wide one", True, False),
        ("a square one", False, True),
        ("a high one", False, False),
    }
    assert source.problems == []


def test_a_full_bucket_is_drawn_more_often(tmp_path: Path) -> None:
    for i in range(9):
        captioned(tmp_path, f"{i}.png", (64, 64), "square")
    captioned(tmp_path, "wide.png", (128, 64), "wide")
    source, rng = FolderSource(tmp_path, 64), np.random.default_rng(0)
    drawn = [source.draw(1, rng).captions[0] for _ in range(200)]
    assert 5 <= drawn.count("wide") <= 40


def halves(path: Path, size: tuple[int, int], exif: Image.Exif | None = None) -> None:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, size[0], size[1]))
    image.save(path, exif=exif or Image.Exif())
    path.with_suffix(".txt").write_text("red on the left")


def test_pictures_are_never_mirrored(tmp_path: Path) -> None:
    halves(tmp_path / "a.png", (64, 64))
    source, rng = FolderSource(tmp_path, 32), np.random.default_rng(0)
    for _ in range(20):
        picture = source.draw(1, rng).pictures[0]
        assert picture[16, 2].tolist() == list(RED)
        assert picture[16, -2].tolist() == list(BLUE)


def test_a_crop_is_the_middle_or_a_random_window(tmp_path: Path) -> None:
    halves(tmp_path / "a.png", (80, 64))
    rng = np.random.default_rng(0)
    middle = FolderSource(tmp_path, 64).draw(8, rng).pictures
    assert middle.shape == (8, 64, 64, 3)
    reds = (middle[:, 32, :, 0] > 100).sum(axis=1)
    assert set(reds) == {32}
    random = FolderSource(tmp_path, 64, random_crop=True).draw(40, rng).pictures
    reds = (random[:, 32, :, 0] > 100).sum(axis=1)
    assert reds.min() < 30 < 34 < reds.max()


def test_a_photograph_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it
    halves(tmp_path / "a.jpg", (128, 64), exif=exif)
    source = FolderSource(tmp_path, 64)
    picture = source.draw(1, np.random.default_rng(0)).pictures[0]
    assert picture.shape[0] > picture.shape[1]
    assert picture[2, 8, 0] > 150  # red is above now
    assert picture[-2, 8, 2] > 150


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (0, 0, 0, 0)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("nothing")
    assert FolderSource(tmp_path, 32).draw(1, np.random.default_rng(0)).pictures.min() == 255


def test_what_cannot_be_used_is_left_out_with_a_sentence(tmp_path: Path) -> None:
    captioned(tmp_path, "good.png", (32, 32))
    save(tmp_path / "mute.png", (32, 32))
    captioned(tmp_path, "text.jpg", (32, 32))
    (tmp_path / "text.jpg").write_text("I am no picture")
    captioned(tmp_path, "foreign.png", (32, 32))
    (tmp_path / "foreign.txt").write_bytes(b"caf\xe9")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": 3}\nnot json\n')
    source = FolderSource(tmp_path, 32)
    assert len(source) == 1
    said = "\n".join(source.problems)
    assert "'mute.png' has no caption, so it is left out; write one into 'mute.txt'." in said
    assert "'text.jpg' cannot be read as a picture" in said
    assert "'foreign.txt' is not UTF-8 text" in said
    assert "Line 1 of metadata.jsonl is '{\"file_name\": 3}'" in said
    assert "Line 2 of metadata.jsonl is 'not json'" in said


def test_a_picture_damaged_below_its_header_is_left_out_when_it_is_met(tmp_path: Path) -> None:
    captioned(tmp_path, "good.png", (32, 32), "good")
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.png")
    (tmp_path / "cut.txt").write_text("cut")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    source = FolderSource(tmp_path, 32)
    assert len(source) == 2
    examples = source.draw(16, np.random.default_rng(0))
    assert set(examples.captions) == {"good"}
    assert len(source) == 1
    assert "'cut.png' cannot be read" in source.problems[0]


def test_a_folder_of_nothing_usable_is_refused_with_its_first_problem(tmp_path: Path) -> None:
    save(tmp_path / "mute.png", (32, 32))
    with pytest.raises(ValueError, match=r"no picture with a caption.*'mute.png' has no caption"):
        FolderSource(tmp_path, 32)


def test_the_last_picture_to_be_found_damaged_ends_in_a_sentence(tmp_path: Path) -> None:
    captioned(tmp_path, "a.png", (32, 32))
    source = FolderSource(tmp_path, 32)
    (tmp_path / "a.png").write_bytes(b"gone")
    with pytest.raises(ValueError, match="no picture with a caption"):
        source.draw(1, np.random.default_rng(0))


def test_pictures_are_kept_in_memory_up_to_a_limit(tmp_path: Path) -> None:
    captioned(tmp_path, "a.png", (32, 32))
    kept = FolderSource(tmp_path, 32, cache_bytes=32 * 32 * 3)
    kept.draw(1, np.random.default_rng(0))
    read_anew = FolderSource(tmp_path, 32, cache_bytes=0)
    (tmp_path / "a.png").unlink()
    kept.draw(1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"a\.png"):
        read_anew.draw(1, np.random.default_rng(0))
