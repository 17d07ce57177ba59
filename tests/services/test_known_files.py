"""Files that people own and that are not drawn with are named, each from its header alone."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.services.models import write_json
from tests.weights.test_control_files import original
from tests.weights.test_ip_adapter_files import places, published
from tests.weights.test_t2i_files import published as t2i
from webui.contracts.errors import NotAModel
from webui.contracts.ids import AdapterId
from webui.services.adapter_files import describe_controlnet
from webui.services.catalog import Catalog
from webui.weights.known_kinds import KINDS, known_class, known_kind

Shapes = Mapping[str, tuple[int, ...]]
MOTION = "down_blocks.0.motion_modules.0.temporal_transformer"
FLUX = "double_blocks.0.img_attn.qkv.weight"
UNET = "model.diffusion_model."
OWNED: tuple[tuple[str, str, Shapes], ...] = (
    ("loras/v2_lora_ZoomIn.ckpt", "a MotionLoRA of AnimateDiff", {
        f"{MOTION}.transformer_blocks.0.attention_blocks.0.processor.to_q_lora.down.weight": (128, 320),
        f"{MOTION}.transformer_blocks.0.attention_blocks.0.processor.to_q_lora.up.weight": (320, 128)}),
    ("controlnet/v3_sd15_sparsectrl_rgb.ckpt", "a SparseCtrl controlnet", {
        f"module.{MOTION}.norm.weight": (320,), "module.controlnet_cond_embedding.conv_in.weight": (16, 5, 3, 3)}),
    ("mm_sd_v15.ckpt", "a motion module of AnimateDiff", {f"module.{MOTION}.norm.weight": (320,)}),
    ("animatediff/v3_sd15_mm.safetensors", "a motion module of AnimateDiff", {f"{MOTION}.norm.weight": (320,)}),
    ("ipadapter/instantid.bin", "the IP-Adapter of InstantID", {
        "image_proj.latents": (1, 16, 1280), "image_proj.proj_in.weight": (1280, 512), **places(2048, 2)}),
    ("pulid/pulid_flux_v0.9.1.safetensors", "PuLID", {
        "pulid_encoder.proj_out": (1024, 2048), "pulid_ca.0.to_q.weight": (2048, 3072)}),
    ("controlnet/pulid_v1.1.safetensors", "PuLID", {"id_adapter_attn_layers.1.id_to_k.weight": (640, 2048)}),
    ("photomaker-v1.bin", "PhotoMaker", {"id_encoder.visual_projection_2.weight": (1280, 1024)}),
    ("ipadapter/instantx.bin", "an IP-Adapter for FLUX (InstantX)", {
        "image_proj.proj.0.weight": (2304, 1152), "image_proj.norm.weight": (4096,),
        "ip_adapter.0.to_k_ip.weight": (3072, 4096), "ip_adapter.0.to_v_ip.weight": (3072, 4096)}),
    ("ipadapter/sd35.bin", "an IP-Adapter for Stable Diffusion 3 (InstantX)", {
        "image_proj.latents": (1, 64, 1280), "image_proj.proj_in.weight": (1280, 1152),
        "ip_adapter.0.norm_ip.linear.weight": (4864, 1280), "ip_adapter.0.to_k_ip.weight": (2432, 2432)}),
    ("style_models/flux1-redux-dev.safetensors", "FLUX Redux", {
        "redux_up.weight": (12288, 1152), "redux_down.weight": (4096, 12288)}),
    ("controlnet/coadapter-fuser-sd15v1.pth", "the fuser of CoAdapters", {
        "spatial_feat_mapping.0.1.weight": (768, 320), "seq_proj": (768, 768)}),
    ("controlnet/kohya_controllllite_xl_blur.safetensors", "a ControlNet-LLLite", {
        "lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.conditioning1.0.weight": (16, 3, 4, 4)}),
    ("controlnet/qwen_union.safetensors", "a controlnet for Qwen-Image", {
        "controlnet_blocks.0.weight": (3072, 3072), "controlnet_x_embedder.weight": (3072, 64),
        "txt_norm.weight": (3584,), "transformer_blocks.0.img_mod.1.weight": (18432, 3072)}),
    ("ella-sd1.5-tsc-t5xl.safetensors", "ELLA", {
        "connector.latents": (64, 768), "time_embedding.linear_1.weight": (768, 320)}),
    ("svd_xt.safetensors", "Stable Video Diffusion", {
        f"{UNET}input_blocks.0.0.weight": (320, 8, 3, 3),
        f"{UNET}input_blocks.1.1.time_stack.0.attn1.to_q.weight": (320, 320)}),
    ("wan2.1_t2v_14B.safetensors", "Wan", {"head.modulation": (1, 2, 5120), "blocks.0.self_attn.q.weight": (5120, 5120)}),
    ("wan2.2_comfy.safetensors", "Wan", {
        f"{UNET}head.modulation": (1, 2, 5120), f"{UNET}blocks.0.self_attn.q.weight": (5120, 5120)}),
    ("vae/wan_2.1_vae.safetensors", "the first stage of Wan", {"decoder.middle.0.residual.0.gamma": (384, 1, 1, 1)}),
    ("ltx-video-2b.safetensors", "LTX-Video", {f"{UNET}patchify_proj.weight": (2048, 128)}),
    ("hunyuan_video_t2v_720p.safetensors", "HunyuanVideo", {
        "txt_in.individual_token_refiner.blocks.0.norm1.weight": (3072,), FLUX: (9216, 3072)}),
    ("cogvideox.safetensors", "CogVideoX", {"patch_embed.text_proj.weight": (3072, 4096)}),
    ("mochi_preview.safetensors", "Mochi", {"t5_yproj.weight": (1536, 4096)}),
    ("cosmos_predict2.safetensors", "Cosmos", {"net.x_embedder.proj.1.weight": (2048, 68)}),
    ("chroma-unlocked-v48.safetensors", "Chroma", {
        "distilled_guidance_layer.norms.0.scale": (5120,), FLUX: (9216, 3072), "img_in.weight": (3072, 64)}),
    ("flux2-dev.safetensors", "FLUX.2", {
        "double_stream_modulation_img.lin.weight": (36864, 6144), FLUX: (18432, 6144)}),
    ("qwen_image_fp8.safetensors", "Qwen-Image", {
        "txt_norm.weight": (3584,), "transformer_blocks.0.img_mod.1.weight": (18432, 3072)}),
    ("lumina_2.safetensors", "Lumina, or Z-Image", {
        f"{UNET}cap_embedder.1.weight": (2304, 2304), f"{UNET}noise_refiner.0.attention.qkv.weight": (3840, 2304)}),
    ("hunyuan_dit_1.2.safetensors", "Hunyuan-DiT", {f"{UNET}mlp_t5.0.weight": (8192, 2048)}),
    ("sana_1600m.pth", "Sana", {"attention_y_norm.weight": (2304,), "y_embedder.y_embedding": (300, 2304),
                                "t_block.1.weight": (13440, 2240)}),
    ("PixArt-Sigma-XL-2-1024-MS.pth", "PixArt", {
        "t_block.1.weight": (6912, 1152), "y_embedder.y_embedding": (300, 4096)}),
    ("hidream_i1.safetensors", "HiDream", {"caption_projection.0.linear.weight": (2560, 4096)}),
    ("aura_flow_0.3.safetensors", "AuraFlow", {f"{UNET}double_layers.0.attn.w1q.weight": (3072, 3072)}),
    ("stable_cascade_stage_c.safetensors", "Stable Cascade", {
        f"{UNET}clf.1.weight": (16, 2048), f"{UNET}clip_txt_mapper.weight": (2048, 1280)}),
    ("kandinsky_2_2.safetensors", "Kandinsky", {
        "add_embedding.image_proj.weight": (1536, 1280), "encoder_hid_proj.image_embeds.weight": (24576, 1280)}),
    ("kolors.safetensors", "Kolors", {"encoder_hid_proj.weight": (2048, 4096), "conv_in.weight": (320, 4, 3, 3)}),
    ("upscalers/GFPGANv1.4.pth", "GFPGAN", {"params_ema.stylegan_decoder.style_mlp.1.weight": (512, 512)}),
    ("upscalers/codeformer.pth", "CodeFormer", {
        "params_ema.fuse_convs_dict.32.scale.0.weight": (256, 256, 3, 3), "params_ema.position_emb": (256, 512)}),
    ("text_encoders/t5xxl_fp16.safetensors", "the text encoder T5 alone", {
        "encoder.block.0.layer.0.SelfAttention.q.weight": (4096, 4096)}),
    ("sams/sam_vit_b.pth", "a segmenter (Segment Anything)", {"mask_decoder.iou_token.weight": (1, 256)}),
    ("depth_anything_v2_vitl.pth", "an estimator of depth", {
        "depth_head.scratch.output_conv1.weight": (128, 256, 3, 3)}),
)  # fmt: skip
"""Where each lies, what it is, and some of what it holds, as published."""


def write_sparse(file: Path, shapes: Shapes) -> None:
    """A file whose header is real and whose numbers take no room; the ending does not tell its format."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<Q", len(raw)) + raw)
    os.truncate(file, 8 + len(raw) + at)


