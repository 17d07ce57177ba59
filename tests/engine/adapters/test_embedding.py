"""Embeddings: read from every layout, put into a prompt where it has their name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.contracts.test_embedding_picture import told, write_picture
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, JobFailed
from webui.contracts.ids import AdapterId
from webui.engine.adapters.embedding import LoadedEmbedding, load_embedding
from webui.engine.encoding import encode_texts
from webui.engine.model import LoadedModel
from webui.engine.reading import Reading
from webui.engine.work import EncodeText

CPU = torch.device("cpu")
WIDTH = 16


def written(path: Path, tensors: Mapping[str, Tensor], vectors: int = 1) -> AdapterInfo:
    save_file(dict(tensors), path)
    name = AdapterId(f"embeddings/{path.stem}")
    return AdapterInfo(name, "embedding", path.stem, str(path), 1, vectors=vectors)


def rows(model: LoadedModel, text: str) -> Tensor:
    """What the text encoder looks up for the letters of a text, (V, D)."""
    assert model.tokenize is not None
    assert model.text_encoder is not None
    lookup = model.text_encoder.get_input_embeddings()  # type: ignore[operator]
    found: Tensor = lookup(torch.tensor(model.tokenize(text)))
    return found.detach().clone()


def encoded(model: LoadedModel, text: str, *embeddings: LoadedEmbedding) -> Tensor:
    (made,) = encode_texts([EncodeText(model, text, reading=Reading(embeddings=embeddings))])
    return made.tokens


@pytest.mark.parametrize("layout", ["emb_params", "<cloud>", "clip_l", "string_to_param.*"])
def test_every_layout_gives_the_vectors(tmp_path: Path, layout: str) -> None:
    vectors = torch.arange(2.0 * WIDTH).reshape(2, WIDTH)
    other = {"clip_g": torch.ones(2, 8)} if layout == "clip_l" else {}
    loaded = load_embedding(
        written(tmp_path / "Cloud.safetensors", {layout: vectors, **other}), CPU
    )
    assert torch.equal(loaded.vectors, vectors)
    further = sum(tensor.nbytes for tensor in other.values())
    assert (loaded.name, loaded.bytes) == ("cloud", vectors.nbytes + further)
    assert (loaded.second is None) == (layout != "clip_l")


def test_a_single_vector_and_half_precision_are_read(tmp_path: Path) -> None:
    loaded = load_embedding(
        written(tmp_path / "x.safetensors", {"<x>": torch.ones(WIDTH).half()}), CPU
    )
    assert (loaded.vectors.shape, loaded.vectors.dtype) == ((1, WIDTH), torch.float32)


def test_a_picture_may_hold_the_vectors(tmp_path: Path) -> None:
    file = write_picture(tmp_path / "x.png", told([[0.5] * WIDTH, [1.0] * WIDTH]))
    info = AdapterInfo(AdapterId("embeddings/x"), "embedding", "x", str(file), 1, vectors=2)
    assert load_embedding(info, CPU).vectors.tolist() == [[0.5] * WIDTH, [1.0] * WIDTH]
    write_picture(file, None)
    with pytest.raises(BrokenModel, match="holds no embedding"):
        load_embedding(info, CPU)


@pytest.mark.parametrize("tensors", [{"clip_g": torch.ones(1, 8)}, {"a": torch.ones(2, 2, 2)}])
def test_a_file_without_vectors_is_named(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    with pytest.raises(BrokenModel, match=r"'embeddings/x' cannot be loaded.*holds no vectors"):
        load_embedding(written(tmp_path / "x.safetensors", tensors), CPU)


def test_the_vectors_of_a_word_stand_for_the_word(model: LoadedModel, tmp_path: Path) -> None:
    # Vectors that are those of some letters must encode as these letters do.
    info = written(tmp_path / "Cloud.safetensors", {"emb_params": rows(model, "dog")})
    loaded = load_embedding(info, CPU)
    assert torch.equal(
        encoded(model, "a cloud, (CLOUD:1.3)", loaded), encoded(model, "a dog, (dog:1.3)")
    )
    assert not torch.equal(encoded(model, "a cloud"), encoded(model, "a dog"))


def test_several_embeddings_are_told_apart(model: LoadedModel, tmp_path: Path) -> None:
    one, two = (
        load_embedding(
            written(tmp_path / f"{name}.safetensors", {"emb_params": rows(model, text)}), CPU
        )
        for name, text in (("one", "ab"), ("two", "xyz"))
    )
    assert torch.equal(encoded(model, "two one two", one, two), encoded(model, "xyz ab xyz"))


def test_the_encoder_is_left_as_it_was(model: LoadedModel, tmp_path: Path) -> None:
    before = encoded(model, "a dog")
    info = written(tmp_path / "dog.safetensors", {"emb_params": torch.randn(3, WIDTH)})
    assert not torch.equal(encoded(model, "a dog", load_embedding(info, CPU)), before)
    assert torch.equal(encoded(model, "a dog"), before)


def test_vectors_of_another_width_are_a_sentence(model: LoadedModel, tmp_path: Path) -> None:
    info = written(tmp_path / "wide.safetensors", {"emb_params": torch.ones(1, 768)})
    says = r"'embeddings/wide' was made for another model.*768 numbers.*reads 16"
    with pytest.raises(JobFailed, match=says):
        encoded(model, "wide", load_embedding(info, CPU))


def test_a_job_draws_with_the_embeddings_that_its_words_name(
    model: LoadedModel, tmp_path: Path
) -> None:
    info = written(tmp_path / "cloud.safetensors", {"emb_params": rows(model, "dog")}, vectors=3)
    text = {"prompt": "a cloud # comment", "negative_prompt": "", "embeddings": [info.id]}
    rig = Rig(model)
    rig.finish(
        order(model.checkpoint, "named", adapters=(info,), prompt="ignored", texts=[text]),
        order(model.checkpoint, "plain", prompt="a dog "),
        order(model.checkpoint, "word", prompt="a cloud "),
    )
    (named,), (plain,), (word,) = (rig.pictures(job) for job in ("named", "plain", "word"))
    assert abs(named.astype(int) - plain.astype(int)).max() <= 1
    assert abs(named.astype(int) - word.astype(int)).max() > 1


@pytest.mark.parametrize("ending", [".pt", ".bin"])
def test_a_pickled_file_has_the_same_vectors(tmp_path: Path, ending: str) -> None:
    vectors = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))
    own = {"string_to_token": {"*": 265}, "string_to_param": {"*": torch.nn.Parameter(vectors)}}
    path = tmp_path / f"a{ending}"
    torch.save(own if ending == ".pt" else {"<a>": vectors}, path)
    loaded = load_embedding(AdapterInfo(AdapterId("a"), "embedding", "a", str(path), 1), CPU)
    assert torch.equal(loaded.vectors, vectors)
