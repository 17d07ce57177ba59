"""Extensions for tests, written to disk as an author would."""

from __future__ import annotations

from pathlib import Path


def write_extension(
    parent: Path,
    folder_name: str,
    /,
    studio: str | None = None,
    worker: str | None = None,
    arguments: str | None = None,
    model: str = "Model",
    **manifest: object,
) -> Path:
    """Write the folder of an extension with these modules; further words go to its manifest."""
    folder = parent / folder_name
    folder.mkdir(parents=True, exist_ok=True)
    values: dict[str, object] = {
        "name": folder_name,
        "version": "1.0",
        "easel": ">=1.0,<2",
        **manifest,
    }
    if arguments is not None:
        values["arguments"] = f"arguments:{model}"
    lines = [f"{key} = {_toml(value)}" for key, value in values.items()]
    (folder / "extension.toml").write_text("\n".join(lines) + "\n", "utf-8")
    for module, text in (("studio", studio), ("worker", worker), ("arguments", arguments)):
        if text is not None:
            (folder / f"{module}.py").write_text(text, "utf-8")
    return folder


def _toml(value: object) -> str:
    return repr(list(value)) if isinstance(value, (list, tuple)) else f'"{value}"'
