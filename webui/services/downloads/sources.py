"""What a source offers: a repository of the Hugging Face hub, a page of Civitai, or any address.

owner/name, owner/name@revision            a repository
https://huggingface.co/owner/name/...      the same; the address of a file or folder means that
https://civitai.com/models/1?modelVersionId=2, urn:air:sd1:checkpoint:civitai:1@2
https://anything.else/file.safetensors     one file
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from webui.contracts.download import Offer, RemoteFile
from webui.contracts.errors import BadRequest, DownloadFailed
from webui.services.downloads.civitai import civitai_offer
from webui.services.downloads.hugging_face import hugging_face_offer
from webui.services.downloads.names import safe_name, safe_path, stem
from webui.services.downloads.network import Dropped, Web, raise_for_status

_REPOSITORY = re.compile(r"(?:hf:)?([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
_AIR = re.compile(r"(?:urn:air:[^:]*:[^:]*:)?civitai:(\d+)(?:@(\d+))?(?:[.?].*)?")
_HUB_FILE = re.compile(r"/([\w.-]+/[\w.-]+)(?:/(?:tree|blob|resolve)/([^/]+)(?:/(.+))?)?/?")
_CIVITAI_MODEL = re.compile(r"/models/(\d+)(?:/.*)?")
_CIVITAI_FILE = re.compile(r"/api/download/models/(\d+)")


@dataclass(frozen=True)
class Sites:
    """Where the two libraries of models are; mirrors have the same interface."""

    hugging_face: str = "https://huggingface.co"
    civitai: str = "https://civitai.com"


def look(web: Web, sites: Sites, source: str) -> Offer:
    """What is there.

    Raises:
        BadRequest: it is no source, or has nothing that a model is made of.
        DownloadFailed: the site does not have it, or does not answer.
    """
    source = source.strip()
    if found := _AIR.fullmatch(source):
        return civitai_offer(web, sites.civitai, found[1], found[2])
    if found := _REPOSITORY.fullmatch(source):
        return hugging_face_offer(web, sites.hugging_face, found[1], found[2])
    address = urlsplit(source)
    if _is_at(source, sites.hugging_face) and (found := _HUB_FILE.fullmatch(address.path)):
        within = unquote(found[3]).strip("/") if found[3] else None
        as_folder = "/tree/" in address.path
        file, folder = (None, within) if as_folder else (within, None)
        return hugging_face_offer(web, sites.hugging_face, found[1], found[2], file, folder)
    if _is_at(source, sites.civitai):
        if found := _CIVITAI_FILE.fullmatch(address.path):
            return civitai_offer(web, sites.civitai, None, found[1])
        if found := _CIVITAI_MODEL.fullmatch(address.path):
            version = parse_qs(address.query).get("modelVersionId", [None])[0]
            return civitai_offer(web, sites.civitai, found[1], version)
    if address.scheme in ("http", "https"):
        return _file_offer(web, source)
    raise BadRequest(
        f"{source[:200]!r} is no source; expected is owner/name of a repository, an address that begins with "
        "https://, or civitai:model@version."
    )


def _is_at(source: str, site: str) -> bool:
    hosts = {urlsplit(site).netloc, f"www.{urlsplit(site).netloc}"}
    return urlsplit(source).netloc in hosts


def _file_offer(web: Web, url: str) -> Offer:
    """One file; asked for its size and its name, not for its content."""
    try:
        with web.get(url) as answer:
            raise_for_status(answer)
            headers = dict(answer.headers)
    except Dropped as error:
        raise DownloadFailed(f"The address cannot be read: {error}. Try again later.") from error
    name = _disposition(headers.get("content-disposition", "")) or unquote(
        urlsplit(url).path.rsplit("/", 1)[-1]
    )
    size = headers.get("content-length", "")
    file = RemoteFile(safe_path(name), url, int(size) if size.isdigit() else None)
    return Offer(url, stem(name), "model", safe_name(stem(name)), (file,))


def _disposition(header: str) -> str:
    """The name of a file that `Content-Disposition` says (RFC 6266), its last part alone."""
    extended = re.search(r"filename\*\s*=\s*UTF-8''([^;]+)", header, re.IGNORECASE)
    plain = re.search(r'filename\s*=\s*(?:"([^"]*)"|([^;\s]+))', header, re.IGNORECASE)
    name = unquote(extended[1]) if extended else (plain[1] or plain[2] or "") if plain else ""
    return re.split(r"[/\\]", name)[-1]
