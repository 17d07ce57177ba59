"""Embeddings: vectors that stand for a word in the text encoder's input (Gal et al. 2022).

The layouts of AUTOMATIC1111 (`emb_params`, and a picture's text), of diffusers (`<token>`) and of files
for two text encoders (`clip_l`, `clip_g`) are read; which tensor it is, `webui.contracts.embedding_layouts` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from webui.contracts.adapter import AdapterInfo
from webui.contracts.embedding_layouts import CLIP_G, CLIP_L, vectors_key
from webui.contracts.embedding_picture import vectors_in_picture
from webui.contracts.errors import JobFailed
from webui.engine.damage import told_as_damage
from webui.engine.weights import open_weights


@dataclass(frozen=True, eq=False)
class LoadedEmbedding:
    """An embedding in memory."""

    info: AdapterInfo
    vectors: Tensor
    """(V, D), float32."""
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""
    second: Tensor | None = None
    """(V, D2), float32: for the second text encoder, where it was made for two."""

    @property
    def name(self) -> str:
        """What a prompt calls it, lower case."""
        return self.info.name.lower()


def load_embedding(info: AdapterInfo, device: torch.device) -> LoadedEmbedding:
    """Read an embedding's file.

    Raises:
        BrokenModel: the file is missing, damaged, or holds no vectors.
    """
    with told_as_damage(f"The embedding {info.id!r}", info.path):
        vectors, second = _read(Path(info.path), device)
    vectors = vectors.reshape(-1, vectors.shape[-1])
    if second is None:
        return LoadedEmbedding(info, vectors, vectors.nbytes)
    second = second.reshape(-1, second.shape[-1])
    return LoadedEmbedding(info, vectors, vectors.nbytes + second.nbytes, second=second)


def _read(path: Path, device: torch.device) -> tuple[Tensor, Tensor | None]:
    """Vectors (V, D) or (D,), float32; and as many for a second text encoder, where there are."""
    if path.suffix == ".png":
        vectors = vectors_in_picture(path)
        if vectors is None:
            raise ValueError("the picture holds no embedding.")
        return torch.tensor(vectors, dtype=torch.float32, device=device), None
    file = open_weights(path)
    shapes = file.header.shapes
    key = vectors_key(shapes)
    if key is None:
        raise ValueError("it holds no vectors of one text encoder.")
    tensor = file[key].to(device, torch.float32, copy=True)
    second = shapes.get(CLIP_G) if key == CLIP_L else None
    if second is None:
        return tensor, None
    if second[:-1] != shapes[key][:-1]:
        raise ValueError(
            f"it holds vectors of shape {shapes[key]} for one text encoder and {second} for the other; "
            "as many for both were expected."
        )
    return tensor, file[CLIP_G].to(device, torch.float32, copy=True)


class Placeholders:
    """Token ids for embeddings: below 0, so that no tokenizer has them; -1 is the first vector."""

    def __init__(self, embeddings: Sequence[LoadedEmbedding], second: bool = False) -> None:
        """With `second` the vectors are those for the second text encoder."""
        self._ids: dict[str, list[int]] = {}
        self._vectors: list[Tensor] = []
        for embedding in embeddings:
            first = len(self._vectors)
            vectors = embedding.second if second else embedding.vectors
            self._vectors += [] if vectors is None else list(vectors)
            self._ids[embedding.name] = [-1 - i for i in range(first, len(self._vectors))]

    @property
    def names(self) -> Sequence[str]:
        """Lower case."""
        return list(self._ids)

    def ids(self, name: str) -> Sequence[int]:
        """What stands for an embedding in a row of tokens."""
        return self._ids[name]

    @contextmanager
    def put_into(self, encoder: nn.Module, ids: Tensor) -> Iterator[Tensor]:
        """Within the block the encoder reads our vectors where `ids` (N, L) is below 0.

        Gives ids that it can look up.
        """
        if not bool((ids < 0).any()):
            yield ids
            return
        vectors = torch.stack(self._vectors)  # (V, D)

        def replaced(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            own = vectors.to(output)[(-1 - ids).clamp(min=0)]  # (N, L, D)
            return torch.where((ids < 0)[..., None], own, output)

        handle = _input_layer(encoder).register_forward_hook(replaced)
        try:
            yield ids.clamp(min=0)
        finally:
            handle.remove()


def check_width(
    embeddings: Sequence[LoadedEmbedding], encoder: nn.Module, model: str, second: bool = False
) -> None:
    """See that a text encoder, the second with `second`, can read the vectors.

    Raises:
        JobFailed: they were made for another one.
    """
    width = _input_layer(encoder).embedding_dim
    for embedding in embeddings:
        vectors = embedding.second if second else embedding.vectors
        own = 0 if vectors is None else vectors.shape[1]
        if own != width:
            raise JobFailed(
                f"The embedding {embedding.info.id!r} was made for another model: its vectors have "
                f"{own} numbers, and the text encoder of {model!r} reads {width}. Take its name out of "
                "the prompt, or choose the model that it was trained on."
            )


def _input_layer(encoder: nn.Module) -> nn.Embedding:
    get: Callable[[], nn.Embedding] = encoder.get_input_embeddings  # type: ignore[assignment]
    return get()
