"""What the folder of a segmentation network says of it: its classes, by number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import AdapterId
from webui.services.adapter_files import CONFIG_FILE
from webui.services.model_files import read_json
from webui.weights.clip_vision_files import encoder_file
from webui.weights.read import read_weights

TYPE, NETWORK = "segformer", "SegformerForSemanticSegmentation"
MOST_CLASSES = 256


def describe_segmenter_folder(folder: Path, adapter: AdapterId) -> AdapterInfo | None:
    """Read what is to be known of a segmentation network's folder; None where it is another's.

    Raises:
        NotAModel: it tells no classes of pixels apart, or too many.
        BrokenModel: a file is missing, truncated or unreadable.
    """
    config = read_json(folder / CONFIG_FILE)
    if config.get("model_type") != TYPE:
        return None
    if NETWORK not in (config.get("architectures") or ()):
        raise NotAModel(
            f"Its network is {str(config.get('architectures'))[:100]}; of SegFormer, {NETWORK} was expected, which says the class of "
            "each pixel."
        )
    header = read_weights(encoder_file(folder))
    return AdapterInfo(
        adapter, "segmenter", folder.name, str(folder.resolve()), header.bytes,
        classes=_classes(config.get("id2label")),
    )  # fmt: skip


# Any: JSON from a file.
def _classes(said: Any) -> tuple[str, ...]:
    numbers = sorted(said, key=_number) if isinstance(said, dict) else []
    if [_number(key) for key in numbers] != list(range(len(numbers))) or not numbers:
        raise BrokenModel(
            f"Its id2label is {repr(said)[:100]}; names of the classes by number, from 0 on, were expected."
        )
    if len(numbers) > MOST_CLASSES:
        raise NotAModel(
            f"It tells {len(numbers)} classes apart; at most {MOST_CLASSES} can be in a map."
        )
    return tuple(str(said[key]) for key in numbers)


def _number(key: Any) -> int:
    return int(key) if str(key).isdigit() else -1
