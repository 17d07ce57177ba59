"""Reads `extension.toml`: what an extension is, without running any of its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from tomlkit.exceptions import TOMLKitError

from webui.contracts.errors import BadExtension
from webui.contracts.extension import API_VERSION, PERMISSIONS, Manifest
from webui.contracts.page import DRAWING_TABS
from webui.contracts.parameters.extension_arguments import EXTENSION_NAME

FILE = "extension.toml"
MAX_BYTES = 100_000
_TEXTS = ("name", "version", "easel", "title", "summary", "arguments")
_LISTS = ("needs", "conflicts", "tabs", "permissions")
_REFERENCE = re.compile(r"[A-Za-z_]\w*:[A-Za-z_]\w*")


def read_manifest(folder: Path, name: str | None = None) -> Manifest:
    """The manifest of the extension in a folder.

    Args:
        folder: Holds the `extension.toml` and the modules.
        name: What it must be called; the folder's own name where None.

    Raises:
        BadExtension: the file is missing, or says something impossible; the message says what.
    """
    values = _parsed(folder / FILE)
    _check_kinds(values, folder)
    lists = {key: tuple(values[key]) for key in _LISTS if key in values}
    manifest = Manifest(folder=folder, **{**values, **lists})
    _check_name(manifest, folder.name if name is None else name)
    _check_api(manifest)
    _check_modules(manifest)
    _check_needs(manifest)
    return manifest


def name_in(folder: Path) -> str:
    """What the extension in a folder calls itself, whatever the folder is called.

    Raises:
        BadExtension: it does not say, or what it says cannot be read.
    """
    name = _parsed(folder / FILE).get("name")
    if not isinstance(name, str):
        raise BadExtension(f"{folder / FILE} lacks 'name'.")
    return name


def _parsed(file: Path) -> dict[str, Any]:
    try:
        text = file.read_bytes()
        if len(text) > MAX_BYTES:
            raise BadExtension(f"{file} has {len(text)} bytes; at most {MAX_BYTES} are read.")
        values: dict[str, Any] = tomlkit.parse(text.decode("utf-8")).unwrap()
    except FileNotFoundError:
        raise BadExtension(f"There is no {file}; an extension's folder has one.") from None
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise BadExtension(f"{file} cannot be read: {error}.") from error
    return values


def _check_kinds(values: Mapping[str, Any], folder: Path) -> None:
    for key, value in values.items():
        if key in _TEXTS:
            good, wanted = isinstance(value, str), "a text"
        elif key in _LISTS:
            good = isinstance(value, list) and all(isinstance(one, str) for one in value)
            wanted = "a list of texts"
        else:
            known = ", ".join((*_TEXTS, *_LISTS))
            raise BadExtension(f"{folder / FILE} has an unknown key {key!r}; known are {known}.")
        if not good:
            raise BadExtension(f"{folder / FILE}: {key} is {value!r:.100}, expected {wanted}.")
    for key in ("name", "version", "easel"):
        if not values.get(key):
            raise BadExtension(f"{folder / FILE} lacks {key!r}.")


def _check_name(manifest: Manifest, wanted: str) -> None:
    if not EXTENSION_NAME.fullmatch(manifest.name):
        raise BadExtension(
            f"The extension in {manifest.folder} calls itself {manifest.name[:100]!r}; a name has "
            "at most 40 of a-z, 0-9 and _, and begins with a letter."
        )
    if manifest.name != wanted:
        raise BadExtension(
            f"The extension in {manifest.folder} calls itself {manifest.name!r}; its folder or entry "
            f"point has the name {wanted!r}. Both must be the same."
        )
    unknown = [name for name in manifest.permissions if name not in PERMISSIONS]
    if unknown:
        raise BadExtension(
            f"{manifest.folder / FILE} asks for {unknown[0]!r}; permissions are {', '.join(PERMISSIONS)}."
        )
    strange = [name for name in manifest.tabs if name not in DRAWING_TABS]
    if strange:
        raise BadExtension(
            f"{manifest.folder / FILE} names the tab {strange[0]!r}; tabs with a form are "
            f"{', '.join(DRAWING_TABS)}."
        )


def _check_api(manifest: Manifest) -> None:
    try:
        fits = SpecifierSet(manifest.easel).contains(API_VERSION)
    except InvalidSpecifier:
        raise BadExtension(
            f"{manifest.folder / FILE}: easel is {manifest.easel!r}, expected versions such as '>=1.0,<2'."
        ) from None
    if not fits:
        raise BadExtension(
            f"The extension {manifest.name!r} is for extension points {manifest.easel}; these are "
            f"{API_VERSION}. Update the extension, or Easel."
        )


def _check_modules(manifest: Manifest) -> None:
    if not manifest.processes:
        raise BadExtension(
            f"The extension in {manifest.folder} has neither a studio.py nor a worker.py, so "
            "there is nothing to use."
        )
    if manifest.arguments is not None and not _REFERENCE.fullmatch(manifest.arguments):
        raise BadExtension(
            f"{manifest.folder / FILE}: arguments is {manifest.arguments!r}, expected 'module:Model'."
        )


def _check_needs(manifest: Manifest) -> None:
    for need in manifest.needs:
        try:
            Requirement(need)
        except InvalidRequirement as error:
            raise BadExtension(
                f"{manifest.folder / FILE}: needs has {need!r}, which is no requirement: {error}."
            ) from error