def test_each_is_named_where_it_lies_and_none_is_taken_for_something_else(tmp_path: Path) -> None:
    for place, _, shapes in OWNED:
        write_sparse(tmp_path / place, shapes)
    catalog = Catalog([tmp_path])
    said = {str(Path(path).relative_to(tmp_path)): why for path, why in catalog.problems()}
    assert (catalog.models(), catalog.adapters()) == ((), ())
    for place, name, _ in OWNED:
        assert said[place].startswith(f"It is {name}"), place
        assert "which is not drawn with here: " in said[place]


def test_every_kind_is_among_them() -> None:
    found = [known_kind(shapes) for _, _, shapes in OWNED]
    assert {kind.name for kind in found if kind is not None} == {kind.name for kind in KINDS}


def test_a_sentence_says_what_it_is_why_not_and_what_would_do() -> None:
    for kind in KINDS:
        assert kind.sentence.endswith("."), kind.name
        assert kind.instead[0].isupper(), kind.name
        assert not kind.because.endswith("."), kind.name


def test_each_mark_leads_to_its_own_kind() -> None:
    for kind in KINDS:
        for mark in kind.marks:
            shapes: dict[str, tuple[int, ...]] = dict.fromkeys(mark, (8, 8))
            shapes |= {name: (8, size) for name, size in kind.columns}
            assert known_kind(shapes) == kind, mark


