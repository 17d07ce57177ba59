"""Pictures from boxes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from torch import Tensor

from tests.training.kinds import (
    SameBatch,
    check_learns,
    fixed_loss,
    run_main,
    same_parts,
    tiny_unet,
)
from tests.training.parts import CPU, SIZE, TINY_LOOP
from webui.contracts.ids import ModelId
from webui.engine.layout_encoder import LayoutEncoder
from webui.services.diffusers_folder import describe_folder
from webui.training.command import TrainingRefused
from webui.training.examples import Examples
from webui.training.layout import (
    LayoutDenoiser,
    LayoutModelSettings,
    box_picture,
    boxes_of,
    build_layout_encoder,
    drop_boxes,
    main,
    train_layout,
)
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts
from webui.training.world import CLASS_INDEX, CLASSES

SETTINGS = LayoutModelSettings(loop=TINY_LOOP, layers=1)


def test_a_share_of_the_examples_sees_no_boxes() -> None:
    boxes = np.ones((1000, 16, 5), np.float32)
    kept = drop_boxes(boxes, 0.1, np.random.default_rng(0))
    gone = (kept[:, :, 0] < 0).all(axis=1)
    assert 60 < gone.sum() < 140
    assert (kept[~gone] == 1).all()
    assert (boxes == 1).all()


def test_pictures_without_boxes_are_refused() -> None:
    with pytest.raises(TrainingRefused, match="no boxes"):
        boxes_of(Examples(np.zeros((1, SIZE, SIZE, 3), np.uint8), ("",)))


def test_tokens_of_boxes_stand_behind_those_of_the_text() -> None:
    encoder = build_layout_encoder(32, 1, 1.0)
    network, unet = LayoutDenoiser(tiny_unet(), encoder), tiny_unet()
    x, t, tokens = torch.randn(2, 8, 4, 4), torch.tensor([10, 900]), torch.randn(2, 77, 32)
    boxes = torch.rand(2, 16, 5)
    both = torch.cat([tokens, encoder(boxes)], 1)
    assert both.shape == (2, 93, 32)
    assert torch.equal(network(x, t, tokens, boxes), unet(x, t, both).sample)


def test_new_tokens_are_of_the_size_asked_for() -> None:
    tokens = build_layout_encoder(192, 2, 1.4)(torch.rand(4, 16, 5))
    assert tokens.square().mean().sqrt().item() == pytest.approx(1.4, rel=0.02)


def loss_of(network: LayoutDenoiser, parts: FrozenParts, source: SameBatch) -> float:
    tokens = parts.tokens([""] * 4)
    boxes = torch.from_numpy(boxes_of(source.examples))

    def predict(x: Tensor, t: Tensor) -> Tensor:
        velocity: Tensor = network(x, t, tokens, boxes)
        return velocity

    return fixed_loss(predict, parts.encode(source.examples.pictures))


def test_denoiser_and_encoder_learn_together_and_go_on(tmp_path: Path) -> None:
    parts, source = same_parts(), SameBatch()
    untrained = LayoutDenoiser(tiny_unet(), build_layout_encoder(32, 1, 0.5))
    before = loss_of(untrained, parts, source)
    encoders: list[LayoutEncoder] = []

    def train(loop: LoopSettings) -> LayoutDenoiser:
        settings = LayoutModelSettings(loop=loop, layers=1)
        network = train_layout(settings, parts, source, tmp_path, tiny_unet())
        encoders.append(network.layout)
        return network

    check_learns(train, lambda network: loss_of(network, parts, source), before, tmp_path)
    first, last = encoders[0].classes.weight, encoders[-1].classes.weight
    assert not torch.allclose(first, last, atol=1e-3)


def test_a_box_is_shown_where_it_is_in_the_colour_of_its_class() -> None:
    boxes = np.full((16, 5), -1, np.float32)
    boxes[0] = (CLASS_INDEX["house"], 0.0, 0.5, 0.25, 1.0)
    picture = box_picture(boxes, 65)
    house = list(CLASSES[CLASS_INDEX["house"]].rgb)
    assert picture[32, 8].tolist() == picture[48, 16].tolist() == house
    assert picture[48, 8].tolist() == picture[8, 8].tolist() == [40, 40, 40]


def test_the_command_makes_a_model_that_the_catalog_and_other_programs_read(tmp_path: Path) -> None:
    folder = run_main(main, "layout", tmp_path)
    info = describe_folder(folder, ModelId("starter/layout"))
    assert (info.task, info.native_width) == ("layout", SIZE)
    assert info.classes[CLASS_INDEX["boat"]] == "boat"
    part = info.part("layout_encoder")
    assert part is not None
    assert LayoutEncoder.load(Path(part))(torch.rand(1, 2, 5)).shape == (1, 16, 32)
    shared = FrozenParts.load(tmp_path / "models" / "text", CPU)
    StableDiffusionPipeline.from_pretrained(
        folder, vae=shared.vae, text_encoder=shared.encoder, tokenizer=shared.tokenizer
    )
