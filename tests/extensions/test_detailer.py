"""The detailer finds parts, draws them again, and leaves the rest of the picture to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from tests.engine.drive import drive, no_work
from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.extensions.loading import EXAMPLES, imported
from tests.hooks.writing import write_extension
from webui.contracts.errors import BadRequest
from webui.contracts.request import GenerationRequest
from webui.engine.programs import PictureOrder
from webui.engine.work import EncodeImage, Pixels, Program
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.studio import StudioExtensions


@pytest.fixture(scope="module")
def finding() -> Iterator[Any]:
    with imported("detailer", "finding") as module:
        yield module


@pytest.fixture(scope="module")
def worker() -> Iterator[Any]:
    with imported("detailer", "worker") as module:
        yield module


def scene(*places: tuple[int, int, int]) -> Pixels:
    """A sky that darkens downwards, with discs (x, y, radius) on it."""
    shade = np.linspace(180, 120, 256)[:, None, None].repeat(256, 1)
    picture: Pixels = (shade * np.array([0.6, 0.8, 1.0])).astype(np.uint8)
    for x, y, radius in places:
        cv2.circle(picture, (x, y), radius, (200, 40, 30), -1)
    return picture


def test_what_stands_out_is_found_whole_and_the_sky_is_not(finding: Any) -> None:
    found = finding.find(scene((60, 70, 22), (190, 180, 30)), "things", 4)
    centres = [((b.left + b.right) / 2, (b.top + b.bottom) / 2) for b in found]
    assert len(found) == 2
    for (x, y), (wanted_x, wanted_y) in zip(centres, [(190, 180), (60, 70)], strict=True):
        assert abs(x - wanted_x) < 16
        assert abs(y - wanted_y) < 16
    assert all(min(box.sides) > 40 for box in found)
    assert len(finding.find(scene((60, 70, 22), (190, 180, 30)), "things", 1)) == 1


def test_boxes_that_overlap_become_one(finding: Any) -> None:
    Box = finding.Box  # noqa: N806
    boxes = [Box(0, 0, 10, 10), Box(30, 0, 40, 10), Box(8, 5, 32, 9), Box(50, 50, 60, 60)]
    assert finding.joined(boxes) == [Box(0, 0, 40, 10), Box(50, 50, 60, 60)]


def face(picture: Pixels, x: int, y: int, half: int) -> None:
    """Draw what the cascade takes for a face: a light oval with dark eyes, brows, nose and mouth."""
    cv2.ellipse(picture, (x, y), (int(half * 0.8), half), 0, 0, 360, (205, 170, 150), -1)
    for side in (-1, 1):
        eye = (x + side * int(half * 0.33), y - int(half * 0.2))
        cv2.ellipse(picture, eye, (int(half * 0.17), int(half * 0.09)), 0, 0, 360, (50, 35, 30), -1)
        brow = (eye[0], eye[1] - int(half * 0.17))
        cv2.ellipse(picture, brow, (int(half * 0.24), int(half * 0.05)), 0, 0, 360, (80, 55, 45), -1)
    nose = (x, y + int(half * 0.2))
    cv2.ellipse(picture, nose, (int(half * 0.12), int(half * 0.06)), 0, 0, 360, (150, 110, 95), -1)
    mouth = (x, y + int(half * 0.52))
    cv2.ellipse(picture, mouth, (int(half * 0.32), int(half * 0.09)), 0, 0, 360, (130, 50, 50), -1)


def test_a_face_is_found_where_it_is_and_a_disc_is_none(finding: Any) -> None:
    picture = np.full((320, 320, 3), 90, np.uint8)
    cv2.circle(picture, (60, 260), 40, (205, 170, 150), -1)
    face(picture, 200, 120, 70)
    (found,) = finding.find(cv2.GaussianBlur(picture, (0, 0), 3), "faces", 4)
    assert found.left < 200 < found.right
    assert found.top < 120 < found.bottom


def test_the_rest_stays_to_the_bit_and_the_part_fades_in(worker: Any, finding: Any) -> None:
    picture = np.full((100, 120, 3), 50, np.uint8)
    inner = finding.Box(40, 30, 60, 50)
    outer = inner.padded(0.5, 120, 100)
    laid = worker.put_back(picture, np.full((64, 64, 3), 250, np.uint8), inner, outer)
    assert (laid[30:50, 40:60] == 250).all()
    outside = laid.copy()
    outside[outer.top : outer.bottom, outer.left : outer.right] = 50
    assert (outside == 50).all()
    rise = laid[40, outer.left : inner.left, 0].astype(int)
    assert rise[0] < 60
    assert (np.diff(rise) >= 0).all()


def test_a_part_at_the_edge_of_the_picture_is_whole_there(worker: Any, finding: Any) -> None:
    inner = finding.Box(0, 0, 20, 20)
    shares = worker.feathered(inner, inner.padded(0.5, 120, 100))
    assert shares.shape == (30, 30)
    assert shares[0, 0] == 1
    assert shares[-1, -1] < 0.05


DISCS = """
import cv2
from webui.hooks.specs import hookimpl

