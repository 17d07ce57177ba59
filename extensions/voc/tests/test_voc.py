"""Run by `python launch.py extensions check FOLDER`."""

from pathlib import Path

from webui.contracts.palettes import palette_fault
from webui.hooks.loading import load_module
from webui.hooks.manifest import read_manifest

studio = load_module(read_manifest(Path(__file__).resolve().parents[1]), "studio")


def test_the_colours_are_those_of_the_data_set() -> None:
    """As its development kit lists them: the first, one of two bits a channel, the last."""
    (palette,) = studio.palettes().values()
    assert palette_fault(palette) == ""
    colours = dict(zip(palette.classes, palette.colours, strict=True))
    assert (colours["background"], colours["aeroplane"]) == ((0, 0, 0), (128, 0, 0))
    assert (colours["chair"], colours["tvmonitor"]) == ((192, 0, 0), (0, 64, 128))
    assert palette.words_of(palette.classes.index("diningtable")) == "a dining table"
