"""What a version of a model on Civitai offers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from webui.contracts.download import Kind, Offer, RemoteFile
from webui.contracts.errors import BadRequest, DownloadFailed
from webui.services.downloads.names import WEIGHTS, is_safe, safe_name, stem
from webui.services.downloads.network import Web

_KINDS: dict[str, Kind] = {
    "Checkpoint": "model", "LORA": "lora", "LoCon": "lora", "DoRA": "lora",
    "TextualInversion": "embedding", "Controlnet": "controlnet", "VAE": "vae",
    "Upscaler": "upscaler", "Hypernetwork": "hypernetwork",
}  # fmt: skip


def civitai_offer(web: Web, site: str, model: str | None, version: str | None) -> Offer:
    """A version of a model; the newest where none is named.

    Raises:
        BadRequest: it has no file of weights, or is of a kind that Easel has no use for.
        DownloadFailed: the site does not have it, or does not answer.
    """
    if version is None:
        told = web.json(f"{site}/api/v1/models/{model}")
        version = _newest(told, model)
    told = web.json(f"{site}/api/v1/model-versions/{version}")
    try:
        return _offer(told, site, version)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DownloadFailed(
            f"What Civitai says of version {version} cannot be read: {error}."
        ) from error


# Any, here and below: the site's JSON.
def _newest(told: Any, model: str | None) -> str:
    try:
        return str(int(told["modelVersions"][0]["id"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DownloadFailed(f"Civitai's model {model} has no version that can be had.") from error


def _offer(told: Any, site: str, version: str) -> Offer:
    said = told["model"]
    kind = _KINDS.get(said["type"])
    if kind is None:
        raise BadRequest(f"It is of kind {said['type']!r}; Easel takes {', '.join(_KINDS)}.")
    files = [_file(entry, site, version) for entry in told["files"]]
    weights = [f for f in files if f.path.lower().endswith(WEIGHTS) and is_safe(f.path)]
    if not weights:
        raise BadRequest(f"Version {version} of {said['name']!r} has no file of weights.")
    if not any(file.is_chosen for file in weights):
        weights[0] = replace(weights[0], is_chosen=True)
    title = f"{said['name']} {told.get('name') or ''}".strip()
    name = safe_name(stem(next(file.path for file in weights if file.is_chosen)))
    return Offer(
        f"civitai:{told['modelId']}@{version}", title, kind, name, tuple(weights),
        base=str(told.get("baseModel") or ""),
        triggers=tuple(str(word) for word in told.get("trainedWords") or ()),
    )  # fmt: skip


def _file(entry: Any, site: str, version: str) -> RemoteFile:
    """The size is in KiB, rounded, so it is not taken; the server says the bytes."""
    digest = (entry.get("hashes") or {}).get("SHA256")
    url = str(entry.get("downloadUrl") or f"{site}/api/download/models/{version}")
    return RemoteFile(
        str(entry["name"]).rsplit("/", 1)[-1],
        url,
        sha256=digest.lower() if isinstance(digest, str) else None,
        is_chosen=bool(entry.get("primary")),
    )