@hookimpl
def wrap_program(program):
    picture = (yield from program) // 8 + 100
    cv2.circle(picture, (30, 40), 14, (200, 40, 30), -1)
    cv2.circle(picture, (95, 90), 18, (30, 40, 200), -1)
    return picture
"""


def test_the_parts_of_a_drawn_picture_are_drawn_again_by_the_same_engine(
    library: Library, finding: Any, tmp_path: Path
) -> None:
    """Tiny networks draw nothing that stands out, so another extension paints discs over it first."""
    model = library.model("text")
    rig = Rig(model)
    rig.engine.extensions.use(
        {
            "discs": str(write_extension(tmp_path, "discs", worker=DISCS)),
            "detailer": str(EXAMPLES / "detailer"),
        }
    )
    fields: dict[str, Any] = {"width": 128, "height": 128, "steps": 2}
    said = {"strength": 0.6, "size": 64, "padding": 0.2, "most": 2}
    rig.finish(order(model.checkpoint, "plain", extensions={"discs": {}}, **fields))
    both = {"discs": {}, "detailer": said}
    rig.finish(order(model.checkpoint, "detailed", extensions=both, **fields))
    assert set(rig.ends().values()) == {"done"}, [rig.error(job) for job in rig.ends()]
    plain, detailed = (rig.pictures(name)[0] for name in ("plain", "detailed"))
    boxes = [box.padded(0.2, 128, 128) for box in finding.find(plain, "things", 2)]
    assert len(boxes) == len(rig.works(EncodeImage)) == 2
    untouched = np.ones(plain.shape[:2], bool)
    for box in boxes:
        part = slice(box.top, box.bottom), slice(box.left, box.right)
        assert not np.array_equal(detailed[part], plain[part])
        untouched[part] = False
    assert np.array_equal(detailed[untouched], plain[untouched])
    assert [s.step for s in rig.steps("detailed")] == [1, 2]


def test_parts_are_drawn_by_another_extensions_sampler(library: Library, tmp_path: Path) -> None:
    model = library.model("text")
    rig = Rig(model)
    folders = {name: str(EXAMPLES / name) for name in ("detailer", "ralston")}
    discs = write_extension(tmp_path, "discs", worker=DISCS)
    rig.engine.extensions.use({"discs": str(discs), **folders})
    both = {"discs": {}, "detailer": {"size": 64, "most": 1}}
    said: dict[str, Any] = {"extensions": both, "width": 128, "height": 128, "steps": 2}
    rig.finish(order(model.checkpoint, "detailed", sampler="ralston/Ralston", **said))
    assert rig.ends() == {"detailed": "done"}, rig.error("detailed")
    assert len(rig.works(EncodeImage)) == 1


def test_a_model_that_draws_by_a_picture_of_the_whole_is_refused(
    library: Library, worker: Any
) -> None:
    def program() -> Program:
        yield from ()
        return scene((60, 70, 22))

    wanted = SimpleNamespace(
        find="things", most=1, padding=0.2, size=64, strength=0.5, prompt=""
    )  # fmt: skip
    plain = PictureOrder(GenerationRequest(prompt="a boat"), 0)
    task = worker.detailed(program(), plain, library.model("upscale"), wanted)
    with pytest.raises(BadRequest, match="cannot draw a part again"):
        drive(task, no_work)


def test_what_adetailer_wrote_of_faces_is_taken_over() -> None:
    """Its keys as its version 24 writes them."""
    told = {
        "ADetailer model": "face_yolov8n.pt", "ADetailer prompt": "a calm face", "ADetailer confidence": "0.3",
        "ADetailer denoising strength": "0.4", "ADetailer inpaint width": "512", "ADetailer inpaint height": "640",
    }  # fmt: skip
    studio = StudioExtensions(HookHost())
    studio.load(read_manifest(EXAMPLES / "detailer"))
    arguments, keys = studio.pasted(told)
    assert arguments["detailer"] == {
        "find": "faces", "prompt": "a calm face", "strength": 0.4, "size": 640, "padding": 0.4, "most": 4,
    }  # fmt: skip
    assert set(told) - keys == {"ADetailer confidence"}
    assert studio.pasted({**told, "ADetailer model": "hand_yolov8n.pt"}) == ({}, frozenset())
    assert studio.host.failures() == ()
    studio.unload("detailer")
