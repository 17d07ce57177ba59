"""The codebook while it learns."""

import numpy as np
import torch

from tests.training.test_vq_first_stage import CROPS, TINY
from webui.training.codebook import CodebookWatch, place_codes
from webui.training.crops import unseen_crops
from webui.training.first_stage import to_model
from webui.training.vq_first_stage import build_vq, perplexity, reconstruct


def test_codes_begin_where_the_encoder_writes() -> None:
    pictures = unseen_crops(CROPS, 32, 4)
    torch.manual_seed(0)
    vq = build_vq(TINY).eval()
    before = perplexity(vq, pictures)
    assert perplexity(place_codes(vq, to_model(pictures)), pictures) > max(3.0, before)


def test_dead_codes_are_moved_onto_latents_and_live_ones_stay() -> None:
    torch.manual_seed(0)
    vq = build_vq(TINY).train()
    watch = CodebookWatch(vq, every=2)
    with torch.no_grad():
        vq.quantize.embedding.weight.fill_(50.0)
        vq.quantize.embedding.weight[0] = 0.0
    pixels = torch.randn(2, 3, 32, 32)
    vq(pixels)
    assert watch.revive() == 0
    vq(pixels)
    assert watch.revive() == 15
    weight = vq.quantize.embedding.weight.detach()
    assert weight[0].tolist() == [0.0, 0.0, 0.0]
    latents = vq.encode(pixels).latents.detach().permute(0, 2, 3, 1).flatten(0, 2)
    assert torch.cdist(weight[1:], latents).min(dim=1).values.max() < 0.1 * latents.std()
    assert watch.counts.sum() == 0


def test_a_look_at_pictures_counts_for_no_code() -> None:
    vq = build_vq(TINY).eval()
    watch = CodebookWatch(vq, every=1)
    reconstruct(vq, np.zeros((1, 32, 32, 3), np.uint8))
    assert (watch.steps, int(watch.counts.sum())) == (0, 0)
