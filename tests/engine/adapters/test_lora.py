from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from tests.engine.library import Library
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.errors import BrokenModel, JobFailed
from webui.contracts.ids import AdapterId
from webui.contracts.lora_keys import TEXT, UNET
from webui.engine.adapters.dialects.low_rank import LowRank
from webui.engine.adapters.lora import LoadedLora, load_lora, patch_key
from webui.engine.adapters.merging import MergedWeights
from webui.engine.model import LoadedModel
from webui.engine.work import EncodeText

CPU = torch.device("cpu")
RANK = 2
TO_Q = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
TO_OUT = "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0"
PROJ = "mid_block.attentions.0.proj_in"  # a 1x1 convolution in this model
CONV = "down_blocks.0.resnets.0.conv1"
TEXT_Q = "encoder.layers.0.self_attn.q_proj"
Matrices = dict[str, tuple[Tensor, Tensor]]


@pytest.fixture
def model(library: Library) -> LoadedModel:
    return replace(library.model("text"), merged=MergedWeights())


def matrices(model: LoadedModel, names: list[str], part: str = UNET) -> Matrices:
    """Random (down, up) for some modules, as convolutions where they are."""
    generator = torch.Generator().manual_seed(5)
    made = {}
    for name in names:
        weight = network(model, part).state_dict()[f"{name}.weight"]
        out, kernel = weight.shape[0], [1] * (weight.dim() - 2)
        down = torch.randn(RANK, *weight.shape[1:], generator=generator) * 0.1
        made[name] = (down, torch.randn(out, RANK, *kernel, generator=generator) * 0.1)
    return made


def network(model: LoadedModel, part: str) -> nn.Module:
    found = model.unet if part == UNET else model.text_encoder
    assert found is not None
    return found


def written(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None
) -> AdapterInfo:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata)
    return AdapterInfo(AdapterId(f"loras/{path.stem}"), "lora", path.stem, str(path), 1)


def peft(unet: Matrices, text: Matrices | None = None, inner: str = "") -> dict[str, Tensor]:
    """As diffusers and PEFT name them."""
    parts = [("unet", unet), (f"text_encoder{inner}", text or {})]
    return {
        f"{part}.{name}.lora_{half}.weight": pair[i]
        for part, modules in parts
        for name, pair in modules.items()
        for i, half in enumerate("AB")
    }


def kohya(unet: Matrices, text: Matrices, alpha: float) -> dict[str, Tensor]:
    """As kohya's trainer names them."""
    tensors = {}
    for prefix, modules in (("lora_unet_", unet), ("lora_te_text_model_", text)):
        for name, (down, up) in modules.items():
            base = prefix + name.replace(".", "_")
            tensors[f"{base}.lora_down.weight"], tensors[f"{base}.lora_up.weight"] = down, up
            tensors[f"{base}.alpha"] = torch.tensor(alpha)
    return tensors


def weights(model: LoadedModel, part: str = UNET) -> dict[str, Tensor]:
    return {name: w.detach().clone() for name, w in network(model, part).state_dict().items()}


def change(pair: tuple[Tensor, Tensor], like: Tensor) -> Tensor:
    return (pair[1].flatten(1) @ pair[0].flatten(1)).view(like.shape)


def restore(model: LoadedModel) -> None:
    for part in (UNET, TEXT):
        model.merged.use(part, network(model, part), ())


@pytest.mark.parametrize("name", [TO_Q, TO_OUT, PROJ, CONV])
def test_the_change_is_weight_times_alpha_over_rank_times_the_product(
    model: LoadedModel, tmp_path: Path, name: str
) -> None:
    pairs = matrices(model, [name])
    lora = load_lora(written(tmp_path / "a.safetensors", kohya(pairs, {}, alpha=6.0)), CPU)
    before = weights(model)
    model.merged.use(UNET, model.unet, ((lora, 0.5),))
    after = weights(model)
    restore(model)
    expected = before[f"{name}.weight"] + 0.5 * 6.0 / RANK * change(
        pairs[name], before[f"{name}.weight"]
    )
    assert torch.allclose(after.pop(f"{name}.weight"), expected, atol=1e-6)
    assert all(torch.equal(after[other], before[other]) for other in after)


