from __future__ import annotations

from tests.engine.adapters.dialects.hand import close, random, read
from webui.engine.adapters.dialects import BIAS, changes_of
from webui.engine.adapters.dialects.change import Pieces


def test_a_difference_is_added_as_it_is() -> None:
    difference = random(8, 6)
    change = read({"diff": difference})
    assert close(change, random(8, 6, seed=1), difference.double())
    assert change.first_ranks(1) is change


def test_a_bias_is_changed_beside_its_weight() -> None:
    pieces = {"down": random(2, 6), "up": random(8, 2), "diff_b": random(8)}
    changes = dict(changes_of(Pieces("here", pieces)))
    assert list(changes) == ["", BIAS]
    assert changes[BIAS].shape == (8,)
    assert close(changes[BIAS], random(8, seed=1), pieces["diff_b"].double())


def test_a_norm_has_a_weight_and_a_bias() -> None:
    pieces = {"w_norm": random(8), "b_norm": random(8, seed=1)}
    changes = dict(changes_of(Pieces("here", pieces)))
    assert close(changes[""], random(8, seed=2), pieces["w_norm"].double())
    assert close(changes[BIAS], random(8, seed=2), pieces["b_norm"].double())
