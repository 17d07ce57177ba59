"""Cross-attention by place, on a layer of diffusers' own."""

from __future__ import annotations

import pytest
import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from webui.contracts.errors import BadRequest
from webui.engine.placing import Places, Shares, _at_size, looking_by_place, looks_at_words


class Net(nn.Module):
    """One cross-attention, over 2 x 2 places."""

    def __init__(self) -> None:
        super().__init__()
        self.mid_block = nn.Identity()
        self.attn2 = Attention(query_dim=8, cross_attention_dim=6, heads=2, dim_head=4)

    def forward(self, states: Tensor, tokens: Tensor) -> Tensor:
        """Queries (R, N, 8) and words (R, T, 6)."""
        looked: Tensor = self.attn2(states, encoder_hidden_states=tokens)
        return looked


@pytest.fixture
def net() -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Net().eval()


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


CELLS = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]], [[[0.0, 1.0], [0.0, 0.5]]]])
"""The first region at the left, the second at the right, where half of the lower cell is nobody's."""


@pytest.mark.parametrize("strength", [1.0, 0.4])
@torch.inference_mode()
def test_each_place_looks_at_its_regions_words(net: Net, strength: float) -> None:
    states, own, regions = _random(2, 4, 8), _random(2, 3, 6, seed=1), _random(2, 3, 6, seed=2)
    plain = net(states, own)
    left, right = (net(states[:1], words[None])[0] for words in regions)
    with looking_by_place(net, Places((True, False), regions, CELLS, strength)):
        made = net(states, own)
    share = torch.tensor([[1.0], [1.0], [1.0], [0.5]]) * strength
    words = torch.stack([left[0], right[1], left[2], right[3]])
    assert torch.allclose(made[0], plain[0] * (1 - share) + words * share, atol=1e-5)
    assert torch.equal(made[1], plain[1])
    assert torch.equal(net(states, own), plain)  # and the network is as it was


def test_the_wholes_rows_come_before_the_regions() -> None:
    tokens = _random(5, 3, 6)  # two parts of the whole, two regions, the negative prompt
    told = Shares(CELLS, 0.5, first=2).told(tokens, 6)
    assert told.rows == (True, True, False, False, False, False)
    assert torch.equal(told.tokens, tokens[2:4])


def test_shares_have_the_size_of_each_layer() -> None:
    assert _at_size(torch.ones(2, 1, 5, 9), 15).shape == (2, 15, 1)  # half of both, rounded up
    small = _at_size(CELLS, 1)
    assert small.flatten().tolist() == [0.5, 0.375]
    with pytest.raises(BadRequest, match="a layer of 7 places for a latent of 9 x 5 cells"):
        _at_size(torch.ones(2, 1, 5, 9), 7)


def test_only_networks_that_attend_to_words_apart_look_by_place(net: Net) -> None:
    assert looks_at_words(net)
    assert not looks_at_words(nn.Sequential(nn.Conv2d(4, 4, 1)))
