"""A LoRA for SDXL in the names that its trainers write: the original code's, and two text encoders'."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.engine.families.tiny_xl import write_tiny_xl
from tests.engine.rig import Rig, order
from webui.contracts.adapter import AdapterInfo
from webui.contracts.ids import AdapterId
from webui.engine.families.registry import load_model
from webui.engine.noise import NoiseStream
from webui.engine.work import DecodeLatent

CPU = torch.device("cpu")
PLACES = {
    "lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q": (
        "unet", "mid_block.attentions.0.transformer_blocks.0.attn1.to_q",
    ),
    "lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k": (
        "unet", "mid_block.attentions.0.transformer_blocks.0.attn2.to_k",
    ),
    "lora_te1_text_model_encoder_layers_0_mlp_fc1": ("text_encoder", "encoder.layers.0.mlp.fc1"),
    "lora_te2_text_model_encoder_layers_0_self_attn_q_proj": (
        "text_encoder_2", "encoder.layers.0.self_attn.q_proj",
    ),
}  # fmt: skip
"""Name in the file to part and module."""


def layer(pipeline: Any, part: str, name: str) -> nn.Linear:
    network: nn.Module = getattr(pipeline, part)
    found = [m for n, m in network.named_modules() if n.removeprefix("text_model.") == name]
    assert len(found) == 1
    assert isinstance(found[0], nn.Linear)
    return found[0]


def test_the_picture_is_that_of_a_pipeline_with_weights_merged_by_hand(tmp_path: Path) -> None:
    checkpoint = write_tiny_xl(tmp_path / "xl")
    pipeline = StableDiffusionXLPipeline.from_pretrained(
        checkpoint.path, local_files_only=True, torch_dtype=torch.float32
    )
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    tensors: dict[str, Tensor] = {}
    for name, (part, module) in PLACES.items():
        weight = layer(pipeline, part, module).weight
        down = torch.randn(2, weight.shape[1], generator=generator) * 0.2
        up = torch.randn(weight.shape[0], 2, generator=generator) * 0.2
        tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
        tensors[f"{name}.alpha"] = torch.tensor(1.0)
        weight.data += 0.7 * 0.5 * up @ down
    save_file(tensors, tmp_path / "a.safetensors")
    info = AdapterInfo(AdapterId("loras/a"), "lora", "a", str(tmp_path / "a.safetensors"), 1)
    model = load_model(checkpoint, CPU)
    rig = Rig(model)
    fields: dict[str, Any] = {
        "prompt": "a red house", "negative_prompt": "grey", "sampler": "Euler", "schedule": "Uniform",
        "steps": 3, "guidance_scale": 5.0, "width": 64, "height": 64,
    }  # fmt: skip
    use = [{"adapter": info.id, "weight": 0.7}]
    rig.finish(
        order(model.checkpoint, "with", adapters=(info,), loras=use, **fields),
    )
    ours = rig.works(DecodeLatent)[-1].latent
    theirs = pipeline(
        "a red house", negative_prompt="grey", num_inference_steps=3, guidance_scale=5.0, width=64,
        height=64, output_type="latent", latents=NoiseStream(7, model.latent_shape(64, 64), CPU)(),
    ).images  # fmt: skip
    assert (ours - theirs).abs().max() < 1e-4 * max(1.0, float(theirs.std()))
    rig.finish(order(model.checkpoint, "without", **fields))
    plain = rig.works(DecodeLatent)[-1].latent
    assert (ours - plain).abs().max() > 1e-2
