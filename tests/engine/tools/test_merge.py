"""What is merged is the formula, what is converted is the same, and a LoRA that was put in is one applied."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.engine.adapters.test_lora import kohya, written
from tests.engine.tiny import write_tiny
from webui.contracts.errors import BadRequest, EaselError
from webui.contracts.ids import ModelId
from webui.contracts.lora_keys import TEXT, UNET
from webui.engine.adapters.lora import load_lora
from webui.engine.families.registry import load_model
from webui.engine.tools.command import main
from webui.engine.tools.writing import Planned, write_safetensors
from webui.engine.weights import open_weights
from webui.services.diffusers_folder import describe_folder

CPU = torch.device("cpu")
BLOCK = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight"
OUTSIDE = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
NAMES = {
    BLOCK: (4, 4), OUTSIDE: (6,), "model.diffusion_model.input_blocks.0.0.weight": (4, 4, 1, 1),
    "model_ema.decay": (1,),
}  # fmt: skip


def _write(file: Path, seed: int, changed: Mapping[str, Tensor] | None = None) -> Path:
    draw = torch.Generator().manual_seed(seed)
    tensors = {name: torch.randn(shape, generator=draw) for name, shape in NAMES.items()}
    tensors.update(changed or {})
    tensors["steps"] = torch.tensor([seed])
    _save(file, tensors)
    return file


def _save(file: Path, tensors: Mapping[str, Tensor]) -> None:
    plan = {name: Planned(t.dtype, tuple(t.shape), partial(t.clone)) for name, t in tensors.items()}
    write_safetensors(file, plan, {})


@pytest.fixture
def three(tmp_path: Path) -> list[Path]:
    return [_write(tmp_path / f"{name}.safetensors", seed) for seed, name in enumerate("abc")]


def _made(tmp_path: Path, *arguments: str | Path) -> Mapping[str, Tensor]:
    target = tmp_path / "made.safetensors"
    main([str(target), *map(str, arguments)])
    return open_weights(target)


def test_a_weighted_sum_is_the_formula(tmp_path: Path, three: list[Path]) -> None:
    a, b = (open_weights(file) for file in three[:2])
    made = _made(tmp_path, *three[:2], "--ratio", "0.3")
    for name in NAMES:
        torch.testing.assert_close(made[name], a[name] * 0.7 + b[name] * 0.3)
    assert made["steps"].tolist() == [0]  # a whole number is A's


def test_an_added_difference_is_the_formula(tmp_path: Path, three: list[Path]) -> None:
    a, b, c = (open_weights(file) for file in three)
    made = _made(tmp_path, *three, "--method", "difference", "--ratio", "0.5")
    for name in NAMES:
        torch.testing.assert_close(made[name], a[name] + 0.5 * (b[name] - c[name]))


def test_blocks_have_ratios_of_their_own(tmp_path: Path, three: list[Path]) -> None:
    a, b = (open_weights(file) for file in three[:2])
    row = ["0.25", "0", "1", *["0.5"] * 23]  # BASE, IN00, IN01, ...
    made = _made(tmp_path, *three[:2], "--blocks", ",".join(row))
    torch.testing.assert_close(made[OUTSIDE], a[OUTSIDE] * 0.75 + b[OUTSIDE] * 0.25)
    torch.testing.assert_close(made[BLOCK], b[BLOCK])
    conv_in = "model.diffusion_model.input_blocks.0.0.weight"
    torch.testing.assert_close(made[conv_in], a[conv_in])


def test_the_further_channels_of_an_inpainting_model_stay(tmp_path: Path) -> None:
    conv_in = "model.diffusion_model.input_blocks.0.0.weight"
    nine = torch.randn(4, 9, 1, 1, generator=torch.Generator().manual_seed(5))
    a = _write(tmp_path / "a.safetensors", 0, {conv_in: nine})
    b = _write(tmp_path / "b.safetensors", 1)
    made, other = _made(tmp_path, a, b, "--ratio", "1"), open_weights(b)
    torch.testing.assert_close(made[conv_in][:, :4], other[conv_in])
    assert torch.equal(made[conv_in][:, 4:], nine[:, 4:])


def test_what_is_made_says_of_what_and_how(tmp_path: Path, three: list[Path]) -> None:
    _made(tmp_path, *three[:2], "--ratio", "0.3")
    raw = (tmp_path / "made.safetensors").read_bytes()
    header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
    recipe = json.loads(header["__metadata__"]["easel_recipe"])
    assert recipe["models"] == ["a.safetensors", "b.safetensors"]
    assert (recipe["method"], recipe["ratio"]) == ("sum", 0.3)


def test_a_pickled_file_becomes_safetensors_of_another_precision(tmp_path: Path) -> None:
    tensors = {name: torch.randn(shape) for name, shape in NAMES.items()}
    torch.save({"state_dict": {**tensors, "steps": torch.tensor([7])}}, tmp_path / "old.ckpt")
    made = _made(tmp_path, tmp_path / "old.ckpt", "--precision", "fp16", "--prune")
    names = {name.removeprefix("state_dict."): name for name in made}
    assert set(names) == (set(NAMES) | {"steps"}) - {"model_ema.decay"}
    assert torch.equal(made[names[BLOCK]], tensors[BLOCK].half())
    assert made[names["steps"]].tolist() == [7]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "fp8"])
def test_each_precision_is_written_and_read_back(
    tmp_path: Path, three: list[Path], precision: str
) -> None:
    made, a = _made(tmp_path, three[0], "--precision", precision), open_weights(three[0])
    assert torch.equal(made[BLOCK], a[BLOCK].to(made[BLOCK].dtype))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "b", "--blocks", "1,2"), "26 numbers"),
        (("a", "b", "c"), "is made of 2"),
        (("a", "b", "--method", "difference"), "is made of 3"),
        (("a", "other"), "models of one family"),
        (("a", "--lora", "nothing"), "PATH:WEIGHT"),
    ],
)
def test_what_cannot_be_made_is_a_sentence_and_leaves_nothing(
    tmp_path: Path, three: list[Path], arguments: tuple[str, ...], said: str
) -> None:
    _save(tmp_path / "other.safetensors", {"x": torch.zeros(3)})
    names = {name: str(tmp_path / f"{name}.safetensors") for name in ("a", "b", "c", "other")}
    before = sorted(tmp_path.iterdir())
    with pytest.raises(BadRequest, match=said):
        _made(tmp_path, *(names.get(word, word) for word in arguments))
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_replaced(tmp_path: Path, three: list[Path]) -> None:
    (tmp_path / "made.safetensors").write_bytes(b"mine")
    with pytest.raises(BadRequest, match="already"):
        _made(tmp_path, *three[:2])
    assert (tmp_path / "made.safetensors").read_bytes() == b"mine"


def test_a_lora_that_was_put_into_a_folder_is_one_that_was_applied(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "base")
    model = load_model(checkpoint, CPU)
    name = "down_blocks.1.attentions.0.proj_in.weight"
    weight = model.unet.state_dict()[name]
    layer = "down_blocks_1_attentions_0_proj_in"
    text = model.text_encoder
    assert text is not None
    words_of_model = text.state_dict()  # its layers may be opened late, and then are no parameters
    inner = next(n for n in words_of_model if n.endswith("layers.0.self_attn.q_proj.weight"))
    wide = words_of_model[inner].clone()
    pairs = {
        layer: (torch.randn(2, weight.shape[1]), torch.randn(weight.shape[0], 2)),
    }
    texts = {
        "encoder_layers_0_self_attn_q_proj": (
            torch.randn(2, wide.shape[1]),
            torch.randn(wide.shape[0], 2),
        )
    }
    file = written(tmp_path / "chalk.safetensors", kohya(pairs, texts, alpha=2.0))
    main(
        [
            str(tmp_path / "made"),
            str(tmp_path / "base"),
            "--lora",
            f"{file.path}:0.7",
            "--precision",
            "fp32",
        ]
    )
    lora = load_lora(file, CPU)
    model.merged.use(UNET, model.unet, ((lora, 0.7),))
    model.merged.use(TEXT, text, ((lora, 0.7),))
    made = open_weights(tmp_path / "made" / "unet" / "diffusion_pytorch_model.safetensors")
    torch.testing.assert_close(made[name], model.unet.state_dict()[name], rtol=1e-6, atol=1e-6)
    words = open_weights(tmp_path / "made" / "text_encoder" / "model.safetensors")
    stored = next(n for n in words if n.endswith(inner))
    changed = text.state_dict()[inner]
    assert not torch.equal(changed, wide)
    torch.testing.assert_close(words[stored], changed, rtol=1e-6, atol=1e-6)
    assert (tmp_path / "made" / "model_index.json").is_file()


def test_a_part_that_is_shared_becomes_the_new_models_own(tmp_path: Path) -> None:
    write_tiny(tmp_path / "text")
    write_tiny(tmp_path / "turbo", seed=1)
    for part in ("vae", "tokenizer"):
        shutil.rmtree(tmp_path / "turbo" / part)
    shared = {"vae": "../text/vae", "tokenizer": "../text/tokenizer"}
    easel = {"shared": shared, "defaults": {"steps": 4}}
    (tmp_path / "turbo" / "easel.json").write_text(json.dumps(easel))
    target = tmp_path / "deep" / "made"
    main([str(target), str(tmp_path / "turbo"), str(tmp_path / "text"), "--ratio", "1"])
    assert json.loads((target / "easel.json").read_text()) == {"defaults": {"steps": 4}}
    checkpoint = describe_folder(target, ModelId("made"))
    made = load_model(checkpoint, CPU).unet.state_dict()
    other = load_model(describe_folder(tmp_path / "text", ModelId("text")), CPU).unet.state_dict()
    assert all(torch.equal(made[name], other[name]) for name in other)


def test_a_lora_is_put_into_a_single_file_by_its_names(tmp_path: Path) -> None:
    name = "model.diffusion_model.input_blocks.1.1.proj_in.weight"
    weight, down, up = torch.randn(6, 4, 1, 1), torch.randn(2, 4), torch.randn(6, 2)
    a = _write(tmp_path / "a.safetensors", 0, {name: weight})
    pairs = {"down_blocks_0_attentions_0_proj_in": (down, up)}
    lora = written(tmp_path / "chalk.safetensors", kohya(pairs, {}, alpha=1.0))
    made = _made(tmp_path, a, "--lora", f"{lora.path}:0.5")
    wanted = weight + 0.5 * 0.5 * (up @ down)[:, :, None, None]
    torch.testing.assert_close(made[name], wanted, rtol=1e-6, atol=1e-6)
    assert torch.equal(made[BLOCK], open_weights(a)[BLOCK])


def test_a_lora_of_another_model_is_refused(tmp_path: Path) -> None:
    write_tiny(tmp_path / "base")
    pairs = {"down_blocks_9_attentions_0_proj_in": (torch.randn(2, 4), torch.randn(4, 2))}
    file = written(tmp_path / "other.safetensors", kohya(pairs, {}, alpha=2.0))
    with pytest.raises(EaselError, match="has not"):
        main([str(tmp_path / "made"), str(tmp_path / "base"), "--lora", f"{file.path}:1"])
    assert not (tmp_path / "made").exists()
