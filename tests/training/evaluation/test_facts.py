"""How captions are scored: truth near the ceiling, pictures of others near the floor."""

import numpy as np

from webui.training.evaluation.facts import BARS, SORTS, overall, score
from webui.training.judge import truth
from webui.training.world import caption_facts, sample_scene

SEEDS = range(300)
SAID = [caption_facts(sample_scene(s), np.random.default_rng(s)) for s in SEEDS]


def test_truth_scores_every_stated_fact_as_right() -> None:
    scores = score(SAID, [truth(sample_scene(s)) for s in SEEDS])
    assert tuple(scores) == SORTS == tuple(BARS)
    assert all(share.share == 1.0 for share in scores.values())
    assert min(share.of for share in scores.values()) > 100
    assert overall(scores).of == sum(share.of for share in scores.values())


def test_pictures_of_other_captions_score_low() -> None:
    scores = score(SAID, [truth(sample_scene(s + 1)) for s in SEEDS])
    assert scores["time of day"].share < 0.5
    assert scores["colour"].share < 0.3
    assert scores["count"].share < 0.4
    assert overall(scores).share < 0.45


def test_nothing_stated_is_no_share() -> None:
    assert np.isnan(score([], [])["count"].share)
