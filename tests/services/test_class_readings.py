"""Who waits for a reading hears of it, or why none comes."""

from __future__ import annotations

import pytest

from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import JobFailed
from webui.contracts.ids import AdapterId
from webui.contracts.messages import ClassesRead
from webui.services.class_readings import ClassReadings

INFO = AdapterInfo(AdapterId("s"), "segmenter", "s", "/m/s", 1)


def test_each_answer_goes_to_who_waits_for_it() -> None:
    readings = ClassReadings()
    (a, first), (b, second) = (readings.begin(INFO, "/a.png") for _ in range(2))
    assert a.reading != b.reading
    seen = ClassesRead(b.reading, 1, 1, b"\0", None)
    readings.answered(seen)
    readings.answered(seen)  # once more, and to nobody
    assert (second.result(0), first.done()) == (seen, False)


def test_a_refusal_is_an_error_with_its_sentence() -> None:
    readings = ClassReadings()
    order, waiting = readings.begin(INFO, "/a.png")
    readings.answered(ClassesRead(order.reading, 0, 0, b"", "It rained."))
    with pytest.raises(JobFailed, match="It rained"):
        waiting.result(0)


def test_nobody_waits_for_a_worker_that_is_gone() -> None:
    readings = ClassReadings()
    waiting = [readings.begin(INFO, "/a.png")[1] for _ in range(2)]
    readings.fail("The engine ended.")
    for each in waiting:
        with pytest.raises(JobFailed, match="The engine ended"):
            each.result(0)
