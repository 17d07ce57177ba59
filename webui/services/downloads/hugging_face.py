"""What a repository of the Hugging Face hub offers, at one commit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from webui.contracts.download import Kind, Offer, RemoteFile
from webui.contracts.errors import BadRequest, DownloadFailed
from webui.services.downloads.names import WEIGHTS, is_safe, safe_name, stem
from webui.services.downloads.network import Web

PREFERRED_VARIANT = "fp16"
"""Of several precisions of one network: half the size, and what GPUs compute with."""
_INDEX, _CONFIG = "model_index.json", "config.json"
_UNUSED = ("safety_checker", "feature_extractor")
"""Parts of a pipeline that Easel has no use for."""
_IMAGE_ENCODER = "image_encoder"
"""What repositories of IP-Adapters call the folder of one."""
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_TAGS: dict[str, Kind] = {
    "lora": "lora", "textual_inversion": "embedding", "controlnet": "controlnet", "clip": "image_encoder",
}  # fmt: skip


def hugging_face_offer(
    web: Web,
    site: str,
    repository: str,
    revision: str | None,
    file: str | None = None,
    folder: str | None = None,
) -> Offer:
    """A repository, or one file or folder of it.

    Raises:
        BadRequest: it has nothing that a model is made of, or not the file or folder.
        DownloadFailed: the site does not have it, or does not answer.
    """
    asked = quote(revision or "main", safe="")
    told = web.json(f"{site}/api/models/{repository}/revision/{asked}?blobs=true")
    commit, files = _files(told, site, repository)
    tags = told.get("tags") or []
    kind: Kind = next((kind for tag, kind in _TAGS.items() if tag in tags), "model")
    names = {f.path for f in files}
    source = f"{repository}@{commit}"
    name = safe_name(repository.rsplit("/", 1)[-1])
    if file is not None:
        chosen = [f for f in files if f.path == file]
        if not chosen:
            raise BadRequest(f"{repository} has no file {file[:200]!r} at {commit[:12]}.")
        one = replace(chosen[0], path=chosen[0].path.rsplit("/", 1)[-1], is_chosen=True)
        return Offer(one.url, repository, kind, safe_name(stem(one.path)), (one,))
    if folder is not None:
        source = f"{site}/{repository}/tree/{commit}/{quote(folder)}"
        return _folder_offer(source, repository, kind, folder, files)
    if _INDEX in names or _CONFIG in names:
        kind = kind if _INDEX not in names else "model"
        return Offer(source, repository, kind, name, tuple(_of_a_folder(files)), is_folder=True)
    weights = [f for f in files if f.path.lower().endswith(WEIGHTS)]
    if not weights:
        raise BadRequest(f"{repository} has no weights among its {len(files)} files.")
    offered = tuple(replace(f, is_chosen=len(weights) == 1) for f in weights)
    return Offer(source, repository, kind, name, offered)


def _folder_offer(
    source: str, repository: str, kind: Kind, folder: str, files: Sequence[RemoteFile]
) -> Offer:
    """A folder within a repository, as if it were one."""
    begin = f"{folder}/"
    within = [
        replace(f, path=f.path.removeprefix(begin)) for f in files if f.path.startswith(begin)
    ]
    if not any(f.path.lower().endswith(WEIGHTS) for f in within):
        raise BadRequest(f"{repository} has no weights in a folder {folder[:200]!r}.")
    last = folder.rsplit("/", 1)[-1]
    own = f"{repository.rsplit('/', 1)[-1]} {folder.replace('/', ' ')}"
    kind = "image_encoder" if last == _IMAGE_ENCODER else kind
    chosen = tuple(_of_a_folder(within))
    return Offer(source, f"{repository}/{folder}", kind, safe_name(own), chosen, is_folder=True)


def _files(told: Any, site: str, repository: str) -> tuple[str, list[RemoteFile]]:
    """The commit, and its files that can be kept; the others are left out."""
    try:
        commit = str(told["sha"])
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise ValueError(f"the commit is {commit[:50]!r}")
        files = [
            _file(entry, f"{site}/{repository}/resolve/{commit}") for entry in told["siblings"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DownloadFailed(
            f"The list of {repository}'s files cannot be read: {error}."
        ) from error
    return commit, [file for file in files if file is not None]


# Any: an entry of the site's JSON.
def _file(entry: Any, base: str) -> RemoteFile | None:
    path = str(entry["rfilename"])
    if not is_safe(path):
        return None
    lfs = entry.get("lfs") or {}
    size = lfs.get("size", entry.get("size"))
    return RemoteFile(
        path, f"{base}/{quote(path)}", None if size is None else int(size), lfs.get("sha256")
    )


def _of_a_folder(files: Sequence[RemoteFile]) -> Iterable[RemoteFile]:
    """All files of a diffusers folder, of which those are chosen that make one model."""
    for file in files:
        folder, _, name = file.path.rpartition("/")
        neighbours = [f.path for f in files if f.path.rpartition("/")[0] == folder]
        deep = folder.count("/") > 0 or folder in _UNUSED
        is_weights = name.lower().endswith(WEIGHTS)
        wanted = _is_wanted(file.path, neighbours) if is_weights else not name.endswith(".png")
        top_weights = is_weights and not folder and any("/" in f.path for f in files)
        yield replace(file, is_chosen=wanted and not deep and not top_weights)


def _is_wanted(path: str, neighbours: Sequence[str]) -> bool:
    """Of the forms in which a folder has its weights: safetensors, and of those one variant."""
    safe = [p for p in neighbours if p.endswith(".safetensors")]
    if path not in safe:
        return False
    preferred = [p for p in safe if _variant(p) == PREFERRED_VARIANT]
    plain = [p for p in safe if not _variant(p)]
    return path in (preferred or plain or safe)


def _variant(path: str) -> str:
    """'fp16' of 'diffusion_pytorch_model.fp16-00001-of-00002.safetensors'; '' of one without."""
    name = _SHARD.sub("", path.rsplit("/", 1)[-1].removesuffix(".safetensors"))
    return _SHARD.sub("", name.partition(".")[2])
