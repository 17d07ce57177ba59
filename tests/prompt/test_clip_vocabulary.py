"""CLIP's words have the numbers that its networks were trained with."""

from __future__ import annotations

import pytest

from webui.contracts.errors import BrokenModel
from webui.prompt import clip_vocabulary as module
from webui.prompt.clip_vocabulary import END, START, WORDS, ClipVocabulary, clip_vocabulary


@pytest.fixture(scope="module")
def vocabulary() -> ClipVocabulary:
    return clip_vocabulary()


def test_it_has_clips_words_and_their_numbers(vocabulary: ClipVocabulary) -> None:
    words = vocabulary.words
    assert len(words) == WORDS == 49408
    assert (words["!"], words["!</w>"], words["i"], words["in"]) == (0, 256, 72, 512)
    assert (words["a</w>"], words["photo</w>"], words["cat</w>"]) == (320, 1125, 2368)
    assert (words[START], words[END]) == (49406, 49407)


def test_every_merge_makes_a_word(vocabulary: ClipVocabulary) -> None:
    assert len(vocabulary.merges) == 48894
    assert vocabulary.merges[0] == ("i", "n")
    assert all("".join(pair) in vocabulary.words for pair in vocabulary.merges)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACKAGE", "no-such-package")
    with pytest.raises(BrokenModel, match=r"no-such-package.*launch\.py"):
        clip_vocabulary()
