from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.engine.families.ldm.tiny import Original, write
from tests.engine.families.tiny_flow import tiny_flux, tiny_sd3, write_tiny_flow
from tests.engine.families.tiny_xl import write_tiny_xl
from tests.engine.library import Library
from webui.contracts.errors import NotAModel
from webui.engine.families.registry import FAMILIES, load_model

CPU = torch.device("cpu")


def test_every_family_in_the_table_loads(library: Library, tmp_path: Path) -> None:
    checkpoints = [library.model("text").checkpoint, write_tiny_xl(tmp_path / "xl")]
    checkpoints += [write_tiny_flow(tmp_path / "sd3", tiny_sd3())]
    checkpoints += [write_tiny_flow(tmp_path / "flux", tiny_flux())]
    checkpoints.append(library.model("upscale").checkpoint)
    checkpoints.append(write(Original("class"), tmp_path))
    assert [checkpoint.family for checkpoint in checkpoints] == [f.id for f in FAMILIES]
    for checkpoint in checkpoints:
        assert load_model(checkpoint, CPU).checkpoint == checkpoint


def test_an_unknown_family_is_named(library: Library) -> None:
    with pytest.raises(NotAModel, match=r"'kandinsky'.*sd1, sdxl, sd3, flux, ldm-sr"):
        load_model(replace(library.model("text").checkpoint, family="kandinsky"), CPU)
