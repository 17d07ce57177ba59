"""What the axes of a plot can vary: settings of a request, arguments of extensions, and what these add."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from webui.contracts.errors import BadRequest
from webui.contracts.plot import AxisKind, AxisPoint, AxisValue, PlotAxis
from webui.contracts.request import PARAMETERS, GenerationRequest
from webui.hooks.arguments import ArgumentField
from webui.hooks.studio import StudioExtensions
from webui.services.catalog import Catalog
from webui.services.model_names import model_called
from webui.services.plots.values import written
from webui.services.styles import StyleStore

_LEFT_OUT = (
    "image", "mask", "class_map", "depth_map", "count", "prompt_choices", "template",
    "negative_template", "priority", "batch", "source_name",
)  # fmt: skip
"""Scalar fields that are no setting of one picture."""
_SWITCH = {"true": True, "yes": True, "on": True, "1": True,
           "false": False, "no": False, "off": False, "0": False}  # fmt: skip
_YES_NO = ("Yes", "No")
_FIRST = ("seed", "steps", "guidance_scale", "sampler", "schedule", "model", "denoising_strength")
"""What is varied most stands first."""

Change = Callable[[GenerationRequest, AxisValue], GenerationRequest]


class AxisTable:
    """The axes that there are now."""

    def __init__(self, catalog: Catalog, styles: StyleStore, hooks: StudioExtensions) -> None:
        self._catalog = catalog
        self._styles = styles
        self._hooks = hooks

    def all(self) -> tuple[PlotAxis, ...]:
        """Every axis, in the order of a menu."""
        names = dict.fromkeys((*_FIRST, *PARAMETERS))
        own = (axis for name in names if (axis := self._parameter(name)) is not None)
        wholes = (_whole_size(), self._styles_axis())
        return (*own, *wholes, *self._arguments(), *self._hooks.plot_axes())

    def find(self, name: str) -> PlotAxis:
        """The axis of a name or a title.

        Raises:
            BadRequest: there is none.
        """
        wanted = name.strip().lower()
        axes = self.all()
        named = {axis.title.lower(): axis for axis in reversed(axes)}
        named |= {axis.name.lower(): axis for axis in reversed(axes)}
        if wanted in named:
            return named[wanted]
        raise BadRequest(
            f"There is no axis {name[:100]!r}; GET /api/v1/plots/axes lists those that there are."
        )

    def _parameter(self, name: str) -> PlotAxis | None:
        kind = _scalar(GenerationRequest.model_fields[name].annotation)
        if kind is None or name in _LEFT_OUT:
            return None
        declared = PARAMETERS[name]
        if kind is bool:
            return _axis(name, declared.title, "text", _set(name, _switched), _YES_NO)
        if kind is not str:
            return _axis(name, declared.title, "whole" if kind is int else "number", _set(name))
        if name == "model" or declared.names_model:
            models = [info.id for info in self._catalog.models() if info.task != "upscale"]
            return _axis(name, declared.title, "text", _set(name, self._model), models)
        offered = [*declared.choices, *self._hooks.choices(name)] if declared.choices else []
        if declared.names_adapter is not None:
            offered += [str(info.id) for info in self._catalog.adapters(declared.names_adapter)]
        return _axis(name, declared.title, "text", _set(name), offered)

    def _model(self, value: AxisValue) -> str:
        found = model_called(str(value), self._catalog)
        if found is None:
            raise BadRequest(
                f"There is no model {str(value)[:100]!r}; one that is installed was expected."
            )
        return found

    def _styles_axis(self) -> PlotAxis:
        def styled(request: GenerationRequest, value: AxisValue) -> GenerationRequest:
            styles = dict.fromkeys((*request.styles, *([] if value == "None" else [str(value)])))
            return request.model_copy(update={"styles": tuple(styles)})

        names = [style.name for style in self._styles.list()]
        return _axis("styles", "Styles", "text", styled, ["None", *names])

    def _arguments(self) -> Iterator[PlotAxis]:
        for name, offers in self._hooks.offers.items():
            if offers.arguments is not None:
                for field in offers.arguments.fields:
                    yield _argument(name, offers.arguments.title, field)


def _axis(
    name: str, title: str, kind: AxisKind, change: Change, choices: Sequence[str] = ()
) -> PlotAxis:
    """An axis whose places are its values, each by itself."""

    def points(request: GenerationRequest, values: Sequence[AxisValue]) -> Sequence[AxisPoint]:
        return [AxisPoint(f"{title}: {written(v)}", change(request, v)) for v in values]

    return PlotAxis(name, title, kind, points, tuple(choices))


# Any: a field's value, or the annotation of one; the request checks it.
def _set(name: str, read: Callable[[AxisValue], Any] = lambda value: value) -> Change:
    return lambda request, value: request.model_copy(update={name: read(value)})


def _scalar(annotation: Any) -> Any:
    """`int`, `float`, `bool` or `str` where a field is one, or may be empty; else None."""
    if get_origin(annotation) in (Union, UnionType):
        known = [kind for kind in get_args(annotation) if kind is not type(None)]
        return _scalar(known[0]) if len(known) == 1 else None
    bare = getattr(annotation, "__supertype__", annotation)
    return bare if bare in (int, float, bool, str) else None


def _switched(value: AxisValue) -> bool:
    if (known := _SWITCH.get(str(value).lower())) is None:
        raise BadRequest(f"The value {str(value)[:100]!r} is no switch; Yes or No was expected.")
    return known


def _whole_size() -> PlotAxis:
    def sized(request: GenerationRequest, value: AxisValue) -> GenerationRequest:
        width, _, height = str(value).lower().replace("×", "x").partition("x")
        if not (width.strip().isdigit() and height.strip().isdigit()):
            raise BadRequest(
                f"The size {str(value)[:100]!r} is none; width and height, as 512x768, were expected."
            )
        return request.model_copy(update={"width": int(width), "height": int(height)})

    return _axis("size", "Size", "text", sized)


def _argument(extension: str, title: str, field: ArgumentField) -> PlotAxis:
    """An axis of an extension's argument; the extension takes part in every picture of it."""
    kinds: dict[str, AxisKind] = {"int": "whole", "float": "number"}
    choices = _YES_NO if field.kind == "bool" else field.choices

    def said(request: GenerationRequest, value: AxisValue) -> GenerationRequest:
        known = request.extensions.get(extension, {})
        given = _switched(value) if field.kind == "bool" else value
        changed = {**request.extensions, extension: {**known, field.name: given}}
        return request.model_copy(update={"extensions": changed})

    kind = kinds.get(field.kind, "text")
    return _axis(
        f"extensions.{extension}.{field.name}", f"{title}: {field.title}", kind, said, choices
    )
