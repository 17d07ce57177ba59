from __future__ import annotations

import pytest

from webui.weights.class_names import DataSet, class_names


@pytest.mark.parametrize(
    ("data_set", "count", "some"),
    [
        ("imagenet", 1000, {0: "tench", 207: "golden retriever", 999: "toilet tissue"}),
        ("open_images", 340, {0: "tortoise", 339: "suitcase"}),
    ],
)
def test_names_stand_in_the_order_of_their_numbers_and_are_all_different(
    data_set: DataSet, count: int, some: dict[int, str]
) -> None:
    names = class_names(data_set)
    assert len({name.lower() for name in names}) == len(names) == count
    assert {number: names[number] for number in some} == some
    assert all(name == name.strip() and name for name in names)
