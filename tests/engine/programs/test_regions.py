"""Region prompts: where their words hold, and that each place follows its own."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.engine.library import Library, save_grey, save_picture
from tests.engine.rig import Rig, order
from webui.contracts.parameters.regions import REGION_PROMPTS
from webui.engine.classifier_free import weighed
from webui.engine.execute import execute
from webui.engine.programs.regions import Region, placed, shares_of
from webui.engine.splitting import split
from webui.engine.work import EncodeText, Predict, can_join

LEFT_RIGHT = [
    {"value": 0, "name": "lake", "prompt": "a lake"},
    {"value": 1, "name": "meadow", "prompt": "a meadow"},
]


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """A map of 32x32: 0 at the left, 1 at the right."""
    values = np.zeros((32, 32), np.uint8)
    values[:, 16:] = 1
    return save_grey(tmp_path / "halves.png", values)


def _share(values: list[float]) -> Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def test_a_cell_is_shared_by_what_covers_it() -> None:
    mask = torch.zeros(4, 8)
    mask[:, :3] = 1
    assert shares_of(mask, 2, 4).flatten().tolist() == [1, 0.5, 0, 0] * 2


def test_the_whole_holds_outside_of_regions_and_by_its_share_within() -> None:
    region = Region("a lake", 1.5, _share([1, 0.5, 0]))
    whole, own = placed((1.0,), [region], base=0.2)
    assert isinstance(whole, Tensor)
    assert isinstance(own, Tensor)
    assert torch.allclose(whole.flatten(), torch.tensor([0.2, 0.6, 1.0]))
    assert torch.allclose(own.flatten(), torch.tensor([0.8, 0.4, 0.0]) * 1.5)


def test_without_regions_the_parts_of_the_prompt_keep_their_weights() -> None:
    assert placed((0.5, 2.0), [], base=0.2) == (0.5, 2.0)


def test_each_place_is_guided_towards_its_own_regions_prediction() -> None:
    output = torch.stack([torch.full((1, 1, 2), value) for value in (1.0, 3.0, 0.5)])
    left, right = _share([1, 0]), _share([0, 1])
    mixed = weighed(output, (left, right), scale=2.0)
    assert mixed.flatten().tolist() == [0.5 + 2 * 0.5, 0.5 + 2 * 2.5]


def test_the_network_is_asked_once_for_the_whole_and_once_a_region(
    library: Library, halves: Path
) -> None:
    model = library.model("text")
    rig = Rig(model)
    rig.finish(
        order(
            model.checkpoint,
            files={"class_map": halves},
            map_driver=REGION_PROMPTS,
            regions=LEFT_RIGHT,
        )
    )
    assert rig.ends() == {"job": "done"}
    assert {work.text for work in rig.works(EncodeText)} == {"a house", "a lake", "a meadow", ""}
    assert {work.x.shape[0] for work in rig.works(Predict)} == {4}


def test_an_editing_model_is_told_what_to_do_in_each_region(
    library: Library, halves: Path, tmp_path: Path
) -> None:
    model = library.model("edit")
    rig = Rig(model)
    rig.finish(
        order(
            model.checkpoint,
            files={"class_map": halves, "image": save_picture(tmp_path / "image.png", 64, 64)},
            map_driver=REGION_PROMPTS,
            regions=LEFT_RIGHT,
            image_guidance_scale=1.5,
        )
    )
    assert rig.ends() == {"job": "done"}, rig.error("job")
    assert {work.x.shape[0] for work in rig.works(Predict)} == {5}  # the last without the picture


def _drawn(library: Library, **given: Any) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    model = library.model("text")
    rig = Rig(model)
    rig.finish(order(model.checkpoint, map_driver=REGION_PROMPTS, **given))
    return rig.pictures("job")[0]


def test_the_same_words_everywhere_are_the_plain_prompt(library: Library, halves: Path) -> None:
    regions = [{**region, "prompt": "a house"} for region in LEFT_RIGHT]
    given = {"class_map": halves}
    steered = _drawn(library, files=given, regions=regions)
    plain = _drawn(library)
    assert np.abs(steered.astype(int) - plain.astype(int)).max() <= 1


def test_other_words_at_the_right_change_the_right_most(library: Library, halves: Path) -> None:
    files = {"class_map": halves}
    one = _drawn(library, files=files, regions=LEFT_RIGHT, guidance_scale=8)
    other = [LEFT_RIGHT[0], {**LEFT_RIGHT[1], "prompt": "zzz 999"}]
    two = _drawn(library, files=files, regions=other, guidance_scale=8)
    change = np.abs(one.astype(int) - two.astype(int)).mean((0, 2))
    half = len(change) // 2
    assert change[half:].mean() > 2 * change[:half].mean()


def test_a_box_is_a_region_of_its_label_over_the_map(library: Library, halves: Path) -> None:
    model = library.model("text")
    rig = Rig(model)
    box = {"label": "boat", "left": 0, "top": 0, "right": 0.5, "bottom": 1}
    files = {"class_map": halves}
    rig.finish(
        order(
            model.checkpoint,
            files=files,
            map_driver=REGION_PROMPTS,
            regions=LEFT_RIGHT,
            boxes=[box],
        )
    )
    texts = {work.text for work in rig.works(EncodeText)}
    assert texts == {"a house", "boat", "a meadow", ""}  # the lake is all behind the boat
    assert not rig.notes()


def test_without_a_prompt_of_the_whole_regions_count_fully(library: Library, halves: Path) -> None:
    files = {"class_map": halves}
    silent = _drawn(library, files=files, regions=LEFT_RIGHT, prompt="", region_base=0.9)
    assert np.array_equal(
        silent, _drawn(library, files=files, regions=LEFT_RIGHT, prompt="", region_base=0.0)
    )


def test_a_large_picture_is_drawn_in_windows_with_its_regions(
    library: Library, halves: Path
) -> None:
    model = library.model("text")
    side = 136 * model.checkpoint.latent_factor
    rig = Rig(model)
    rig.finish(
        order(
            model.checkpoint,
            files={"class_map": halves},
            map_driver=REGION_PROMPTS,
            regions=LEFT_RIGHT,
            width=side,
            height=64,
            steps=1,
        )
    )
    assert rig.ends() == {"job": "done"}


def test_with_attention_the_whole_follows_the_regions_words(library: Library, halves: Path) -> None:
    """With the share of the whole at 1 nothing is mixed by place: what is seen comes by attention alone."""
    given = {"files": {"class_map": halves}, "region_base": 1.0}
    other = [LEFT_RIGHT[0], {**LEFT_RIGHT[1], "prompt": "zzz 999"}]
    without, still = (_drawn(library, regions=words, **given) for words in (LEFT_RIGHT, other))
    assert np.array_equal(without, still)
    one, two = (
        _drawn(library, regions=words, region_attention=1.0, **given)
        for words in (LEFT_RIGHT, other)
    )
    assert not np.array_equal(one, two)


def test_where_all_regions_have_the_wholes_words_attention_changes_nothing(
    library: Library, halves: Path
) -> None:
    regions = [{**region, "prompt": "a house"} for region in LEFT_RIGHT]
    given = {"files": {"class_map": halves}, "regions": regions}
    looking, plain = (_drawn(library, region_attention=share, **given) for share in (1.0, 0.0))
    assert np.abs(looking.astype(int) - plain.astype(int)).max() <= 1


def test_what_looks_by_place_runs_alone_and_in_halves(library: Library, halves: Path) -> None:
    model = library.model("text")
    rig = Rig(model)
    given: dict[str, Any] = {"files": {"class_map": halves}, "regions": LEFT_RIGHT}
    given["map_driver"] = REGION_PROMPTS
    rig.finish(
        order(model.checkpoint, "looks", region_attention=0.5, **given),
        order(model.checkpoint, "not", **given),
    )
    assert rig.ends() == {"looks": "done", "not": "done"}
    works = [work for work in rig.works(Predict) if work.places is not None]
    assert {work.places.rows for work in works if work.places} == {(True, False, False, False)}
    assert not any(can_join(work, [other]) for work, other in pairwise(rig.works(Predict)) if work.places)  # fmt: skip
    parted = split(works[0])
    assert parted is not None
    [whole] = execute([works[0]])
    joined = parted.join([execute([part])[0] for part in parted.parts])
    assert isinstance(whole, Tensor)
    assert isinstance(joined, Tensor)
    assert torch.allclose(whole, joined, atol=1e-4)
