from __future__ import annotations

from pathlib import Path

import pytest

from webui.contracts.errors import BrokenModel, NotAModel
from webui.weights.clip_vision_files import VisionShape, encoder_file, vision_shape

Shapes = dict[str, tuple[int, ...]]


def published(width: int = 1280, pooled: int = 1024, layers: int = 32) -> Shapes:
    """Of CLIP ViT-H/14, in part."""
    shapes: Shapes = {
        "vision_model.embeddings.patch_embedding.weight": (width, 3, 14, 14),
        "vision_model.embeddings.position_embedding.weight": (257, width),
        "visual_projection.weight": (pooled, width),
    }
    for layer in range(layers):
        shapes[f"vision_model.encoder.layers.{layer}.mlp.fc1.weight"] = (4 * width, width)
    return shapes


def test_sizes_are_read_from_shapes() -> None:
    shape = vision_shape(published())
    assert shape == VisionShape(1280, 1024, 14, 224, 32, 5120)
    assert shape.activation == "gelu"
    assert vision_shape(published(1024, 768)).activation == "quick_gelu"


def test_other_files_are_none() -> None:
    with pytest.raises(NotAModel, match="no image encoder of CLIP"):
        vision_shape({"visual_projection.weight": (1, 2)})


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("vision_model.encoder.layers.0.mlp.fc1.weight", None),
        ("vision_model.embeddings.patch_embedding.weight", (3, 3)),
        ("vision_model.embeddings.position_embedding.weight", (0, 3)),
        ("visual_projection.weight", ()),
    ],
)
def test_impossible_shapes_are_a_broken_model(name: str, shape: tuple[int, ...] | None) -> None:
    shapes = published()
    del shapes[name]
    with pytest.raises(BrokenModel, match="incomplete or of impossible shapes"):
        vision_shape(shapes | ({} if shape is None else {name: shape}))


def test_of_several_forms_the_plain_safetensors_is_taken(tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "model.fp16.safetensors", "model.safetensors"):
        (tmp_path / name).touch()
    assert encoder_file(tmp_path).name == "model.safetensors"
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "model.fp16.safetensors").unlink()
    assert encoder_file(tmp_path).name == "pytorch_model.bin"
    (tmp_path / "pytorch_model.bin").unlink()
    with pytest.raises(BrokenModel, match="holds no weights"):
        encoder_file(tmp_path)
