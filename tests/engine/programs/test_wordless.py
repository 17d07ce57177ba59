"""What a model without a text encoder attends to; what it draws of it, `families/ldm/test_load.py` checks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.engine.drive import drive, no_work
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BadRequest
from webui.contracts.ids import AdapterId
from webui.contracts.request import GenerationRequest
from webui.engine.adapters.embedding import LoadedEmbedding
from webui.engine.conditioners import Conditioners
from webui.engine.model import LoadedModel
from webui.engine.programs.order import PictureOrder
from webui.engine.programs.wordless import wordless_tokens

TABLE = torch.arange(12.0).reshape(3, 4)


def of(model: LoadedModel, conditioners: Conditioners, *classes: str) -> LoadedModel:
    checkpoint = replace(model.checkpoint, classes=classes)
    return replace(model, checkpoint=checkpoint, text_encoder=None, conditioners=conditioners)


def ordered(width: int | None = None, **fields: object) -> PictureOrder:
    request = GenerationRequest.model_validate({"prompt": "", **fields})
    if width is None:
        return PictureOrder(request, 0)
    name = AdapterId("embeddings/reefs")
    info = AdapterInfo(name, "embedding", "Reefs", "", 1)
    vectors = LoadedEmbedding(info, torch.full((2, width), 3.0), 1)
    return PictureOrder(request, 0, adapters={name: vectors}, embeddings=(name,))


def tokens(order: PictureOrder, model: LoadedModel, guided: bool) -> Tensor | None:
    return drive(wordless_tokens(order, model, guided), no_work)


def test_a_class_stands_before_the_class_of_none(model: LoadedModel) -> None:
    known = of(model, Conditioners(classes=TABLE), "moss", "fern")
    order = ordered(class_label="fern")
    assert torch.equal(tokens(order, known, True), TABLE[[1, 2], None])  # type: ignore[arg-type]
    assert torch.equal(tokens(order, known, False), TABLE[[1], None])  # type: ignore[arg-type]


def test_without_a_class_of_none_there_is_one_row(model: LoadedModel) -> None:
    known = of(model, Conditioners(classes=TABLE), "moss", "fern", "reed")
    assert not known.can_be_guided
    assert torch.equal(tokens(ordered(class_label="2"), known, True), TABLE[[2], None])  # type: ignore[arg-type]


def test_an_unknown_class_is_named(model: LoadedModel) -> None:
    with pytest.raises(BadRequest, match="knows no class 'oak'; expected one of its 2 names"):
        tokens(ordered(class_label="oak"), of(model, Conditioners(classes=TABLE), "a", "b"), False)


def test_vectors_have_length_one_and_are_guided_away_from_noughts(model: LoadedModel) -> None:
    said = tokens(ordered(4), of(model, Conditioners(tokens_width=4)), True)
    assert said is not None
    assert torch.equal(said, torch.stack((torch.full((2, 4), 0.5), torch.zeros(2, 4))))


def test_vectors_of_another_width_are_named(model: LoadedModel) -> None:
    with pytest.raises(BadRequest, match=r"of 4 numbers, and those of 'embeddings/reefs' have 6"):
        tokens(ordered(6), of(model, Conditioners(tokens_width=4)), True)


def test_a_network_that_attends_to_nothing_has_no_tokens(model: LoadedModel) -> None:
    assert tokens(ordered(), of(model, Conditioners()), True) is None
