"""The texts that Easel writes into each picture."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.told import told_request
from webui.contracts.drafts import PictureDraft
from webui.contracts.ids import JobId, ModelId, PictureId
from webui.contracts.infotext import FileHashes
from webui.contracts.request import GenerationRequest, parse_request
from webui.hooks.builtin.png_metadata import picture_metadata

_REQUEST = GenerationRequest(
    prompt="a boat", model=ModelId("starter/text"), width=64, height=64, seed=7
)
_DRAFT = PictureDraft(PictureId("p"), JobId("j"), 0, _REQUEST, 0.0)


def test_both_texts_give_the_request_back() -> None:
    texts = {chunk.keyword: chunk.text for chunk in picture_metadata(_DRAFT)}
    assert parse_request(json.loads(texts["easel"])) == _REQUEST
    assert told_request(texts["parameters"]) == _REQUEST


def test_hashes_that_are_known_are_written() -> None:
    hashes = FileHashes("ab12cd34ef", {"ink": "0123456789ab"})
    texts = {c.keyword: c.text for c in picture_metadata(replace(_DRAFT, hashes=hashes))}
    assert "Model hash: ab12cd34ef, Model: starter/text" in texts["parameters"]
    assert 'Lora hashes: "ink: 0123456789ab"' in texts["parameters"]
