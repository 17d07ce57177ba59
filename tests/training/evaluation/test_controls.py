"""Edges that a controlnet is given."""

from webui.training.evaluation.controls import edges
from webui.training.evaluation.metrics import edge_f1
from webui.training.evaluation.unseen import unseen


def test_true_pictures_have_their_own_edges_and_other_pictures_have_others() -> None:
    pictures = unseen(20, 128).pictures
    of_true = edges(pictures)
    assert of_true.shape == (20, 128, 128)
    assert edge_f1(edges(pictures), of_true) == 1.0
    assert edge_f1(edges(pictures[::-1]), of_true) < 0.6
