"""A segmentation network's folder is known by its configuration, with the names of its classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.services.models import write_weights
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import AdapterId
from webui.services.catalog import Catalog
from webui.services.segmenter_files import describe_segmenter_folder

LABELS = {"0": "wall", "1": "sky", "2": "grass"}


def write_segmenter(folder: Path, **said: Any) -> Path:
    folder.mkdir(parents=True)
    config = {
        "model_type": "segformer", "architectures": ["SegformerForSemanticSegmentation"],
        "id2label": LABELS, **said,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    write_weights(folder / "model.safetensors", {"decode_head.classifier.bias": [3]})
    return folder


def test_its_classes_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    labels = {"10": "k", **{str(i): chr(ord("a") + i) for i in range(10)}}
    info = describe_segmenter_folder(
        write_segmenter(tmp_path / "a", id2label=labels), AdapterId("a")
    )
    assert info is not None
    assert (info.kind, info.classes) == ("segmenter", tuple("abcdefghijk"))


def test_the_catalog_offers_it(tmp_path: Path) -> None:
    write_segmenter(tmp_path / "segmenters" / "b0")
    [info] = Catalog([tmp_path]).adapters("segmenter")
    assert (info.id, info.title, info.classes) == ("segmenters/b0", "b0", ("wall", "sky", "grass"))


def test_a_folder_of_something_else_is_none_of_its_kind(tmp_path: Path) -> None:
    folder = write_segmenter(tmp_path / "a", model_type="clip")
    assert describe_segmenter_folder(folder, AdapterId("a")) is None


@pytest.mark.parametrize(
    ("said", "error", "sentence"),
    [
        ({"architectures": ["SegformerModel"]}, NotAModel, "SegformerForSemanticSegmentation was expected"),
        ({"id2label": {str(i): str(i) for i in range(257)}}, NotAModel, "tells 257 classes apart"),
        ({"id2label": {"0": "a", "2": "b"}}, BrokenModel, "from 0 on, were expected"),
        ({"id2label": None}, BrokenModel, "Its id2label is None"),
    ],
)  # fmt: skip
def test_what_names_no_classes_is_refused(
    tmp_path: Path, said: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        describe_segmenter_folder(write_segmenter(tmp_path / "a", **said), AdapterId("a"))
