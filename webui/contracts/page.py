"""What an extension adds to the page: tabs, panels, actions and scripts, each an ES module of its own."""

from __future__ import annotations

from dataclasses import dataclass

DRAWING_TABS = ("txt2img", "img2img", "inpaint", "semantic", "upscale", "live")
"""The tabs that have a form."""


@dataclass(frozen=True)
class PageTab:
    """A tab of the page; its module gives `mount(element, easel)`."""

    name: str
    """Of the address: `?tab=<extension>-<name>`; a-z, 0-9 and _."""
    title: str
    """In the header."""
    module: str
    """A file below `static/`: 'tab.js'."""


@dataclass(frozen=True)
class PagePanel:
    """A folded group in the forms of tabs that are there; its module gives `mount(element, easel)`."""

    title: str
    module: str
    """A file below `static/`."""
    tabs: tuple[str, ...] = DRAWING_TABS
    """Names of tabs with a form."""


@dataclass(frozen=True)
class PageAction:
    """A button for finished pictures or in the header.

    Its module gives a function of its name, called with (easel, picture).
    """

    name: str
    """Of the function; a module can serve several buttons."""
    title: str
    """What the button says."""
    module: str
    """A file below `static/`."""
    place: str = "picture"
    """'picture': below each finished picture, which the function is handed; 'header': at the top of the page."""
    icon: str = ""
    """An SVG path in a square of 24, drawn as lines; without one the button has its title alone."""


PLACES = ("picture", "header")


@dataclass(frozen=True)
class PageParts:
    """All that one extension adds to the page."""

    tabs: tuple[PageTab, ...] = ()
    panels: tuple[PagePanel, ...] = ()
    actions: tuple[PageAction, ...] = ()
    scripts: tuple[str, ...] = ()
    """Files below `static/` that are loaded with the page; each gives `start(easel)`."""
