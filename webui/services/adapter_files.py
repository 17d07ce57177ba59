"""What the files of a controlnet or an embedding say of it, without loading them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webui.contracts.adapter import AdapterInfo, Transformer
from webui.contracts.embedding_layouts import CLIP_G, vectors_key
from webui.contracts.embedding_picture import vectors_in_picture
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import AdapterId
from webui.contracts.union_kinds import FLUX_KINDS, UNION_KINDS, kinds_of
from webui.services.known_files import read_drawable
from webui.services.model_files import (
    EASEL_FILE,
    read_card,
    read_easel,
    read_json,
    weight_files,
)
from webui.weights.flow_control_files import SD3_CHANNELS, SD3_PICTURE
from webui.weights.known_kinds import known_class
from webui.weights.read import read_weights

CONFIG_FILE = "config.json"
T2I_CLASS = "T2IAdapter"
UNION_CLASS = "ControlNetUnionModel"
FLOW_CLASSES: Mapping[str, Transformer] = {
    "FluxControlNetModel": "flux", "SD3ControlNetModel": "sd3",
}  # fmt: skip
CONTROL_CLASSES = ("ControlNetModel", UNION_CLASS, T2I_CLASS, *FLOW_CLASSES)
_FLOW_BASES: Mapping[Transformer, tuple[str, int]] = {"flux": ("FLUX", 4096), "sd3": ("SD 3", 4096)}
INPAINT = "inpaint"
"""What a controlnet reads that is told what stays of a picture."""
PICKLED = (".pt", ".bin")
"""Endings of embeddings that torch.save wrote; they are read without unpickling."""
PICTURE = ".png"
"""Ending of pictures, which may hold an embedding."""


def describe_controlnet(folder: Path, adapter: AdapterId) -> AdapterInfo | None:
    """Read what the menu needs of the folder of a controlnet or T2I-Adapter; None when it is neither.

    Raises:
        NotAModel: its network is known and not drawn with; says what it is.
        BrokenModel: a file is missing, truncated or unreadable; says which.
    """
    config = read_json(folder / CONFIG_FILE)
    kind = config.get("_class_name")
    if (known := known_class(kind)) is not None:
        raise NotAModel(known.sentence)
    if kind not in CONTROL_CLASSES:
        return None
    files = weight_files(folder)
    shapes = {name: shape for file in files for name, shape in read_weights(file).shapes.items()}
    usual = INPAINT if reads_mask(config, shapes) else ""
    reads = read_easel(folder).get("reads", usual)
    if not isinstance(reads, str):
        raise BrokenModel(
            f"The 'reads' of {EASEL_FILE} is {repr(reads)[:100]}; a word such as 'edges' was expected."
        )
    title, description = read_card(folder)
    size = sum(file.stat().st_size for file in files)
    path = str(folder.resolve())
    network = FLOW_CLASSES.get(str(kind))
    base, width = base_of_network(network)
    return AdapterInfo(
        adapter, "controlnet", title or folder.name, path, size, reads, description,
        is_t2i=kind == T2I_CLASS, kinds=_kinds(config), network=network, base=base, text_width=width,
    )  # fmt: skip


def reads_mask(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether the network of a controlnet's folder reads a mask beside the latent; published configurations do not say so."""
    return len(shape := shapes.get(SD3_PICTURE, ())) > 1 and shape[1] > config.get("in_channels", SD3_CHANNELS)  # fmt: skip


def base_of_network(network: Transformer | None) -> tuple[str, int]:
    """What kind of model has this transformer, and the width of its text tokens; nothing of a UNet."""
    return _FLOW_BASES[network] if network is not None else ("", 0)


def _kinds(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What a union reads, by its configuration; empty where it is none."""
    key = {UNION_CLASS: "num_control_type", "FluxControlNetModel": "num_mode"}.get(
        str(config.get("_class_name"))
    )
    types = config.get(key) if key is not None else None
    if not isinstance(types, int) or types < 1:
        return ()
    return kinds_of(types, UNION_KINDS if key == "num_control_type" else FLUX_KINDS)


def describe_embedding(file: Path, adapter: AdapterId) -> AdapterInfo | None:
    """Read what the menu needs of an embedding's file; None of a picture that holds none.

    Raises:
        NotAModel: it holds no vectors that we can use.
        BrokenModel: it is truncated or unreadable.
    """
    if file.suffix == PICTURE:
        return _describe_picture(file, adapter)
    header = read_drawable(file)
    key = vectors_key(header.shapes)
    if key is None:
        second = " It has vectors for the second text encoder of SDXL alone." * (
            CLIP_G in header.shapes
        )
        raise NotAModel(
            "It lies in a folder of embeddings, but holds neither 'emb_params' nor 'clip_l' nor one tensor of "
            f"vectors.{second}"
        )
    shape = header.shapes[key]
    title = header.metadata.get("modelspec.title", "") or file.stem
    path, size = str(file.resolve()), file.stat().st_size
    vectors = shape[0] if len(shape) == 2 else 1
    return AdapterInfo(adapter, "embedding", title, path, size, vectors=vectors)


def _describe_picture(file: Path, adapter: AdapterId) -> AdapterInfo | None:
    try:
        vectors = vectors_in_picture(file)
    except OSError:
        return None  # no picture after all
    except ValueError as error:
        raise BrokenModel(f"{str(file)!r} is damaged: {error}.") from error
    if vectors is None:
        return None
    path, size = str(file.resolve()), file.stat().st_size
    return AdapterInfo(adapter, "embedding", file.stem, path, size, vectors=len(vectors))
