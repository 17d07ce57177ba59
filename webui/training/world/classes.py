"""The sixteen classes of a scene; a class's index is its id in the class map."""

from typing import NamedTuple


class SceneClass(NamedTuple):
    """A class of things seen in a scene, and the colour that shows it in a palette."""

    name: str
    rgb: tuple[int, int, int]


CLASSES: tuple[SceneClass, ...] = (
    SceneClass("sky", (126, 190, 238)),
    SceneClass("cloud", (226, 234, 242)),
    SceneClass("sun", (255, 200, 40)),
    SceneClass("moon", (244, 240, 200)),
    SceneClass("star", (255, 255, 120)),
    SceneClass("mountain", (128, 122, 150)),
    SceneClass("meadow", (132, 190, 84)),
    SceneClass("desert", (232, 190, 120)),
    SceneClass("snow", (196, 214, 246)),
    SceneClass("water", (44, 110, 190)),
    SceneClass("tree", (60, 140, 50)),
    SceneClass("pine", (16, 92, 74)),
    SceneClass("house", (200, 80, 60)),
    SceneClass("boat", (130, 78, 40)),
    SceneClass("balloon", (170, 80, 200)),
    SceneClass("flower", (244, 120, 180)),
)
CLASS_INDEX: dict[str, int] = {entry.name: index for index, entry in enumerate(CLASSES)}
