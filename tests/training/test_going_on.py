"""--go-on: a finished model is trained on, whatever its kind."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.training.kinds import Main, run_main
from webui.training import controlnet, depth, inpaint, layout, semantic, text_to_image, turbo
from webui.training.command import TrainingRefused

KINDS: dict[str, tuple[Main, str]] = {
    "depth": (depth.main, "unet"),
    "inpaint": (inpaint.main, "unet"),
    "layout": (layout.main, "layout_encoder"),
    "semantic": (semantic.main, "unet"),
    "turbo": (turbo.main, "unet"),
    "controlnet-edges": (controlnet.main, ""),
    "text": (text_to_image.main, "unet"),
}
MARK = 0.123046875
"""Exact in float16, and far from what a bias is by chance; a short run hardly moves it."""


def mark(folder: Path) -> tuple[Path, str]:
    """Write the mark into one vector of a finished network; where it is."""
    file = next(folder.glob("*.safetensors"))
    weights = load_file(file)
    name = min(name for name in weights if name.endswith("bias"))
    weights[name] = torch.full_like(weights[name], MARK)
    save_file(weights, file)
    return file, name


def run_lines(folder: Path) -> list[str]:
    lines = (folder / "README.md").read_text("utf-8").splitlines()
    return [line for line in lines if line.startswith("| `python launch.py train")]


@pytest.mark.parametrize("kind", KINDS)
def test_it_begins_with_the_finished_weights_and_its_card_tells_of_both_runs(
    kind: str, tmp_path: Path
) -> None:
    main, part = KINDS[kind]
    if kind == "text":  # which stands there finished before anything else does
        folder = run_main(depth.main, "depth", tmp_path).parent / "text"
    else:
        folder = run_main(main, kind, tmp_path)
    file, name = mark(folder / part)
    again = run_main(main, kind, tmp_path, "--go-on", "--work", str(tmp_path / "runs" / "again"))
    assert again == folder
    assert load_file(file)[name].float().mean().item() == pytest.approx(MARK, abs=0.03)
    assert len(run_lines(folder)) == (1 if kind == "text" else 2)
    assert "--go-on" in run_lines(folder)[-1]


def test_a_layout_model_without_its_encoder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = run_main(layout.main, "layout", tmp_path)
    (folder / "layout_encoder" / "model.safetensors").unlink()
    with pytest.raises(TrainingRefused, match="cannot be read as an encoder"):
        run_main(layout.main, "layout", tmp_path, "--go-on")


def test_without_a_finished_model_it_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrainingRefused, match="--go-on trains on what is in --out"):
        run_main(depth.main, "depth", tmp_path, "--go-on")


@pytest.mark.parametrize("kind", ["judge", "segmenter", "lora", "starter", "tradeoff"])
def test_what_cannot_go_on_has_no_such_flag(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        import_module(f"webui.training.{kind}").main(["--go-on"])
    assert "unrecognized arguments: --go-on" in capsys.readouterr().err
