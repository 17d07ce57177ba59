"""Pictures, masks and maps that cannot be used, over HTTP: each is answered with a sentence."""

from __future__ import annotations

import io
import time
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

SQUARE = Image.new("RGB", (64, 64), (10, 200, 30))


def file_of(picture: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def uploaded(client: TestClient, picture: Image.Image, kind: str = "PNG") -> Any:
    answer = client.post("/api/v1/images", content=file_of(picture, kind))
    assert answer.status_code == 201, answer.text
    return answer.json()


def refusal(client: TestClient, **request: Any) -> tuple[int, str]:
    answer = client.post("/api/v1/jobs", json={"prompt": "a lake", "steps": 2, **request})
    return answer.status_code, answer.json().get("error") or ""


@pytest.mark.parametrize(("kind", "mode"), [("GIF", "P"), ("JPEG", "CMYK"), ("TIFF", "CMYK")])
def test_other_kinds_of_pictures_are_taken_and_drawn_from(
    client: TestClient, kind: str, mode: str
) -> None:
    image = uploaded(client, Image.new(mode, (96, 64)), kind)
    assert (image["width"], image["height"]) == (96, 64)
    back = Image.open(io.BytesIO(client.get(f"/api/v1/images/{image['id']}").content))
    assert (back.format, back.mode) == ("PNG", "RGB")
    assert refusal(client, image=image["id"]) == (202, "")


def test_a_picture_of_twelve_thousand_pixels_a_side_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/images", content=file_of(Image.new("1", (12_000, 12_000))))
    assert answer.status_code == 400
    assert answer.json()["error"].endswith("at most 50 megapixels are taken. Scale it down first.")


def test_a_mask_that_leaves_nothing_to_draw_is_refused(client: TestClient) -> None:
    image = uploaded(client, SQUARE)["id"]
    black, white = (uploaded(client, Image.new("L", (64, 64), v))["id"] for v in (0, 255))
    assert "nothing of it is white" in refusal(client, image=image, mask=black)[1]
    inverted = {"image": image, "mask": white, "mask_mode": "Inpaint not masked"}
    assert "white everywhere" in refusal(client, **inverted)[1]


def test_a_mask_of_another_size_is_refused_with_both_sizes(client: TestClient) -> None:
    image = uploaded(client, SQUARE)["id"]
    mask = uploaded(client, Image.new("L", (128, 128), 255))["id"]
    told = "mask is 128 x 128 pixels for an image of 64 x 64, expected a mask of the image's size"
    status, sentence = refusal(client, image=image, mask=mask)
    assert status == 422
    assert sentence.startswith(told)
    plot = {"x": {"axis": "steps", "values": "2, 3"}}
    ordered = {"prompt": "a lake", "image": image, "mask": mask, "plot": plot}
    answer = client.post("/api/v1/plots", json=ordered)
    assert (answer.status_code, answer.json()["error"][: len(told)]) == (422, told)
    assert client.get("/api/v1/jobs").json() == []


def test_a_file_that_is_no_picture_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/images", content=b"%PDF-1.7 a letter")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("The file is no picture that can be read")


def test_a_map_of_unknown_colours_or_numbers_is_refused(client: TestClient) -> None:
    unknown = uploaded(client, Image.new("L", (64, 64), 4))["id"]
    for class_map, said in (
        (uploaded(client, SQUARE)["id"], "class_map is a coloured picture, expected"),
        (unknown, "class_map is a picture with the value 4, expected values from 0 to 3"),
    ):
        status, sentence = refusal(client, model="fake/map", class_map=class_map)
        assert status == 422
        assert sentence.startswith(said)


@pytest.mark.parametrize("where", ["before", "after", "boundary"])
def test_a_form_that_goes_on_for_ever_costs_no_time(
    client: TestClient, png: bytes, where: str
) -> None:
    """Forms whose edges are millions of line ends or hyphens have kept servers busy for minutes."""
    junk = b"\r\n--" * 1_000_000
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    form = head + png + b"\r\n--b--\r\n"
    body = {"before": junk + form, "after": form + junk, "boundary": head + junk + b"\r\n--b--\r\n"}
    kind = {"content-type": "multipart/form-data; boundary=b"}
    began = time.process_time()
    answer = client.post("/api/v1/images", content=body[where], headers=kind)
    assert time.process_time() - began < 2
    assert answer.status_code in (201, 400)
