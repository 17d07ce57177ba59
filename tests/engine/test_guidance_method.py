"""Guidance methods see guesses of the clean latent, whatever a network predicts; one that fails is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from tests.hooks.writing import write_extension
from webui.contracts.messages import ExtensionFailed
from webui.engine.classifier_free import weighed
from webui.engine.denoisers import FLOW, PREDICTIONS, NoiseLevels
from webui.engine.extending import Moment
from webui.engine.guidance_method import Guesses, MethodAt

SIGMA = 3.0
METHODS = """
from webui.hooks.specs import hookimpl

def fails(guesses):
    raise RuntimeError("lost the way")

@hookimpl
def guidance_functions():
    return {"fails": fails, "odd": lambda guesses: guesses.prompt[..., :3], "none": lambda guesses: None}
"""


def levels(prediction: str) -> NoiseLevels:
    return NoiseLevels((-1.0, 2.0), prediction)


@pytest.mark.parametrize("prediction", [*PREDICTIONS, FLOW])
def test_linear_guidance_of_guesses_is_linear_guidance_of_predictions(prediction: str) -> None:
    x, prompt, negative = torch.randn(3, 1, 4, 4, 4, dtype=torch.float64)

    def linear(guesses: Guesses) -> torch.Tensor:
        assert guesses.x is x
        assert torch.allclose(guesses.prompt, levels(prediction).denoised(x, SIGMA, prompt))
        return torch.lerp(guesses.negative, guesses.prompt, guesses.scale)

    method = MethodAt(linear, levels(prediction), x, Moment(SIGMA, 1, 2), {})
    wanted = weighed(torch.cat((prompt, negative)), (1.0,), 7.0)
    assert torch.allclose(method(prompt, negative, 7.0), wanted)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("fails", "lost the way"), ("odd", "a tensor of shape"), ("none", "a Tensor was expected")],
)
def test_a_method_that_fails_ends_the_job_with_its_extension_s_name(
    library: Library, tmp_path: Path, name: str, reason: str
) -> None:
    model = library.model("text")
    folder = write_extension(tmp_path, "astray", worker=METHODS)
    rig = Rig(model)
    rig.engine.extensions.use({"astray": str(folder)})
    rig.finish(order(model.checkpoint, guidance_method=f"astray/{name}"))
    assert rig.ends() == {"job": "failed"}
    assert f"The extension 'astray' failed in its guidance method '{name}'" in rig.error("job")
    assert reason in rig.error("job")
    (told,) = [event for event in rig.events if isinstance(event, ExtensionFailed)]
    assert (told.extension, told.hook) == ("astray", "guidance_functions")
