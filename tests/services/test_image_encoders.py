"""IP-Adapters and the image encoders that they need: found, brought together, or asked for."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.services.models import write_json, write_weights
from tests.weights.test_clip_vision_files import published as encoder_shapes
from tests.weights.test_ip_adapter_files import published
from webui.contracts.errors import InvalidField
from webui.contracts.fakes import FAKE_CHECKPOINT
from webui.contracts.ids import ImageId
from webui.contracts.request import GenerationRequest
from webui.services.catalog import Catalog
from webui.services.images import ImageStore
from webui.services.orders import adapters_of
from webui.services.resolve import resolve


def write_adapter(root: Path, layout: str = "plain", folder: str = "ipadapter") -> Path:
    file = root / folder / f"ip-adapter-{layout}.safetensors"
    write_weights(file, {name: list(shape) for name, shape in published(layout).items()})
    return file


def write_encoder(
    root: Path, name: str = "image_encoders/vit-h", width: int = 128, pooled: int = 1024
) -> Path:
    """Small in all that does not matter here."""
    folder = root / name
    write_json(folder / "config.json", {"model_type": "clip_vision_model"})
    shapes = encoder_shapes(width, pooled, 1)
    write_weights(folder / "model.safetensors", {n: list(s) for n, s in shapes.items()})
    return folder


@pytest.mark.parametrize("folder", ["controlnet", "ipadapter", "IP-Adapter/models"])
def test_an_ip_adapter_is_chosen_like_a_controlnet(tmp_path: Path, folder: str) -> None:
    file = write_adapter(tmp_path, folder=folder)
    catalog = Catalog([tmp_path])
    (info,) = catalog.adapters("controlnet")
    assert (info.id, info.path) == (f"{folder}/ip-adapter-plain", str(file))
    assert (info.reads, info.base, info.text_width, info.is_ip_adapter) == ("look", "SD 1", 768, True)  # fmt: skip
    assert (info.pooled_width, info.patch_width) == (1024, 0)
    assert catalog.problems() == ()


def test_one_that_reads_patches_says_so(tmp_path: Path) -> None:
    write_adapter(tmp_path, "plus")
    (info,) = Catalog([tmp_path]).adapters("controlnet")
    assert (info.pooled_width, info.patch_width, info.base) == (0, 1280, "SDXL")


def test_an_image_encoder_is_a_folder_or_a_file_of_weights(tmp_path: Path) -> None:
    write_encoder(tmp_path)
    shapes = {n: list(s) for n, s in encoder_shapes(128, 1024, 1).items()}
    write_weights(tmp_path / "clip_vision" / "CLIP-ViT-H-14.safetensors", shapes)
    catalog = Catalog([tmp_path])
    found = {info.id: (info.pooled_width, info.patch_width) for info in catalog.adapters("image_encoder")}  # fmt: skip
    assert found == {
        "clip_vision/CLIP-ViT-H-14": (1024, 128),
        "image_encoders/vit-h": (1024, 128),
    }
    assert catalog.problems() == ()


def test_the_image_encoder_of_a_repository_is_found_beside_its_adapters(tmp_path: Path) -> None:
    write_adapter(tmp_path, folder="IP-Adapter/models")
    write_encoder(tmp_path, "IP-Adapter/models/image_encoder")
    (info,) = Catalog([tmp_path]).adapters("image_encoder")
    assert info.id == "IP-Adapter/models/image_encoder"


def test_another_networks_folder_is_none(tmp_path: Path) -> None:
    folder = write_encoder(tmp_path)
    write_json(folder / "config.json", {"model_type": "siglip_vision_model"})
    catalog = Catalog([tmp_path])
    assert (catalog.adapters(), catalog.problems()) == ((), ())


@pytest.fixture
def images(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")


def ask(images: ImageStore) -> GenerationRequest:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    picture: ImageId = images.put(out.getvalue())
    control = {"adapter": "ip-adapter-plain", "image": picture}
    return GenerationRequest.model_validate({"prompt": "a", "controls": [control]})


def test_the_worker_is_told_of_the_encoder_that_fits(tmp_path: Path, images: ImageStore) -> None:
    write_adapter(tmp_path)
    write_encoder(tmp_path, "image_encoders/other", pooled=768)
    write_encoder(tmp_path, "image_encoders/right")
    catalog = Catalog([tmp_path], [FAKE_CHECKPOINT])
    request = resolve(ask(images), catalog, images, lambda _: 0)
    told = [info.id for info in adapters_of(request, catalog)]
    assert told == ["ipadapter/ip-adapter-plain", "image_encoders/right"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("mode", "ControlNet is more important"), ("resize_mode", "Just resize")],
)
def test_an_ip_adapter_has_neither_mode(
    tmp_path: Path, images: ImageStore, field: str, value: str
) -> None:
    write_adapter(tmp_path)
    write_encoder(tmp_path, "image_encoders/right")
    catalog, request = Catalog([tmp_path], [FAKE_CHECKPOINT]), ask(images)
    controls = tuple(use.model_copy(update={field: value}) for use in request.controls)
    with pytest.raises(InvalidField, match=f"controls.0.{field} is '{value}' for the IP"):
        resolve(request.model_copy(update={"controls": controls}), catalog, images, lambda _: 0)


def test_a_missing_encoder_is_named_with_its_place(tmp_path: Path, images: ImageStore) -> None:
    write_adapter(tmp_path)
    write_encoder(tmp_path, "image_encoders/other", pooled=768)
    catalog = Catalog([tmp_path], [FAKE_CHECKPOINT])
    with pytest.raises(InvalidField) as caught:
        resolve(ask(images), catalog, images, lambda _: 0)
    sentence = str(caught.value)
    assert "'ipadapter/ip-adapter-plain', an IP-Adapter without its image encoder" in sentence
    assert "CLIP ViT-H/14: the folder models/image_encoder of h94/IP-Adapter" in sentence
    assert "models/image_encoders/" in sentence


def test_an_encoder_that_nobody_published_is_described(tmp_path: Path, images: ImageStore) -> None:
    file = write_adapter(tmp_path)
    shapes = {n: list(s) for n, s in published("plain").items()}
    write_weights(file, shapes | {"image_proj.proj.weight": [3072, 99]})
    catalog = Catalog([tmp_path], [FAKE_CHECKPOINT])
    with pytest.raises(InvalidField, match="that says 99 numbers of a whole picture"):
        resolve(ask(images), catalog, images, lambda _: 0)


def test_one_that_reads_faces_is_a_problem_with_its_reason(tmp_path: Path) -> None:
    shapes = {n: list(s) for n, s in published("plain").items() if "proj.weight" not in n}
    write_weights(tmp_path / "ipadapter" / "faceid.bin", shapes)
    catalog = Catalog([tmp_path])
    ((_, reason),) = catalog.problems()
    assert "FaceID" in reason
