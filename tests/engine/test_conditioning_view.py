"""What extensions see of a conditioning, and what of their changes is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from webui.engine.conditioning_view import ConditioningView, applied, view_of
from webui.engine.guidance import Conditioning
from webui.engine.prompting import TextRows


def conditioning() -> Conditioning:
    """Two parts of a prompt and a negative one, of two words at first, with planes."""
    first, later = (TextRows(torch.full((3, 4, 2), value)) for value in (1.0, 2.0))
    return Conditioning(
        first, torch.ones(1, 5, 8, 8), later=((3.0, later),), weights=(1.0, 0.5)
    )  # fmt: skip


def test_what_is_left_alone_comes_back_as_it_was() -> None:
    before = conditioning()
    after = applied(view_of(before), before)
    for sigma in (9.0, 3.0):
        old, new = before.text_at(sigma), after.text_at(sigma)
        assert old is not None
        assert new is not None
        assert torch.equal(old.tokens, new.tokens)
    assert (after.planes, after.weights, after.patches) == (before.planes, before.weights, ())


def test_tokens_of_all_noise_levels_are_changed_and_may_become_longer() -> None:
    view = view_of(conditioning()).with_tokens(lambda tokens: torch.cat((tokens, tokens), 1) * 3)
    after = applied(view, conditioning())
    assert [level for level, _ in after.later] == [3.0]
    assert after.text is not None
    assert after.text.tokens.shape == (3, 8, 2)
    assert [text.tokens.mean().item() for text in (after.text, after.later[0][1])] == [3.0, 6.0]


def test_weights_and_planes_are_put_in_place() -> None:
    view = view_of(conditioning()).with_weights(0.2, 0.3).with_planes(torch.zeros(1, 5, 8, 8))
    after = applied(view, conditioning())
    assert after.weights == (0.2, 0.3)
    assert after.planes is not None
    assert not after.planes.any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda view: view.with_weights(1.0), r"1 weights were given; 2 were expected"),
        (lambda view: view.with_planes(torch.ones(1, 4, 8, 8)), r"planes of shape \(1, 4, 8, 8\)"),
        (lambda view: view.with_tokens(lambda t: t[:2]), r"tokens of shape .* was expected"),
        (lambda view: view.with_label(3.0), r"label 3.0 was given in place of None"),
    ],
)
def test_other_shapes_are_refused_in_words(
    change: Callable[[ConditioningView], ConditioningView], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        applied(change(view_of(conditioning())), conditioning())
