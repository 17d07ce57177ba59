"""What a model needs around each pass: its files as they were."""

from __future__ import annotations

from collections.abc import Sequence

from webui.engine.work import Answer, Execute, Work


def readied(run: Execute) -> Execute:
    """`run` on models whose files are as they were when they were mapped, before a pass and after it."""

    def ready_and_run(works: Sequence[Work]) -> list[Answer]:
        model = works[0].model
        model.check_files()
        answers = run(works)
        model.check_files()
        return answers

    return ready_and_run
