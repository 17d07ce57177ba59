"""ComfyUI's `extra_model_paths.yaml`: sections that each name a base path and, by kind, folders below it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import JsonValue

FILE = "extra_model_paths.yaml"
MOST_BYTES = 100_000
PREFIXES: Mapping[str, str] = {
    "checkpoints": "checkpoints/", "diffusion_models": "diffusion_models/", "unet": "unet/", "loras": "loras/",
    "vae": "vae/", "vae_approx": "vae_approx/", "controlnet": "controlnet/", "style_models": "controlnet/",
    "ipadapter": "ipadapter/", "embeddings": "embeddings/", "hypernetworks": "hypernetworks/",
    "upscale_models": "upscale_models/", "clip_vision": "clip_vision/",
}  # fmt: skip
"""Kinds that are drawn with, and what stands before the ids of what lies there."""

_log = logging.getLogger(__name__)


def further_paths(program: Path) -> Iterator[tuple[Path, str]]:
    """Folders that the list in a program's folder names and that are there, each with what stands before its ids.

    A list that cannot be read names none, with a line in the log.
    """
    for section in _sections(program / FILE):
        base = program / _expanded(section.get("base_path"))
        for kind, prefix in PREFIXES.items():
            named = section.get(kind)
            for line in named.splitlines() if isinstance(named, str) else ():
                folder = (base / _expanded(line.strip())).resolve()
                if line.strip() and folder.is_dir() and folder != Path(folder.anchor):
                    yield folder, prefix


def _sections(file: Path) -> list[dict[str, JsonValue]]:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        read = yaml.safe_load(file.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        _log.warning("%s cannot be read, so the folders that it names are left out: %s", file, error)  # fmt: skip
        return []
    sections = read.values() if isinstance(read, dict) else ()
    return [section for section in sections if isinstance(section, dict)]


def _expanded(path: JsonValue) -> str:
    return os.path.expanduser(path) if isinstance(path, str) else ""  # noqa: PTH111 - '~nobody' stays
