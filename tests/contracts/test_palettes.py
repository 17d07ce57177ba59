from __future__ import annotations

from webui.contracts.palettes import (
    ADE20K,
    COCO_STUFF,
    MODELS_OWN,
    OWN,
    WORLD,
    palette_of,
    palettes,
    usual_words,
)
from webui.training.world.classes import CLASSES


def test_the_worlds_palette_is_that_of_the_training_scenes() -> None:
    world = palettes()[WORLD]
    assert list(zip(world.classes, world.colours, strict=True)) == [tuple(c) for c in CLASSES]


def test_the_data_sets_have_their_numbers_of_classes_each_of_its_own_name() -> None:
    for name, count in ((ADE20K, 150), (COCO_STUFF, 182)):
        palette = palettes()[name]
        assert len(palette.classes) == len(set(palette.classes)) == len(palette.colours) == count


def test_ade20k_has_the_colours_that_controlnets_were_taught() -> None:
    ade = dict(zip(palettes()[ADE20K].classes, palettes()[ADE20K].colours, strict=True))
    known = {"wall": (120, 120, 120), "sky": (6, 230, 230), "person": (150, 5, 61)}
    assert {name: ade[name] for name in known} == known
    assert palettes()[ADE20K].classes[-1] == "flag"


def test_a_models_own_classes_are_meant_unless_another_palette_is_named() -> None:
    own = palette_of(MODELS_OWN, ("sky", "dragon"))
    assert own is not None
    assert own.classes == ("sky", "dragon")
    assert palette_of(MODELS_OWN, ()) == palettes()[WORLD]
    assert palette_of(ADE20K, ("sky",)) == palettes()[ADE20K]
    assert palette_of(OWN, ()) is None


def test_a_class_is_asked_for_in_words_that_a_model_reads() -> None:
    names = ("water", "wall-brick", "sky-other", "dragon")
    words = ["a calm lake", "brick wall", "sky", "dragon"]
    assert [usual_words(name) for name in names] == words
