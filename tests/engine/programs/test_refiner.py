"""Another model that draws the last steps, or the second pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.engine.rig import Rig, order
from webui.contracts.ids import ModelId
from webui.contracts.messages import RunJob
from webui.engine.model import LoadedModel
from webui.engine.work import DecodeLatent, Predict


def ordered(model: LoadedModel, other: LoadedModel, job: str = "job", **fields: Any) -> RunJob:
    """With a second model, whichever field names it."""
    command = order(model.checkpoint, job, **fields)
    return replace(command, others=(other.checkpoint,))


def asked(rig: Rig) -> list[str]:
    return [str(work.model.checkpoint.id) for work in rig.works(Predict)]


def test_the_refiner_draws_from_its_step_on(model: LoadedModel, other_model: LoadedModel) -> None:
    own, other = str(model.checkpoint.id), str(other_model.checkpoint.id)
    rig = Rig(model, other_model)
    refined: dict[str, Any] = {"refiner": other, "refiner_switch_at": 0.5}
    rig.finish(ordered(model, other_model, steps=4, sampler="Euler", **refined))
    assert rig.ends() == {"job": "done"}
    assert asked(rig) == [own] * 2 + [other] * 2
    assert {str(w.model.checkpoint.id) for w in rig.works(DecodeLatent)} == {own}
    assert all(work.patches == () for work in rig.works(Predict))


@pytest.mark.parametrize(("share", "steps"), [(0.0, 4), (1.0, 0), (0.8, 0), (0.75, 1)])
def test_it_draws_the_share_of_the_steps_that_is_left(
    model: LoadedModel, other_model: LoadedModel, share: float, steps: int
) -> None:
    rig = Rig(model, other_model)
    refined: dict[str, Any] = {
        "refiner": str(other_model.checkpoint.id),
        "refiner_switch_at": share,
    }
    rig.finish(ordered(model, other_model, steps=4, sampler="Euler", **refined))
    assert asked(rig).count(str(other_model.checkpoint.id)) == steps


def test_a_model_that_refines_itself_changes_nothing(model: LoadedModel) -> None:
    twin = replace(model, checkpoint=replace(model.checkpoint, id=ModelId("twin")))
    rig = Rig(model, twin)
    rig.finish(
        order(model.checkpoint, "plain"),
        ordered(model, twin, "refined", refiner="twin", refiner_switch_at=0.5),
    )
    plain, refined = (rig.pictures(name)[0].astype(int) for name in ("plain", "refined"))
    assert abs(plain - refined).max() <= 1


@pytest.mark.parametrize("upscaler", ["Latent", "Lanczos"])
def test_the_second_pass_may_have_a_model_of_its_own(
    model: LoadedModel, other_model: LoadedModel, upscaler: str
) -> None:
    own, other = str(model.checkpoint.id), str(other_model.checkpoint.id)
    rig = Rig(model, other_model)
    second: dict[str, Any] = {"hires_model": other, "hires_scale": 2.0, "hires_upscaler": upscaler}
    rig.finish(ordered(model, other_model, steps=3, sampler="Euler", hires_steps=2, **second))
    assert asked(rig) == [own] * 3 + [other] * 2
    assert str(rig.works(DecodeLatent)[-1].model.checkpoint.id) == other
    assert rig.pictures("job")[0].shape == (64, 64, 3)


def test_latents_that_do_not_fit_are_refused_in_a_sentence(
    model: LoadedModel, other_model: LoadedModel
) -> None:
    wider = replace(other_model.checkpoint, latent_channels=16)
    rig = Rig(model, replace(other_model, checkpoint=wider))
    command = order(model.checkpoint, refiner=str(wider.id))
    rig.finish(replace(command, others=(wider,)))
    assert "16 channels" in rig.error("job")


def test_models_that_do_not_fit_the_memory_together_are_refused(
    model: LoadedModel, other_model: LoadedModel
) -> None:
    rig = Rig(model, other_model, budget_bytes=max(model.bytes, other_model.bytes) + 1)
    rig.finish(
        ordered(model, other_model, "both", refiner=str(other_model.checkpoint.id)),
        order(model.checkpoint, "one"),
    )
    assert rig.ends() == {"both": "failed", "one": "done"}
    assert "together" in rig.error("both")
