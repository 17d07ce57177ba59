"""The files of controlnets and embeddings say what the menu needs, and say what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from tests.contracts.test_embedding_picture import told, write_picture
from tests.services.models import write_controlnet, write_weights
from webui.contracts.errors import BrokenModel, NotAModel
from webui.contracts.ids import AdapterId
from webui.services.adapter_files import describe_controlnet, describe_embedding

_A = AdapterId("a")


def test_a_controlnet_is_described_from_its_folder(tmp_path: Path) -> None:
    folder = write_controlnet(tmp_path / "edges", reads="edges")
    (folder / "README.md").write_text("# Follow edges\n\nReads white lines on black. And more.\n")
    info = describe_controlnet(folder, _A)
    assert info is not None
    assert (info.kind, info.title, info.reads) == ("controlnet", "Follow edges", "edges")
    assert (info.description, info.path) == ("Reads white lines on black.", str(folder))
    assert info.bytes == (folder / "diffusion_pytorch_model.safetensors").stat().st_size


def test_a_controlnet_need_not_say_what_it_reads(tmp_path: Path) -> None:
    info = describe_controlnet(write_controlnet(tmp_path / "edges"), _A)
    assert info is not None
    assert (info.title, info.reads) == ("edges", "")


def test_a_t2i_adapter_is_described_like_a_controlnet(tmp_path: Path) -> None:
    info = describe_controlnet(write_controlnet(tmp_path / "sketch", kind="T2IAdapter"), _A)
    assert info is not None
    assert (info.kind, info.is_t2i) == ("controlnet", True)


def test_another_network_is_no_controlnet(tmp_path: Path) -> None:
    assert describe_controlnet(write_controlnet(tmp_path / "x", kind="VQModel"), _A) is None


def test_a_controlnet_that_reads_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"'reads' of easel\.json is 7"):
        describe_controlnet(write_controlnet(tmp_path / "x", reads=7), _A)


def test_a_truncated_controlnet_is_named(tmp_path: Path) -> None:
    folder = write_controlnet(tmp_path / "x")
    file = folder / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(BrokenModel, match="may be incomplete"):
        describe_controlnet(folder, _A)


@pytest.mark.parametrize(
    ("shapes", "vectors"),
    [
        ({"emb_params": [4, 8]}, 4),
        ({"emb_params": [8]}, 1),
        ({"<chalk>": [2, 8]}, 2),
        ({"clip_l": [3, 8], "clip_g": [3, 16]}, 3),
        ({"string_to_param.*": [5, 8], "string_to_token.*": []}, 5),
    ],
)
def test_an_embedding_is_known_by_its_vectors(
    tmp_path: Path, shapes: dict[str, list[int]], vectors: int
) -> None:
    file = tmp_path / "Chalk.safetensors"
    write_weights(file, shapes)
    info = describe_embedding(file, AdapterId("embeddings/Chalk"))
    assert info is not None
    assert (info.kind, info.title, info.name, info.vectors) == (
        "embedding", "Chalk", "Chalk", vectors,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        ({"clip_g": [3, 16]}, "second text encoder of SDXL alone"),
        ({"a": [3, 16], "b": [3, 16]}, "holds neither 'emb_params' nor"),
        ({"conv": [3, 16, 3, 3]}, "holds neither 'emb_params' nor"),
    ],
)
def test_other_weights_are_no_embedding(
    tmp_path: Path, shapes: dict[str, list[int]], says: str
) -> None:
    file = tmp_path / "x.safetensors"
    write_weights(file, shapes)
    with pytest.raises(NotAModel, match=says):
        describe_embedding(file, _A)


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        ({"string_to_token": {"*": 265}, "string_to_param": {"*": torch.ones(3, 8)}}, ".pt"),
        ({"<cloud>": torch.ones(8)}, ".bin"),
    ],
)
def test_a_pickled_embedding_is_described_without_unpickling(
    tmp_path: Path, content: object, ending: str
) -> None:
    torch.save(content, tmp_path / f"x{ending}")
    info = describe_embedding(tmp_path / f"x{ending}", _A)
    assert info is not None
    assert (info.kind, info.vectors) == ("embedding", 3 if ending == ".pt" else 1)


class Evil:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return os.system, ("touch unpickled",)


def test_an_embedding_that_would_run_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"string_to_param": {"*": torch.ones(3, 8)}, "name": Evil()}, tmp_path / "x.pt")
    with pytest.raises(NotAModel):
        describe_embedding(tmp_path / "x.pt", _A)
    assert not (tmp_path / "unpickled").exists()


def test_a_picture_is_an_embedding_where_it_holds_one(tmp_path: Path) -> None:
    info = describe_embedding(write_picture(tmp_path / "x.png", told([[1.0, 2.0]] * 3)), _A)
    assert info is not None
    assert (info.kind, info.title, info.vectors) == ("embedding", "x", 3)
    assert describe_embedding(write_picture(tmp_path / "x.png", None), _A) is None
    (tmp_path / "x.png").write_bytes(b"no picture")
    assert describe_embedding(tmp_path / "x.png", _A) is None
    with pytest.raises(BrokenModel, match="is damaged: the embedding in it"):
        describe_embedding(write_picture(tmp_path / "x.png", told([])), _A)
