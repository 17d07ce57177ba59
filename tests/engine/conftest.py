"""Models for engine tests: written and loaded once a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.engine.library import Library
from tests.engine.tiny import TinySizes, write_tiny
from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.families.registry import load_model
from webui.engine.model import LoadedModel

CPU = torch.device("cpu")


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small lose more by threads than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    """A tiny model on disk."""
    return write_tiny(tmp_path_factory.mktemp("models") / "first")


@pytest.fixture(scope="session")
def other_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> CheckpointInfo:
    """Another one, with other weights, that predicts noise."""
    sizes = TinySizes(prediction="epsilon")
    return write_tiny(tmp_path_factory.mktemp("models") / "other", sizes, seed=1)


@pytest.fixture(scope="session")
def model(checkpoint: CheckpointInfo) -> LoadedModel:
    """The tiny model in memory."""
    return load_model(checkpoint, CPU)


@pytest.fixture(scope="session")
def other_model(other_checkpoint: CheckpointInfo) -> LoadedModel:
    """The other tiny model in memory."""
    return load_model(other_checkpoint, CPU)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Tiny models of all tasks."""
    return Library(tmp_path_factory.mktemp("library"))
