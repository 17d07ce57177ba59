"""The example palette is offered as it stands in the data set."""

from __future__ import annotations

from tests.extensions.loading import EXAMPLES
from webui.hooks.host import HookHost
from webui.hooks.manifest import read_manifest
from webui.hooks.studio import StudioExtensions


def test_the_palette_is_offered_by_its_whole_name_and_goes_with_the_extension() -> None:
    studio = StudioExtensions(HookHost())
    studio.load(read_manifest(EXAMPLES / "voc"))
    assert studio.host.failures() == ()
    assert studio.choices("map_palette") == ("voc/Pascal VOC",)
    palette = studio.palettes()["voc/Pascal VOC"]
    assert (len(palette.classes), len(set(palette.colours))) == (21, 21)
    studio.unload("voc")
    assert dict(studio.palettes()) == {}
