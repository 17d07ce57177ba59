from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import torch

from webui.engine.model import LoadedModel
from webui.engine.texts import TextCache

TOKENS = torch.zeros(100)  # 400 bytes


def test_the_least_recently_used_text_goes_first(model: LoadedModel) -> None:
    cache = TextCache(1000)
    for text in ("a", "b"):
        cache.put(model, text, TOKENS)
    cache.get(model, "a")
    cache.put(model, "c", TOKENS)
    assert [cache.get(model, text) is not None for text in "abc"] == [True, False, True]


def test_models_do_not_share_texts(model: LoadedModel, other_model: LoadedModel) -> None:
    cache = TextCache()
    cache.put(model, "a", TOKENS)
    assert cache.get(other_model, "a") is None


def test_the_cache_does_not_keep_an_unloaded_model(model: LoadedModel) -> None:
    cache = TextCache()
    unloaded = replace(model)
    cache.put(unloaded, "a", TOKENS)
    gone = weakref.ref(unloaded)
    del unloaded
    gc.collect()
    assert gone() is None
