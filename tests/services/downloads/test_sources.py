"""What can be named as a source, and what is offered there; the sites' answers are of their form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.downloads.server import Server, weights
from webui.contracts.download import Offer
from webui.contracts.errors import BadRequest, DownloadFailed
from webui.services.downloads.network import Web
from webui.services.downloads.sources import Sites, look

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FOLDER = (
    "model_index.json", "README.md", "preview.png", "scheduler/scheduler_config.json", "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.bin", "unet/config.json", "unet/diffusion_pytorch_model.non_ema.safetensors",
    "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
    "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
    "unet/diffusion_pytorch_model.safetensors.index.json", "text_encoder/config.json",
    "text_encoder/model.safetensors", "tokenizer/merges.txt", "safety_checker/config.json",
    "safety_checker/model.safetensors", "v1-5-pruned.safetensors", "unet/onnx/deep/model.json",
    ".gitattributes", "run.py", "../../evil.safetensors",
)  # fmt: skip


def _repository(
    server: Server, *paths: str, tags: tuple[str, ...] = (), revision: str = "main"
) -> None:
    files: list[dict[str, Any]] = [
        {"rfilename": path, "size": 10, "lfs": {"sha256": "ab" * 32, "size": 7}} for path in paths
    ]
    told = {"sha": COMMIT, "tags": list(tags), "siblings": files}
    server.put_json(f"/api/models/ann/box/revision/{revision}?blobs=true", told)


def _look(server: Server, web: Web, source: str) -> Offer:
    return look(web, Sites(server.address, _civitai(server)), source)


def _civitai(server: Server) -> str:
    return server.address.replace("127.0.0.1", "localhost")


def _chosen(offer: Offer) -> list[str]:
    return [file.path for file in offer.files if file.is_chosen]


def test_a_repository_is_pinned_to_its_commit(server: Server, web: Web) -> None:
    _repository(server, "a.safetensors", "b.txt", revision="v1%2Fx")
    offer = _look(server, web, "ann/box@v1/x")
    (file,) = offer.files
    assert (offer.source, offer.name, offer.is_folder) == (f"ann/box@{COMMIT}", "box", False)
    assert file.url == f"{server.address}/ann/box/resolve/{COMMIT}/a.safetensors"
    assert (file.bytes, file.sha256, file.is_chosen) == (7, "ab" * 32, True)


def test_of_a_diffusers_folder_one_form_of_each_network_is_chosen(server: Server, web: Web) -> None:
    _repository(server, *FOLDER)
    offer = _look(server, web, "ann/box")
    assert offer.is_folder
    assert _chosen(offer) == [
        "model_index.json", "README.md", "scheduler/scheduler_config.json", "vae/config.json",
        "vae/diffusion_pytorch_model.fp16.safetensors", "unet/config.json",
        "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
        "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
        "unet/diffusion_pytorch_model.safetensors.index.json", "text_encoder/config.json",
        "text_encoder/model.safetensors", "tokenizer/merges.txt",
    ]  # fmt: skip
    kept = [file.path for file in offer.files]
    assert not {".gitattributes", "run.py", "../../evil.safetensors"} & set(kept)


def test_of_several_single_files_none_is_chosen(server: Server, web: Web) -> None:
    _repository(server, "a.safetensors", "b.ckpt", tags=("lora",))
    offer = _look(server, web, "ann/box")
    assert (_chosen(offer), offer.kind) == ([], "lora")


@pytest.mark.parametrize("way", ["blob", "resolve"])
def test_the_address_of_a_file_means_that_file(server: Server, web: Web, way: str) -> None:
    _repository(server, "deep/a b.safetensors", "b.ckpt")
    offer = _look(server, web, f"{server.address}/ann/box/{way}/main/deep/a%20b.safetensors")
    assert (_chosen(offer), offer.name) == (["a b.safetensors"], "a b")
    _repository(server, "deep/a b.safetensors", revision=COMMIT)
    assert _look(server, web, offer.source) == offer


def test_the_address_of_a_folder_means_what_lies_in_it(server: Server, web: Web) -> None:
    files = [
        f"models/image_encoder/{name}"
        for name in ("config.json", "model.safetensors", "pytorch_model.bin")
    ]
    _repository(server, "models/ip-adapter.safetensors", "config.json", *files)
    offer = _look(server, web, f"{server.address}/ann/box/tree/main/models/image_encoder")
    assert (offer.kind, offer.name, offer.is_folder) == ("image_encoder", "box models image_encoder", True)  # fmt: skip
    assert _chosen(offer) == ["config.json", "model.safetensors"]
    assert offer.files[0].url == f"{server.address}/ann/box/resolve/{COMMIT}/{files[0]}"
    _repository(server, *files, revision=COMMIT)
    assert _look(server, web, offer.source) == offer
    with pytest.raises(BadRequest, match="no weights in a folder 'models/none'"):
        _look(server, web, f"{server.address}/ann/box/tree/main/models/none/")


def test_a_repository_of_clip_is_an_image_encoder(server: Server, web: Web) -> None:
    _repository(server, "config.json", "model.safetensors", tags=("transformers", "clip"))
    offer = _look(server, web, "ann/box")
    assert (offer.kind, _chosen(offer)) == ("image_encoder", ["config.json", "model.safetensors"])


def test_a_repository_without_weights_and_a_missing_file_are_refused(
    server: Server, web: Web
) -> None:
    _repository(server, "README.md")
    with pytest.raises(BadRequest, match="no weights"):
        _look(server, web, "ann/box")
    with pytest.raises(BadRequest, match="no file"):
        _look(server, web, f"{server.address}/ann/box/blob/main/a.safetensors")
    with pytest.raises(DownloadFailed, match="404"):
        _look(server, web, "ann/none")


@pytest.mark.parametrize(
    "told", [[], {"sha": "../x", "siblings": []}, {"sha": COMMIT, "siblings": [3]}]
)
def test_an_answer_of_another_form_is_a_sentence(server: Server, web: Web, told: Any) -> None:
    server.put_json("/api/models/ann/box/revision/main?blobs=true", told)
    with pytest.raises(DownloadFailed, match="cannot be read"):
        _look(server, web, "ann/box")


def _version(server: Server, **changes: Any) -> None:
    file = {
        "name": "dragon.safetensors", "sizeKB": 1.5, "primary": True, "type": "Model",
        "hashes": {"SHA256": "AB" * 32}, "downloadUrl": f"{server.address}/api/download/models/2",
    }  # fmt: skip
    told = {
        "id": 2, "modelId": 1, "name": "v2", "baseModel": "SD 1.5", "trainedWords": ["drgn"],
        "model": {"name": "Dragon", "type": "LORA"}, "files": [file], **changes,
    }  # fmt: skip
    server.put_json("/api/v1/model-versions/2", told)
    server.put_json("/api/v1/models/1", {"modelVersions": [{"id": 2}, {"id": 3}]})


@pytest.mark.parametrize(
    "source",
    [
        "civitai:1@2", "civitai:1", "urn:air:sd1:lora:civitai:1@2", "{0}/models/1/dragon?modelVersionId=2",
        "{0}/models/1", "{0}/api/download/models/2?type=Model",
    ],
)  # fmt: skip
def test_a_model_of_civitai_is_offered_with_what_is_said_of_it(
    server: Server, web: Web, source: str
) -> None:
    _version(server)
    offer = _look(server, web, source.format(_civitai(server)))
    (file,) = offer.files
    assert (offer.source, offer.title, offer.kind) == ("civitai:1@2", "Dragon v2", "lora")
    assert (offer.base, offer.triggers, offer.name) == ("SD 1.5", ("drgn",), "dragon")
    assert (file.sha256, file.bytes, file.is_chosen) == ("ab" * 32, None, True)


def test_a_kind_that_is_of_no_use_and_a_bad_name_are_refused(server: Server, web: Web) -> None:
    _version(server, model={"name": "P", "type": "Poses"})
    with pytest.raises(BadRequest, match="'Poses'"):
        _look(server, web, "civitai:1@2")
    _version(server, files=[{"name": "..\\..\\a.safetensors"}, {"name": "data.zip"}])
    with pytest.raises(BadRequest, match="no file of weights"):
        _look(server, web, "civitai:1@2")


def test_any_address_is_one_file_named_by_the_server_or_itself(server: Server, web: Web) -> None:
    server.put("/a/w%201.safetensors?x=1", weights())
    named = {
        "Content-Disposition": "attachment; filename=\"x.bin\"; filename*=UTF-8''b%C3%A4r.ckpt"
    }
    server.put("/9", b"12345", headers=named)
    sites = Sites()
    first = look(web, sites, server.address + "/a/w%201.safetensors?x=1")
    second = look(web, sites, server.address + "/9")
    assert (first.files[0].path, first.files[0].bytes) == ("w 1.safetensors", len(weights()))
    assert (second.files[0].path, second.name, second.files[0].bytes) == ("bär.ckpt", "bär", 5)


def test_a_name_from_a_header_cannot_lead_away(server: Server, web: Web) -> None:
    evil = {"Content-Disposition": 'attachment; filename="../../evil.safetensors"'}
    server.put("/9", weights(), headers=evil)
    offer = look(web, Sites(), server.address + "/9")
    assert offer.files[0].path == "evil.safetensors"
    server.put("/8", b"x", headers={"Content-Disposition": "attachment; filename=evil.sh"})
    with pytest.raises(BadRequest, match=r"evil\.sh"):
        look(web, Sites(), server.address + "/8")


@pytest.mark.parametrize("source", ["", "dragon", "ftp://x/a.safetensors", "a/b/c", "C:\\a"])
def test_what_is_no_source_is_refused(server: Server, web: Web, source: str) -> None:
    with pytest.raises(BadRequest, match="is no source"):
        _look(server, web, source)
