"""Batches from more than one source."""

import numpy as np

from tests.training.kinds import tiny_pool
from webui.training.examples import Examples, Mixed


class Numbered:
    """Gives batches that say whose they are; its index names latents that nobody kept."""

    def draw(self, count: int, rng: np.random.Generator) -> Examples:
        examples = tiny_pool().take(np.arange(count), rng)
        return Examples(examples.pictures, ("other",) * count, index=examples.index)


def test_a_share_of_the_batches_comes_from_the_other_source_without_its_index() -> None:
    mixed, rng = Mixed(tiny_pool(), Numbered(), 0.25), np.random.default_rng(0)
    batches = [mixed.draw(2, rng) for _ in range(200)]
    others = [batch for batch in batches if batch.captions == ("other", "other")]
    assert 30 < len(others) < 70
    assert all(batch.index is None for batch in others)
    assert all(batch.index is not None for batch in batches if batch not in others)
