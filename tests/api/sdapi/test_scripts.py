"""Always-on scripts: ControlNet, refiner, soft inpainting."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.api.sdapi.conftest import b64, drawn, opened, refusal, request_of
from webui.contracts.errors import BadRequest
from webui.services.module_names import module_called


def with_unit(client: TestClient, route: str = "txt2img", **unit: Any) -> tuple[Any, Any]:
    whole = {"module": "none", "model": "edges [d14c016b]", **unit}
    extra = {"init_images": [b64()]} if route == "img2img" else {}
    _, info = drawn(client, route, alwayson_scripts={"ControlNet": {"args": [whole]}}, **extra)
    return request_of(client, info), info


def test_a_unit_becomes_a_control(furnished: TestClient) -> None:
    request, info = with_unit(
        furnished, image=b64(), weight=0.7, guidance_start=0.1, guidance_end=0.8, pixel_perfect=True,
        control_mode="My prompt is more important", resize_mode=1,
    )  # fmt: skip
    (control,) = request["controls"]
    assert (control["adapter"], control["weight"]) == ("nets/edges", 0.7)
    assert (control["start"], control["end"]) == (0.1, 0.8)
    where = "alwayson_scripts.controlnet.args.0"
    assert info["ignored"] == [f"{where}.pixel_perfect"]
    assert control["mode"] == "My prompt is more important"


@pytest.mark.parametrize(
    ("given", "mode"),
    [(0, "Balanced"), (2, "ControlNet is more important"), (None, "Balanced"), ("Balanced", "Balanced")],
)  # fmt: skip
def test_a_control_mode_is_named_or_counted(furnished: TestClient, given: Any, mode: str) -> None:
    request, info = with_unit(furnished, image=b64(), control_mode=given)
    assert request["controls"][0]["mode"] == mode
    assert info.get("ignored", []) == []


def test_a_control_mode_that_there_is_not_is_refused(furnished: TestClient) -> None:
    unit = {"model": "edges", "image": b64(), "control_mode": 7}
    status, said = refusal(furnished, alwayson_scripts={"controlnet": {"args": [unit]}})
    assert status == 422
    assert "controls.0.mode is 7, expected 'Balanced', 'My prompt is more important' or" in said


@pytest.mark.parametrize(
    ("given", "mode"),
    [(0, "Just resize"), (1, "Crop and resize"), ("Resize and Fill", "Resize and fill"), (None, "Automatic"),
     ("Envelope (Outer Fit)", "Resize and fill")],
)  # fmt: skip
def test_a_resize_mode_is_named_or_counted(furnished: TestClient, given: Any, mode: str) -> None:
    request, info = with_unit(furnished, image=b64(), resize_mode=given)
    assert request["controls"][0]["resize_mode"] == mode
    assert info.get("ignored", []) == []


def test_a_unit_that_shares_the_start_image_goes_as_that_goes(furnished: TestClient) -> None:
    request, _ = with_unit(furnished, route="img2img", resize_mode=1)
    assert request["controls"][0]["resize_mode"] == "Automatic"


@pytest.mark.parametrize("given", [3, "Odd"])
def test_a_resize_mode_that_there_is_not_is_refused(furnished: TestClient, given: Any) -> None:
    unit = {"model": "edges", "image": b64(), "resize_mode": given}
    status, said = refusal(furnished, alwayson_scripts={"controlnet": {"args": [unit]}})
    assert status == 422
    assert f"controls.0.resize_mode is {given!r}, expected 'Automatic', 'Just resize'" in said


def test_pictures_of_units_come_in_three_forms(furnished: TestClient) -> None:
    images = [
        with_unit(furnished, image=b64())[0]["controls"][0]["image"],
        with_unit(furnished, input_image=b64())[0]["controls"][0]["image"],
        with_unit(furnished, image={"image": b64(), "mask": b64()})[0]["controls"][0]["image"],
    ]
    assert len(set(images)) == 1
    request, _ = with_unit(furnished, "img2img")
    assert request["controls"][0]["image"] == request["image"]


def test_the_region_of_a_unit_is_its_mask(furnished: TestClient) -> None:
    request, info = with_unit(furnished, image=b64(), effective_region_mask=b64())
    assert request["controls"][0]["mask"] == request["controls"][0]["image"]
    assert "ignored" not in info or not info["ignored"]
    assert with_unit(furnished, image=b64())[0]["controls"][0]["mask"] is None


def test_a_unit_that_is_off_is_none(furnished: TestClient) -> None:
    off: tuple[Any, ...] = (None, {"args": None}, {"args": []}, {})
    for nothing in off:
        _, info = drawn(furnished, alwayson_scripts={"controlnet": nothing})
        assert request_of(furnished, info)["controls"] == []
    assert with_unit(furnished, enabled=False)[0]["controls"] == []
    assert with_unit(furnished, model="None")[0]["controls"] == []


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        ({"image": "", "model": "edges"}, "Unit 0 of controlnet has no picture"),
        (
            {"module": "openpose", "model": "edges", "image": "x"},
            "no preprocessor 'openpose'. Those",
        ),
        ({"model": "depth", "image": b64()}, "There is no controlnet 'depth'"),
        ("edges", "an object was expected"),
    ],
)
def test_a_unit_that_cannot_be_followed_is_a_sentence(
    furnished: TestClient, unit: Any, says: str
) -> None:
    assert says in refusal(furnished, alwayson_scripts={"controlnet": {"args": [unit]}})[1]


def test_controlnets_are_listed_as_units_name_them(furnished: TestClient) -> None:
    assert furnished.get("/controlnet/model_list").json() == {"model_list": ["nets/edges"]}
    types = furnished.get("/controlnet/control_types").json()["control_types"]
    assert types["edges"]["model_list"] == ["None", "nets/edges"]
    assert furnished.get("/controlnet/version").json() == {"version": 3}
    assert furnished.get("/controlnet/settings").json() == {"control_net_unit_count": 4}


def test_a_unit_may_name_a_preprocessor_and_its_thresholds(furnished: TestClient) -> None:
    picture = Image.new("L", (64, 64))
    picture.paste(30, (20, 20, 44, 44))
    out = io.BytesIO()
    picture.save(out, "PNG")
    sent = base64.b64encode(out.getvalue()).decode()

    def edges(**unit: Any) -> int:
        request, info = with_unit(furnished, module="canny", image=sent, processor_res=512, **unit)
        assert info["ignored"] == []
        stored = furnished.get(f"/api/v1/images/{request['controls'][0]['image']}").content
        white = np.asarray(Image.open(io.BytesIO(stored)).convert("L")) > 0
        return int(white.sum())

    weak = {"threshold_a": 20, "threshold_b": 40}
    assert edges() == edges(threshold_a=-1, threshold_b=-1) == 0
    assert edges(**weak) > 50
    thresholds = {f"controlnet_{name}": value for name, value in weak.items()}
    body = {"controlnet_module": "canny", "controlnet_input_images": [sent], **thresholds}
    (made,) = furnished.post("/controlnet/detect", json=body).json()["images"]
    assert (np.asarray(opened(made).convert("L")) > 0).sum() == edges(**weak)


def test_preprocessors_are_listed_by_our_names_and_theirs(furnished: TestClient) -> None:
    told = furnished.get("/controlnet/module_list").json()
    assert {"none", "canny", "tile_resample"} <= set(told["module_list"])
    assert set(told["module_list"]) == set(told["module_detail"])
    assert [s["value"] for s in told["module_detail"]["canny"]["sliders"]] == [100, 200]
    for name in told["module_list"]:
        if name != "class colours":  # which wants numbers
            body = {"controlnet_module": name, "controlnet_input_images": [b64()]}
            assert furnished.post("/controlnet/detect", json=body).status_code == 200, name


def test_a_refiner_is_a_field(furnished: TestClient) -> None:
    _, info = drawn(furnished, alwayson_scripts={"Refiner": {"args": [True, "tiny", 0.6]}})
    request = request_of(furnished, info)
    assert (request["refiner"], request["refiner_switch_at"]) == ("sd/tiny", 0.6)
    _, info = drawn(furnished, refiner_checkpoint="tiny", refiner_switch_at=0.5)
    assert request_of(furnished, info)["refiner_switch_at"] == 0.5
    _, info = drawn(furnished, alwayson_scripts={"Refiner": {"args": [False, "tiny", 0.6]}})
    assert request_of(furnished, info)["refiner"] == ""


@pytest.mark.parametrize(
    "arguments",
    [[True, 2, 0.4], [{"Soft inpainting": True, "Schedule bias": 2, "Preservation strength": 0.4}]],
)
def test_soft_inpainting_is_said_by_place_or_by_name(
    client: TestClient, arguments: list[Any]
) -> None:
    _, info = drawn(
        client, "img2img", init_images=[b64()], mask=b64(colour=255, mode="L"),
        alwayson_scripts={"Soft Inpainting": {"args": arguments}},
    )  # fmt: skip
    request = request_of(client, info)
    assert request["soft_inpainting"] is True
    assert (request["soft_schedule_bias"], request["soft_preservation"]) == (2, 0.4)


@pytest.mark.parametrize(
    "name",
    ["none", "ip-adapter-auto", "ip-adapter_clip_sdxl_plus_vith", "CLIP-ViT-H (IPAdapter)"],
)
def test_an_ip_adapters_picture_goes_through_no_preprocessor(name: str) -> None:
    assert module_called(name) is None


def test_a_face_recogniser_is_none_of_them() -> None:
    with pytest.raises(BadRequest, match="no preprocessor 'InsightFace"):
        module_called("InsightFace+CLIP-H (IPAdapter)")
