"""Encodings are kept under one budget, and never depend on what ran beside them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.library import Library, save_picture
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.engine.adapters.lora import LoadedLora
from webui.engine.encodings import EncodingCache
from webui.engine.engine import EngineOptions
from webui.engine.execute import execute
from webui.engine.model import LoadedModel
from webui.engine.reading import Reading
from webui.engine.work import (
    Answer,
    EncodeBoxes,
    EncodedText,
    EncodeImage,
    EncodeText,
    Predict,
    Work,
)

TOKENS = torch.zeros(100)  # 400 bytes


def zeros(works: Sequence[Work]) -> list[Answer]:
    return [TOKENS for _ in works]


def numbers(answer: Answer) -> torch.Tensor:
    """Of an encoding."""
    found = answer.tokens if isinstance(answer, EncodedText) else answer
    assert isinstance(found, torch.Tensor)
    return found


def put(cache: EncodingCache, *works: Work) -> None:
    for work in works:
        cache.run(zeros, [work])


def pixels(seed: int, size: int = 16) -> torch.Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_the_least_recently_used_goes_first_and_the_budget_is_kept(
    model: LoadedModel, other_model: LoadedModel
) -> None:
    cache = EncodingCache(1000)
    works: list[Work] = [
        EncodeText(model, "a"),
        EncodeImage(other_model, pixels(0)),
        EncodeText(model, "c"),
    ]
    put(cache, *works[:2])
    cache.get(EncodeText(model, "a"))
    put(cache, works[2])
    assert [cache.get(work) is not None for work in works] == [True, False, True]
    assert (cache.bytes, cache.counts.dropped, cache.counts.misses) == (800, 1, 3)


def test_what_is_larger_than_the_budget_drives_nothing_out(model: LoadedModel) -> None:
    cache = EncodingCache(1000)
    put(cache, EncodeText(model, "a"))
    cache.run(lambda _: [torch.zeros(1000)], [EncodeText(model, "large")])
    assert cache.get(EncodeText(model, "a")) is not None
    assert cache.bytes == 400


def test_models_and_kinds_of_work_do_not_share(
    model: LoadedModel, other_model: LoadedModel
) -> None:
    cache = EncodingCache()
    put(cache, EncodeText(model, "a"), EncodeImage(model, pixels(0)))
    others: list[Work] = [
        EncodeText(other_model, "a"),
        EncodeImage(other_model, pixels(0)),
        EncodeImage(model, pixels(1)),
        EncodeBoxes(model, pixels(0)),
        EncodeImage(model, pixels(0).view(1, 3, 8, 32)),
    ]
    assert [cache.get(work) for work in others] == [None] * 5
    assert cache.get(EncodeImage(model, pixels(0))) is TOKENS


def test_a_text_under_a_lora_is_another_and_does_not_keep_the_lora_alive(
    model: LoadedModel,
) -> None:
    cache = EncodingCache()
    info = AdapterInfo(AdapterId("a"), "lora", "A", "/a", 1)
    lora = LoadedLora(info, {}, 1)
    put(cache, EncodeText(model, "a", ((lora, 1.0),)))
    assert cache.get(EncodeText(model, "a", ((lora, 1.0),))) is TOKENS
    assert cache.get(EncodeText(model, "a", ((lora, 0.5),))) is None
    assert cache.get(EncodeText(model, "a")) is None
    gone = weakref.ref(lora)
    del lora
    gc.collect()
    assert gone() is None


def test_the_encodings_of_an_unloaded_model_go_with_it(model: LoadedModel) -> None:
    cache = EncodingCache()
    unloaded = replace(model)
    put(cache, EncodeText(unloaded, "a"), EncodeText(model, "b"))
    gone = weakref.ref(unloaded)
    del unloaded
    gc.collect()
    assert gone() is None
    assert cache.get(EncodeText(model, "b")) is TOKENS
    assert cache.bytes == 400


def test_a_failure_is_not_kept(model: LoadedModel) -> None:
    cache, work = EncodingCache(), EncodeText(model, "a")
    cache.run(lambda _: [ValueError("odd")], [work])
    assert cache.get(work) is None
    assert cache.bytes == 0


@pytest.mark.parametrize("kind", ["text", "image", "boxes"])
def test_an_encoding_does_not_depend_on_its_company(library: Library, kind: str) -> None:
    model = library.model("layout")
    of_kind: dict[str, list[Work]] = {
        "text": [EncodeText(model, f"a tree {i} " * (i + 1)) for i in range(4)],
        "image": [EncodeImage(model, pixels(i)) for i in range(4)],
        "boxes": [EncodeBoxes(model, torch.full((1, 2, 5), 0.1 * i)) for i in range(4)],
    }
    works = of_kind[kind]
    alone = [execute([work])[0] for work in works]
    cache = EncodingCache()
    together = cache.run(execute, [*works, works[2]])
    for work, mine, other in zip(works, alone, together, strict=False):
        assert torch.equal(numbers(mine), numbers(other))
        kept = cache.get(work)
        assert kept is other
    assert (cache.counts.misses, cache.counts.hits) == (4, 5)


def test_the_same_picture_is_encoded_once_for_all_jobs(model: LoadedModel, tmp_path: Path) -> None:
    file, other = save_picture(tmp_path / "a.png"), save_picture(tmp_path / "b.png", seed=1)
    rig = Rig(model)
    rig.finish(*(order(model.checkpoint, f"{i}", files={"image": file}, seed=i) for i in range(4)))
    rig.finish(order(model.checkpoint, "again", files={"image": file}, seed=2))
    rig.finish(order(model.checkpoint, "other", files={"image": other}, seed=2))
    assert len(rig.works(EncodeImage)) == 2
    assert len(rig.works(EncodeText)) == 2
    assert rig.engine.encodings.misses == 4
    difference = rig.pictures("again")[0].astype(int) - rig.pictures("2")[0]
    assert abs(difference).max() <= 1


def test_a_picture_from_kept_encodings_is_that_without_any_to_the_bit(
    model: LoadedModel, tmp_path: Path
) -> None:
    files = {"image": save_picture(tmp_path / "a.png")}
    keeps, forgets = Rig(model), Rig(model, options=EngineOptions(encodings_bytes=0))
    for rig in (keeps, forgets):
        rig.finish(order(model.checkpoint, "first", files=files))
        rig.finish(order(model.checkpoint, "second", files=files))
        assert np.array_equal(rig.pictures("first")[0], rig.pictures("second")[0])
    assert np.array_equal(keeps.pictures("second")[0], forgets.pictures("second")[0])
    assert len(keeps.works(EncodeImage)) == 1
    assert len(forgets.works(EncodeImage)) == 2
    assert keeps.predicted_rows() == forgets.predicted_rows()
    assert len(keeps.works(Predict)) == 8


def test_a_text_that_is_read_otherwise_is_another(model: LoadedModel) -> None:
    cache = EncodingCache()
    put(cache, EncodeText(model, "a", reading=Reading("Original")))
    assert cache.get(EncodeText(model, "a")) is TOKENS
    assert cache.get(EncodeText(model, "a", reading=Reading("No norm"))) is None