def test_the_documentation_names_all() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    text = " ".join(text.split())
    assert [kind.name for kind in KINDS if kind.name not in text] == []


@pytest.mark.parametrize(
    "shapes",
    [
        original(), {**original(), "lora_controlnet": (0,)}, published("plain"), published("full"),
        published("plus"), t2i(8), t2i(16),
        {"style_embedding": (1, 8, 1024), "ln_pre.weight": (1024,), "proj": (1024, 768)},
        {"double_blocks.0.processor.ip_adapter_double_stream_k_proj.weight": (3072, 4096)},
        {"controlnet_blocks.0.weight": (3072, 3072), "controlnet_x_embedder.weight": (3072, 64)},
        {"controlnet_blocks.0.weight": (3072, 3072), FLUX: (9216, 3072)},
        {"controlnet_blocks.0.weight": (2432, 2432), "pos_embed_input.proj.weight": (2432, 16, 2, 2)},
        {FLUX: (9216, 3072), "img_in.weight": (3072, 64)},
        {"joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536), "x_embedder.proj.weight": (1536, 16, 2, 2)},
        {"text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight": (4096, 4096)},
    ],
)  # fmt: skip
def test_what_is_drawn_with_is_none_of_them(shapes: Shapes) -> None:
    assert known_kind(shapes) is None


def test_half_of_a_mark_is_not_enough() -> None:
    assert known_kind({"head.modulation": (1, 2, 8)}) is None
    mixed = {"net.head.modulation": (1, 2, 8), "blocks.0.self_attn.q.weight": (8, 8)}
    assert known_kind(mixed) is None


def test_a_folder_says_it_by_its_class(tmp_path: Path) -> None:
    write_json(tmp_path / "union" / "config.json", {"_class_name": "QwenImageControlNetModel"})
    with pytest.raises(
        NotAModel, match="It is a controlnet for Qwen-Image, which is not drawn with here"
    ):
        describe_controlnet(tmp_path / "union", AdapterId("union"))
    assert known_class("ControlNetModel") is None
    assert known_class(None) is None
