"""What a picture was made with that is not here: offers of extensions, networks, extensions themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from webui.contracts.adapter import AdapterKind
from webui.contracts.errors import UnknownAdapter
from webui.contracts.ids import AdapterId
from webui.contracts.parameters.extension_arguments import offered_by
from webui.contracts.request import PARAMETERS, GenerationRequest
from webui.hooks.studio import StudioExtensions
from webui.services.catalog import Catalog

EXTENSIONS = "extensions"


def missing(
    fields: Mapping[str, Any], catalog: Catalog, hooks: StudioExtensions
) -> Iterator[tuple[str, str]]:
    """Names of a request's fields whose values nothing here can give, and a sentence on each."""
    for name, value in fields.items():
        if name in PARAMETERS and isinstance(value, str):
            why = _why_missing(name, value, catalog, hooks)
            if why:
                usual = GenerationRequest.model_fields[name].default
                title = PARAMETERS[name].title
                yield name, f"{title} {value[:100]!r} {why}; {usual!r} takes its place."
    gone = [name for name in fields.get(EXTENSIONS) or () if name not in hooks.offers]
    if gone:
        named = ", ".join(repr(name) for name in gone)
        said = f"It was drawn with the extensions {named}, which are not in use here"
        yield EXTENSIONS, f"{said}; enable them on the Extensions tab, or leave them out."


def _why_missing(name: str, value: str, catalog: Catalog, hooks: StudioExtensions) -> str:
    """Empty for what is here."""
    parameter, extension = PARAMETERS[name], offered_by(value)
    if parameter.names_adapter is not None and "/" in value:
        offered = parameter.extensible and value in hooks.choices(name)
        here = offered or _is_installed(parameter.names_adapter, value, catalog)
        return "" if here else "is not installed here"
    if not parameter.extensible or extension is None or value in hooks.choices(name):
        return ""
    return f"is of the extension {extension!r}, which is not in use here or offers it no more"


def _is_installed(kind: AdapterKind, name: str, catalog: Catalog) -> bool:
    try:
        catalog.adapter(kind, AdapterId(name))
    except UnknownAdapter:
        return False
    return True
