from __future__ import annotations

from dataclasses import replace

import pytest

from webui.contracts.fakes import FAKE_CHECKPOINT

MODEL = replace(FAKE_CHECKPOINT, classes=("tench", "Great Dane", "crane (bird)"))


@pytest.mark.parametrize(
    ("label", "index"),
    [
        ("tench", 0), ("great dane", 1), (" Crane (bird) ", 2), ("1", 1), ("3", None), ("-1", None),
        ("", None), ("crane", None), ("9" * 5000, None), ("²", None),
    ],
)  # fmt: skip
def test_a_class_is_found_by_its_name_or_number(label: str, index: int | None) -> None:
    assert MODEL.class_index(label) == index
