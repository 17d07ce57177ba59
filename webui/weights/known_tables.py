"""The tables of `known_kinds`: names of tensors, as they were published, by which each kind is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownKind:
    """A kind of file that is not drawn with."""

    name: str
    """With its article."""
    because: str
    """Why not, behind a colon."""
    instead: str
    """A sentence on what would do."""
    marks: tuple[tuple[str, ...], ...]
    """Names of tensors; all of one of these are in every such file."""
    columns: tuple[tuple[str, int], ...] = ()
    """Second sizes of tensors that tell it from others of the same names."""
    classes: tuple[str, ...] = ()
    """What diffusers calls its network in a `config.json`."""

    @property
    def sentence(self) -> str:
        """What is said of such a file."""
        return f"It is {self.name}, which is not drawn with here: {self.because}. {self.instead}"


_PICTURES = "it makes films, and single pictures are drawn here"
_STILL = "Use a model of pictures: Stable Diffusion 1 to 3.5, XL or FLUX."
_OTHER = "its network is of a family that is not known here"
_MODEL = "Use a model of Stable Diffusion 1 to 3.5, XL or FLUX."
_FACE = "it is told of a face by a recogniser, which is not here"
_LOOK = (
    "An IP-Adapter that reads pictures, such as ip-adapter-plus-face, takes a face's look from one."
)
_UNETS = "pictures steer the UNets of Stable Diffusion 1, 2 and XL alone"
_IMG2IMG = "Use img2img, or a model of XL with its controlnets and IP-Adapters."
_MOTION = "down_blocks.0.motion_modules.0.temporal_transformer"
_BLOCK = f"{_MOTION}.transformer_blocks.0.attention_blocks.0"

ADAPTERS = (
    KnownKind(
        "a MotionLoRA of AnimateDiff", _PICTURES, "Use a LoRA that was trained on pictures.",
        ((f"{_BLOCK}.processor.to_q_lora.down.weight",),),
    ),
    KnownKind(
        "a SparseCtrl controlnet of AnimateDiff", _PICTURES, "Use a controlnet for pictures.",
        ((f"{_MOTION}.norm.weight", "controlnet_cond_embedding.conv_in.weight"),
         (f"{_MOTION}.norm.weight", "input_hint_block.0.weight")),
        classes=("SparseControlNetModel",),
    ),
    KnownKind(
        "a motion module of AnimateDiff", _PICTURES, "Draw with the model that it is for, without it.",
        ((f"{_MOTION}.norm.weight",), ("mid_block.motion_modules.0.temporal_transformer.norm.weight",)),
        classes=("MotionAdapter", "UNetMotionModel"),
    ),
    KnownKind(
        "the IP-Adapter of InstantID", _FACE, _LOOK,
        (("image_proj.latents", "image_proj.proj_in.weight"),), columns=(("image_proj.proj_in.weight", 512),),
    ),
    KnownKind(
        "PuLID", _FACE, _LOOK,
        (("pulid_ca.0.to_q.weight",), ("id_adapter_attn_layers.1.id_to_k.weight",),
         ("id_adapter_attn_layers.0.id_to_k.weight",)),
    ),
    KnownKind(
        "PhotoMaker", "it mixes what an encoder of its own sees into words of the prompt", _LOOK,
        (("id_encoder.visual_projection_2.weight",),),
    ),
    KnownKind(
        "an IP-Adapter for Stable Diffusion 3 (InstantX)", _UNETS, _IMG2IMG,
        (("ip_adapter.0.norm_ip.linear.weight",),),
    ),
    KnownKind(
        "an IP-Adapter for FLUX (InstantX)", _UNETS, _IMG2IMG,
        (("ip_adapter.0.to_k_ip.weight",),), columns=(("ip_adapter.0.to_k_ip.weight", 4096),),
    ),
    KnownKind("FLUX Redux", _UNETS, _IMG2IMG, (("redux_up.weight", "redux_down.weight"),),
              classes=("ReduxImageEncoder",)),
    KnownKind(
        "the fuser of CoAdapters", "it joins several adapters into one",
        "Several T2I-Adapters can steer a picture beside one another, each in a unit of its own.",
        (("spatial_feat_mapping.0.1.weight", "seq_proj"), ("spatial_feat_mapping.0.1.weight",)),
    ),
    KnownKind(
        "a ControlNet-LLLite", "it changes the inputs of a UNet's attention one by one",
        "Use a controlnet or a Control-LoRA for XL.",
        (("lllite_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q.conditioning1.0.weight",),),
    ),
    KnownKind(
        "a controlnet for Qwen-Image", _UNETS, _IMG2IMG, (("controlnet_blocks.0.weight", "txt_norm.weight"),),
        classes=("QwenImageControlNetModel",),
    ),
    KnownKind(
        "ELLA", "it puts a language model in place of CLIP's text encoder",
        "Draw with the model that it is for, without it; a long prompt is read in rows of 75 tokens.",
        (("connector.latents", "time_embedding.linear_1.weight"),),
    ),
)  # fmt: skip

FILMS = (
    KnownKind(
        "Stable Video Diffusion", _PICTURES, _STILL,
        (("input_blocks.1.1.time_stack.0.attn1.to_q.weight",),
         ("down_blocks.0.attentions.0.temporal_transformer_blocks.0.attn1.to_q.weight",)),
        classes=("UNetSpatioTemporalConditionModel",),
    ),
    KnownKind(
        "Wan", _PICTURES, _STILL,
        (("head.modulation", "blocks.0.self_attn.q.weight"),
         ("blocks.0.attn1.to_q.weight", "condition_embedder.time_embedder.linear_1.weight")),
        classes=("WanTransformer3DModel",),
    ),
    KnownKind(
        "the first stage of Wan", "its latents are those of no model that is drawn with",
        "Leave it out: each model has its own first stage.", (("decoder.middle.0.residual.0.gamma",),),
        classes=("AutoencoderKLWan",),
    ),
    KnownKind("LTX-Video", _PICTURES, _STILL, (("patchify_proj.weight",),), classes=("LTXVideoTransformer3DModel",)),
    KnownKind(
        "HunyuanVideo", _PICTURES, _STILL, (("txt_in.individual_token_refiner.blocks.0.norm1.weight",),),
        classes=("HunyuanVideoTransformer3DModel",),
    ),
    KnownKind("CogVideoX", _PICTURES, _STILL, (("patch_embed.text_proj.weight",),),
              classes=("CogVideoXTransformer3DModel",)),
    KnownKind("Mochi", _PICTURES, _STILL, (("t5_yproj.weight",),), classes=("MochiTransformer3DModel",)),
    KnownKind(
        "Cosmos, or a model made of it", _OTHER, _MODEL, (("x_embedder.proj.1.weight",),),
        classes=("CosmosTransformer3DModel",),
    ),
)  # fmt: skip

MODELS = (
    KnownKind(
        "Chroma", "its network has FLUX's blocks and is told time and guidance by a network of its own", _MODEL,
        (("distilled_guidance_layer.norms.0.scale",), ("distilled_guidance_layer.in_proj.weight",)),
        classes=("ChromaTransformer2DModel",),
    ),
    KnownKind("FLUX.2", _OTHER, "Use a model of FLUX.1.", (("double_stream_modulation_img.lin.weight",),),
              classes=("Flux2Transformer2DModel",)),
    KnownKind(
        "Qwen-Image", _OTHER, _MODEL, (("txt_norm.weight", "transformer_blocks.0.img_mod.1.weight"),),
        classes=("QwenImageTransformer2DModel",),
    ),
    KnownKind(
        "Lumina, or Z-Image", _OTHER, _MODEL,
        (("cap_embedder.1.weight", "noise_refiner.0.attention.qkv.weight"),
         ("cap_embedder.1.weight", "noise_refiner.0.attention.to_q.weight"),
         ("cap_embedder.1.weight", "layers.0.attention.wq.weight"),
         ("time_caption_embed.caption_embedder.0.weight",)),
        classes=("Lumina2Transformer2DModel", "LuminaNextDiT2DModel", "ZImageTransformer2DModel"),
    ),
    KnownKind("Hunyuan-DiT", _OTHER, _MODEL, (("mlp_t5.0.weight",), ("text_embedding_padding",)),
              classes=("HunyuanDiT2DModel",)),
    KnownKind("Sana", _OTHER, _MODEL, (("attention_y_norm.weight",),), classes=("SanaTransformer2DModel",)),
    KnownKind(
        "PixArt", _OTHER, _MODEL,
        (("t_block.1.weight", "y_embedder.y_embedding"), ("t_block.1.weight", "y_embedder.y_proj.fc1.weight"),
         ("adaln_single.linear.weight", "caption_projection.linear_1.weight", "pos_embed.proj.weight")),
        classes=("PixArtTransformer2DModel",),
    ),
    KnownKind("HiDream", _OTHER, _MODEL, (("caption_projection.0.linear.weight",),),
              classes=("HiDreamImageTransformer2DModel",)),
    KnownKind("AuraFlow", _OTHER, _MODEL, (("double_layers.0.attn.w1q.weight",),),
              classes=("AuraFlowTransformer2DModel",)),
    KnownKind(
        "Stable Cascade", "it draws in three stages, each with a network of its own", _MODEL,
        (("clf.1.weight", "clip_txt_mapper.weight"), ("clf.1.weight", "clip_mapper.weight"),
         ("clip_txt_pooled_mapper.weight",)),
        classes=("StableCascadeUNet",),
    ),
    KnownKind(
        "Kandinsky", _OTHER, _MODEL,
        (("add_embedding.image_proj.weight", "encoder_hid_proj.image_embeds.weight"),
         ("add_embedding.image_proj.weight", "add_embedding.text_proj.weight"),
         ("clip_mean", "clip_std", "prd_embedding"),
         ("visual_transformer_blocks.0.cross_attention.key_norm.weight",)),
        classes=("PriorTransformer", "Kandinsky3UNet"),
    ),
    KnownKind(
        "Kolors", "its UNet is XL's, and reads by a language model (ChatGLM)", "Use a model of XL.",
        (("encoder_hid_proj.weight", "conv_in.weight"),),
        columns=(("encoder_hid_proj.weight", 4096), ("conv_in.weight", 4)),
    ),
)  # fmt: skip

FACES = (
    KnownKind(
        "GFPGAN", "it restores faces that were found and cut out before",
        "The extension 'detailer' draws a face anew, larger; an upscaler network enlarges the whole picture.",
        (("stylegan_decoder.style_mlp.1.weight",),),
    ),
    KnownKind(
        "CodeFormer", "it restores faces that were found and cut out before",
        "The extension 'detailer' draws a face anew, larger; an upscaler network enlarges the whole picture.",
        (("fuse_convs_dict.32.scale.0.weight", "position_emb"),),
    ),
)  # fmt: skip

LONE_PARTS = (
    KnownKind(
        "the text encoder T5 alone", "it is a part of a model, and no model",
        "SD 3 and FLUX have it in their diffusers folders, or in one file with all parts.",
        (("encoder.block.0.layer.0.SelfAttention.q.weight",),),
    ),
    KnownKind(
        "a segmenter (Segment Anything)", "masks are painted here, or made of photographs by SegFormer",
        "Put a SegFormer of transformers into a folder of its own.", (("mask_decoder.iou_token.weight",),),
    ),
    KnownKind(
        "an estimator of depth (Depth Anything)", "depth maps are given as pictures",
        "Give a depth map that another program made.", (("depth_head.scratch.output_conv1.weight",),),
    ),
)  # fmt: skip