def test_weights_are_put_back_to_the_bit(model: LoadedModel, tmp_path: Path) -> None:
    pairs = matrices(model, [TO_Q, CONV])
    lora = load_lora(written(tmp_path / "a.safetensors", peft(pairs)), CPU)
    before = weights(model)
    for share in (0.3, -2.0, 0.3):
        model.merged.use(UNET, model.unet, ((lora, share),))
    first = weights(model)
    model.merged.use(UNET, model.unet, ())
    assert all(torch.equal(now, before[name]) for name, now in weights(model).items())
    model.merged.use(UNET, model.unet, ((lora, 0.3),))
    assert all(torch.equal(now, first[name]) for name, now in weights(model).items())
    restore(model)


def test_an_orthogonal_change_turns_the_files_weight_and_leaves_it_to_the_bit(
    model: LoadedModel, tmp_path: Path
) -> None:
    before = weights(model)
    blocks = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(3)) * 0.2
    whole = before[f"{TO_Q}.weight"]
    rows = whole.shape[0] // 8
    tensors = {f"oft_unet_{TO_Q.replace('.', '_')}.oft_blocks": blocks.repeat(rows // 4, 1, 1)}
    lora = load_lora(written(tmp_path / "a.safetensors", tensors), CPU)
    model.merged.use(UNET, model.unet, ((lora, 0.5),))
    after = weights(model)
    model.merged.use(UNET, model.unet, ())
    assert all(torch.equal(now, before[name]) for name, now in weights(model).items())
    q = blocks.double() - blocks.double().mT
    turn = ((torch.eye(8) + q) @ torch.inverse(torch.eye(8) - q)).mT.repeat(rows // 4, 1, 1)
    turned = (turn @ whole.double().view(rows, 8, -1)).reshape(whole.shape)
    assert torch.allclose(after[f"{TO_Q}.weight"].double(), (whole + turned) / 2, atol=1e-5)


def test_several_add_up(model: LoadedModel, tmp_path: Path) -> None:
    pairs = matrices(model, [TO_Q])
    one, two = (
        load_lora(written(tmp_path / f"{name}.safetensors", peft(pairs)), CPU) for name in "ab"
    )
    before = weights(model)[f"{TO_Q}.weight"]
    model.merged.use(UNET, model.unet, ((one, 1.0), (two, -0.25)))
    after = weights(model)[f"{TO_Q}.weight"]
    restore(model)
    assert torch.allclose(after, before + 0.75 * change(pairs[TO_Q], before), atol=1e-6)


def test_merged_weights_draw_what_side_branches_would(model: LoadedModel, tmp_path: Path) -> None:
    pairs = matrices(model, [TO_Q, TO_OUT, PROJ, CONV])
    lora = load_lora(written(tmp_path / "a.safetensors", peft(pairs)), CPU)
    x, tokens = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), texts(model)
    with torch.inference_mode():
        model.merged.use(UNET, model.unet, ((lora, 0.7),))
        merged = predicted(model, x, tokens)
        restore(model)
        plain = predicted(model, x, tokens)
        hooks = [
            model.unet.get_submodule(name).register_forward_hook(branch(*pair, 0.7))
            for name, pair in pairs.items()
        ]
        beside = predicted(model, x, tokens)
        for hook in hooks:
            hook.remove()
    assert (merged - beside).abs().max() < 1e-5
    assert (merged - plain).abs().max() > 1e-3


def branch(down: Tensor, up: Tensor, weight: float) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    """What LoRA is by its paper: two more layers beside one that stays as it is."""

    def add(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        if down.dim() == 2:
            return output + functional.linear(functional.linear(inputs[0], down), up) * weight
        assert isinstance(module, nn.Conv2d)
        inner = functional.conv2d(inputs[0], down, None, module.stride, module.padding)
        return output + functional.conv2d(inner, up) * weight

    return add


def texts(model: LoadedModel) -> Tensor:
    with torch.inference_mode():
        hidden: Tensor = network(model, TEXT)(torch.arange(77)[None]).last_hidden_state
    return hidden


def predicted(model: LoadedModel, x: Tensor, tokens: Tensor) -> Tensor:
    output: Tensor = model.unet(x, torch.tensor([9]), tokens, return_dict=False)[0]
    return output


@pytest.mark.parametrize("inner", ["", ".text_model"])
def test_diffusers_draws_the_same_with_the_same_file(
    model: LoadedModel, tmp_path: Path, inner: str
) -> None:
    pytest.importorskip("peft", reason="diffusers loads LoRAs with peft, which Easel does not need")
    pairs, text = matrices(model, [TO_Q, TO_OUT]), matrices(model, [TEXT_Q], TEXT)
    lora = load_lora(written(tmp_path / "a.safetensors", peft(pairs, text, inner)), CPU)
    pipeline = StableDiffusionPipeline.from_pretrained(
        model.checkpoint.path, torch_dtype=torch.float32
    )
    file = written(tmp_path / "theirs.safetensors", peft(pairs, text)).path
    pipeline.load_lora_weights(file, adapter_name="a")
    pipeline.set_adapters(["a"], [0.7])
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for part in (UNET, TEXT):
            model.merged.use(part, network(model, part), ((lora, 0.7),))
        tokens = texts(model)
        ours = predicted(model, x, tokens)
        restore(model)
        plain = texts(model)
        theirs_tokens = pipeline.text_encoder(torch.arange(77)[None]).last_hidden_state
        theirs = pipeline.unet(x, torch.tensor([9]), theirs_tokens, return_dict=False)[0]
    assert (tokens - theirs_tokens).abs().max() < 1e-5
    assert (tokens - plain).abs().max() > 1e-3
    assert (ours - theirs).abs().max() < 1e-5


def test_kohyas_names_and_the_first_diffusers_names_mean_the_same(
    model: LoadedModel, tmp_path: Path
) -> None:
    pairs, texts = matrices(model, [TO_Q, TO_OUT]), matrices(model, [TEXT_Q], TEXT)
    old = {}
    for name, (down, up) in pairs.items():
        module = name.replace(".to_", ".processor.to_").removesuffix(".0")
        old[f"unet.{module}_lora.down.weight"], old[f"unet.{module}_lora.up.weight"] = down, up
    files = {
        "peft": peft(pairs, texts), "kohya": kohya(pairs, texts, RANK), "old": old,
    }  # fmt: skip
    loras = {
        name: load_lora(written(tmp_path / f"{name}.safetensors", tensors), CPU)
        for name, tensors in files.items()
    }
    assert set(loras["peft"].changes) == set(loras["kohya"].changes)
    unet = {place for place in loras["peft"].changes if place[0] == UNET}
    assert set(loras["old"].changes) == unet
    for place in unet:
        first, *others = (low_rank(lora, place) for lora in loras.values())
        assert all(torch.equal(first.down, o.down) and o.scale == 1.0 for o in others)


def low_rank(lora: LoadedLora, place: tuple[str, str]) -> LowRank:
    change = lora.changes[place]
    assert isinstance(change, LowRank)
    return change


def test_the_header_may_state_alpha(model: LoadedModel, tmp_path: Path) -> None:
    tensors = peft(matrices(model, [TO_Q, TO_OUT]), matrices(model, [TEXT_Q], TEXT))
    plain = load_lora(written(tmp_path / "plain.safetensors", tensors), CPU)
    ours = load_lora(written(tmp_path / "ours.safetensors", tensors, {"alpha": "8"}), CPU)
    settings = {
        "unet.lora_alpha": 3, "unet.alpha_pattern": {TO_OUT: 5}, "text_encoder.lora_alpha": 1,
    }  # fmt: skip
    header = {"lora_adapter_metadata": json.dumps(settings)}
    theirs = load_lora(written(tmp_path / "theirs.safetensors", tensors, header), CPU)
    assert scales(plain) == [1.0, 1.0, 1.0]
    assert scales(ours) == [4.0, 4.0, 4.0]
    assert scales(theirs) == [0.5, 1.5, 2.5]


def scales(lora: LoadedLora) -> list[float]:
    return sorted(low_rank(lora, place).scale for place in lora.changes)


def test_a_lora_for_another_model_is_named_and_changes_nothing(
    model: LoadedModel, tmp_path: Path
) -> None:
    fits = matrices(model, [CONV])
    wide = {TO_Q: (torch.ones(RANK, 320), torch.ones(320, RANK))}
    strange = {"mid_block.attentions.7.to_q": (torch.ones(RANK, 4), torch.ones(4, RANK))}
    before = weights(model)
    good = load_lora(written(tmp_path / "good.safetensors", peft(fits)), CPU)
    for wrong, has in ((wide, r"one of shape \(32, 32\)"), (strange, "none")):
        info = written(tmp_path / "bad.safetensors", peft({**fits, **wrong}))
        with pytest.raises(JobFailed, match=rf"'loras/bad' is made for another model.*has {has}"):
            model.merged.use(UNET, model.unet, ((good, 1.0), (load_lora(info, CPU), 1.0)))
        assert all(torch.equal(now, before[name]) for name, now in weights(model).items())


@pytest.mark.parametrize(
    ("tensors", "why"),
    [
        ({}, "holds no tensors of a LoRA"),
        ({f"unet.{TO_Q}.vera_b": torch.ones(2, 2)}, "no piece of a LoRA that we know"),
        ({f"unet.{TO_Q}.lora_A.weight": torch.ones(2, 4)}, "has only down and lacks up"),
        ({"decoder.x.lora_A.weight": torch.ones(2, 4)}, "neither in a UNet nor"),
        (
            {
                f"unet.{TO_Q}.lora_A.weight": torch.ones(2, 4),
                f"unet.{TO_Q}.lora_B.weight": torch.ones(4, 3),
            },
            "cannot be multiplied",
        ),
    ],
)
def test_a_file_that_is_no_lora_says_why(
    tmp_path: Path, tensors: dict[str, Tensor], why: str
) -> None:
    with pytest.raises(BrokenModel, match=why):
        load_lora(written(tmp_path / "bad.safetensors", tensors), CPU)


def test_a_missing_or_truncated_file_is_named(model: LoadedModel, tmp_path: Path) -> None:
    info = written(tmp_path / "a.safetensors", peft(matrices(model, [TO_Q])))
    Path(info.path).write_bytes(Path(info.path).read_bytes()[:40])
    with pytest.raises(BrokenModel, match="'loras/a'"):
        load_lora(info, CPU)
    Path(info.path).unlink()
    with pytest.raises(BrokenModel, match="'loras/a'"):
        load_lora(info, CPU)


def test_the_first_ranks_alone_change_the_weight_at_the_scale_of_all(
    model: LoadedModel, tmp_path: Path
) -> None:
    pairs = matrices(model, [TO_Q, CONV])
    whole = load_lora(written(tmp_path / "a.safetensors", kohya(pairs, {}, alpha=6.0)), CPU)
    first = whole.first_ranks(1)
    before = weights(model)
    model.merged.use(UNET, model.unet, ((first, 1.0),))
    after = weights(model)
    restore(model)
    for name, (down, up) in pairs.items():
        old = before[f"{name}.weight"]
        expected = old + 6.0 / RANK * change((down[:1], up[:, :1]), old)
        assert torch.allclose(after[f"{name}.weight"], expected, atol=1e-6)
    assert whole.first_ranks(None) is whole
    assert patch_key(((first, 1.0),)) == patch_key(((whole.first_ranks(1), 1.0),))
    assert patch_key(((first, 1.0),)) != patch_key(((whole, 1.0),))


def test_a_picture_draws_with_the_loras_and_weights_of_its_own_text(
    model: LoadedModel, tmp_path: Path
) -> None:
    tensors = kohya(matrices(model, [TO_Q]), matrices(model, [TEXT_Q], TEXT), alpha=500.0)
    info = written(tmp_path / "a.safetensors", tensors)
    uses = [
        {"adapter": info.id, "weight": 1.0},
        {"adapter": info.id, "weight": 1.0, "text_weight": 0},
    ]
    texts = [
        {"prompt": "a <lora:a:1> house", "negative_prompt": "", "loras": [use]} for use in uses
    ] + [{"prompt": "a  house", "negative_prompt": ""}]
    rig = Rig(model)
    rig.finish(order(model.checkpoint, "each", adapters=(info,), texts=texts, count=3))
    for i, use in enumerate([[uses[0]], [uses[1]], []]):
        given = (info,) if use else ()
        fields: dict[str, Any] = {"prompt": "a  house", "seed": 7 + i}
        rig.finish(
            order(model.checkpoint, f"alone{i}", adapters=given, loras=use, **fields),
            order(model.checkpoint, f"without{i}", **fields),
        )
        (alone,) = rig.pictures(f"alone{i}")
        apart = abs(rig.pictures("each")[i].astype(int) - alone.astype(int)).max()
        assert apart <= 1
        (without,) = rig.pictures(f"without{i}")
        assert (abs(alone.astype(int) - without.astype(int)).max() > 1) == bool(use)
    encodes = {work.text: work.patches for work in rig.works(EncodeText)}
    assert "a <lora:a:1> house" not in encodes
    assert len(rig.works(EncodeText)) >= 3
