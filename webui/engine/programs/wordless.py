"""What models follow in cross-attention that is not text: boxes, a class, vectors of like pictures."""

from __future__ import annotations

import torch
from torch import Tensor

from webui.contracts.conditions import LayoutBox
from webui.contracts.errors import BadRequest
from webui.engine.model import LoadedModel
from webui.engine.programs.order import PictureOrder
from webui.engine.work import EncodeBoxes, Task


def wordless_tokens(order: PictureOrder, model: LoadedModel, guided: bool) -> Task[Tensor | None]:
    """What a model without a text encoder attends to.

    Args:
        order: The picture.
        model: What draws it.
        guided: Whether a second row is wanted, of what the picture is guided away from: no class, no
            boxes, no vectors. A model that knows no such thing gets one row all the same.

    Returns:
        (R, T, D); None for a network that attends to nothing.

    Raises:
        BadRequest: the request lacks what the model needs.
    """
    rows = 2 if guided and model.can_be_guided else 1
    if model.layout_encoder is not None:
        return (yield from box_tokens(order, model, rows))
    if model.conditioners.classes is not None:
        return _class_tokens(order, model, model.conditioners.classes)[:rows]
    if model.conditioners.tokens_width is not None:
        return _vectors(order, model, model.conditioners.tokens_width)[:rows]
    return None


def box_tokens(order: PictureOrder, model: LoadedModel, rows: int) -> Task[Tensor]:
    """(R, L, D): the boxes of the request for each part of the prompt, then, with guidance, no boxes."""
    boxes = torch.tensor([_box(box, model) for box in order.request.boxes], dtype=torch.float32)
    boxes = boxes.reshape(1, -1, 5)[:, : model.max_boxes].to(model.device)
    given: Tensor = yield EncodeBoxes(model, boxes)
    if rows == 1:
        return given
    none: Tensor = yield EncodeBoxes(model, boxes[:, :0])
    return torch.cat((given.expand(rows - 1, -1, -1), none))


def _box(box: LayoutBox, model: LoadedModel) -> tuple[float, ...]:
    classes = model.checkpoint.classes
    if box.label not in classes:
        raise BadRequest(
            f"The model {model.checkpoint.id!r} knows no {box.label!r}; "
            f"it knows {', '.join(classes)}. Label the box with one of these."
        )
    return float(classes.index(box.label)), box.left, box.top, box.right, box.bottom


def _class_tokens(order: PictureOrder, model: LoadedModel, classes: Tensor) -> Tensor:
    """(2, 1, D): the class of the request, and the last of the table, which stands for none."""
    label = order.request.class_label
    index = model.checkpoint.class_index(label)
    if index is None:
        raise BadRequest(
            f"The model {model.checkpoint.id!r} knows no class {label!r}; expected one of its "
            f"{len(model.checkpoint.classes)} names, or a number below that."
        )
    return classes[[index, len(classes) - 1], None].float()


def _vectors(order: PictureOrder, model: LoadedModel, width: int) -> Tensor:
    """(2, N, D): the vectors of the embeddings that the prompt names, each of length 1; and zeros.

    Retrieval-augmented diffusion (Blattmann et al. 2022) attends to CLIP embeddings of pictures like the
    one that is wanted, and is guided away from none.
    """
    embeddings = order.reading.embeddings
    wrong = next((e for e in embeddings if e.vectors.shape[1] != width), None)
    if not embeddings or wrong is not None:
        what = (
            "and the prompt names none"
            if wrong is None
            else f"and those of {wrong.info.id!r} have {wrong.vectors.shape[1]}"
        )
        raise BadRequest(
            f"The model {model.checkpoint.id!r} draws what is like CLIP embeddings of {width} numbers, {what}. "
            "Put a file of such vectors into the embeddings folder and write its name as the prompt."
        )
    vectors = torch.cat([e.vectors for e in embeddings]).to(model.device)
    lengths = vectors.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return torch.stack((vectors / lengths, torch.zeros_like(vectors)))
