"""Networks that are compiled or recorded say what they say plainly."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from tests.engine.rig import Rig, order
from webui.engine.acceleration import Accelerated, Acceleration, Inputs, Run, accelerate, row_bucket
from webui.engine.model import LoadedModel


class Recorder:
    """Records as a CUDA graph does: it reads and writes memory of its own, and sees one shape only."""

    def __init__(self, refuses: int = 0) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.refuses = refuses

    def __call__(self, run: Run, inputs: Inputs) -> Run:
        if len(self.shapes) < self.refuses:
            self.shapes.append(())
            raise RuntimeError("operation not permitted when stream is capturing")
        self.shapes.append(tuple(inputs["sample"].shape))
        held = {name: value.clone() for name, value in inputs.items()}
        output = run(held)

        def replay(given: Inputs) -> Tensor:
            for name, value in given.items():
                held[name].copy_(value)
            output.copy_(run(held))
            return output.clone()

        return replay


def fast(model: LoadedModel, recorder: Recorder, most: int = 12) -> LoadedModel:
    return replace(model, fast=Accelerated(model.unet, recorder, most))


@pytest.mark.parametrize(("rows", "bucket"), [(1, 1), (2, 2), (3, 4), (5, 8), (16, 16)])
def test_rows_are_filled_up_to_a_power_of_two(rows: int, bucket: int) -> None:
    assert row_bucket(rows) == bucket


def test_recorded_passes_give_the_same_pictures_at_few_shapes(model: LoadedModel) -> None:
    plain, recorder = Rig(model), Recorder()
    rig = Rig(fast(model, recorder))
    jobs = [
        order(model.checkpoint, f"job {i}", seed=i, steps=2 + i, guidance_scale=1 + i % 2)
        for i in range(5)
    ]
    for each in (plain, rig):
        each.finish(*jobs)
    for i in range(5):
        difference = rig.pictures(f"job {i}")[0].astype(int) - plain.pictures(f"job {i}")[0]
        assert abs(difference).max() <= 1
    assert len(set(rig.predicted_rows())) > len(set(recorder.shapes))
    assert all(shape[0] in (1, 2, 4, 8, 16) for shape in recorder.shapes)
    assert len(recorder.shapes) == len(set(recorder.shapes))


def test_the_least_recently_used_recording_goes_first() -> None:
    recorder = Recorder()
    run = Accelerated(lambda sample, **_: (sample * 2,), recorder, most=2)
    for size in (4, 8, 4, 16, 4, 8):
        x = torch.ones(3, 1, size, size)
        assert torch.equal(run(x, torch.ones(3), {}), x * 2)
    assert [shape[-1] for shape in recorder.shapes] == [4, 8, 16, 8]


def test_what_cannot_be_recorded_runs_as_it_is(model: LoadedModel) -> None:
    recorder = Recorder(refuses=1)
    plain, rig = Rig(model), Rig(fast(model, recorder))
    for each in (plain, rig):
        each.finish(order(model.checkpoint))
    assert (rig.pictures("job")[0] == plain.pictures("job")[0]).all()
    assert recorder.shapes == [()]


def test_a_recording_that_does_not_fit_is_an_out_of_memory_of_its_pass() -> None:
    def full(run: Run, inputs: Inputs) -> Run:
        raise torch.OutOfMemoryError("full")

    run = Accelerated(lambda sample, **_: (sample,), full)
    with pytest.raises(torch.OutOfMemoryError):
        run(torch.ones(1, 1, 2, 2), torch.ones(1), {})


class Small(nn.Module):
    """With the arguments of a denoising network."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(4, 4, 3, padding=1)

    def forward(
        self, sample: Tensor, timestep: Tensor, *, return_dict: bool = True
    ) -> tuple[Tensor]:
        assert not return_dict
        return (self.layer(sample) * timestep.view(-1, 1, 1, 1),)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_network_says_what_the_plain_one_says() -> None:
    network = Small()
    run = Accelerated(torch.compile(network, backend="eager", dynamic=False))
    for rows in (1, 3, 4):
        x, t = torch.randn(rows, 4, 8, 8), torch.arange(rows) + 1.0
        with torch.inference_mode():
            expected = network(x, t, return_dict=False)[0]
            assert torch.allclose(run(x, t, {}), expected, atol=1e-6)


def test_nothing_is_done_on_a_cpu_or_where_nobody_asked(model: LoadedModel) -> None:
    assert accelerate(model, Acceleration(compile=True, graphs=True)) is model
    gpu = replace(model, device=torch.device("cuda"))
    assert accelerate(gpu, Acceleration()) is gpu
    compiled = accelerate(gpu, Acceleration(compile=True, graphs=True))
    assert isinstance(compiled.fast, Accelerated)


@pytest.mark.gpu
def test_a_cuda_graph_says_what_the_plain_network_says(model: LoadedModel) -> None:
    device = torch.device("cuda")
    network = deepcopy(model.unet).to(device)
    model = replace(model, device=device, unet=network)
    recorded = accelerate(model, Acceleration(graphs=True)).fast
    assert recorded is not None
    draw = partial(torch.randn, device=device)
    with torch.inference_mode():
        for rows in (2, 2, 3):
            x, t = draw(rows, 4, 16, 16), torch.full((rows,), 7.0, device=device)
            tokens = {"encoder_hidden_states": draw(rows, 77, 16)}
            expected = network(x, t, **tokens, return_dict=False)[0]
            assert torch.allclose(recorded(x, t, tokens), expected, atol=1e-4)
