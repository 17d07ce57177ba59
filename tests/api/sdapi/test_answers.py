"""Answers for jobs that did not end well."""

from __future__ import annotations

from typing import Any

import pytest

from webui.api.sdapi.answers import answer_of
from webui.api.sdapi.bodies import Txt2ImgBody
from webui.api.sdapi.orders import Order
from webui.contracts.errors import JobFailed
from webui.contracts.ids import JobId
from webui.contracts.job import Job, JobState
from webui.contracts.request import GenerationRequest


def test_a_failed_job_is_an_error_with_its_sentence() -> None:
    request = GenerationRequest(prompt="x")
    nowhere: Any = None  # nothing is asked of the studio before the failure is seen
    job = Job(
        id=JobId("j"), request=request, state=JobState.FAILED, step=0, steps=2, error="It burst.",
        attempts=1, created=0.0, started=None, finished=None,
    )  # fmt: skip
    with pytest.raises(JobFailed, match=r"It burst\."):
        answer_of(Txt2ImgBody(), Order(request, 1, ()), [job], nowhere)
