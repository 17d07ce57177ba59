from __future__ import annotations

import pytest

from webui.contracts.lora_keys import TEXT, TEXT_2, TEXT_3, UNET, pieces_in, split_key, split_keys

TO_Q = "down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"


@pytest.mark.parametrize(
    ("key", "place", "piece"),
    [
        ("lora_unet_mid_block_x_proj_in.lora_down.weight", (UNET, "mid_block_x_proj_in"), "down"),
        ("unet.mid_block.x.proj_in.lora_B.weight", (UNET, "mid_block_x_proj_in"), "up"),
        ("base_model.model.mid_block.x.lora_A.default.weight", (UNET, "mid_block_x"), "down"),
        ("transformer.blocks.0.to_q.lora_A.weight", (UNET, "blocks_0_to_q"), "down"),
        ("unet.x.processor.to_out_lora.up.weight", (UNET, "x_to_out_0"), "up"),
        ("mid_block.x.processor.to_q_lora.down.weight", (UNET, "mid_block_x_to_q"), "down"),
        ("unet.x.to_q.lora_linear_layer.down.weight", (UNET, "x_to_q"), "down"),
        ("lora_te_text_model_encoder_fc1.alpha", (TEXT, "encoder_fc1"), "alpha"),
        ("lora_te1_text_model_encoder_fc1.dora_scale", (TEXT, "encoder_fc1"), "magnitude"),
        ("lora_te2_text_model_encoder_fc1.hada_w1_a", (TEXT_2, "encoder_fc1"), "hada_w1_a"),
        ("text_encoder_2.text_model.fc1.lora_A.weight", (TEXT_2, "fc1"), "down"),
        ("lora_te3_encoder_block_0.lokr_w2", (TEXT_3, "encoder_block_0"), "lokr_w2"),
        ("unet.x.lora_magnitude_vector.weight", (UNET, "x"), "magnitude"),
        ("lora_unet_x.a1.weight", (UNET, "x"), "a1"),
        ("lora_unet_x.weight", (UNET, "x"), "weight"),
        ("lora_unet_conv_in.diff_b", (UNET, "conv_in"), "diff_b"),
        ("lora_unet_x.lora_mid.weight", (UNET, "x"), "mid"),
        ("lora_unet_x.oft_blocks", (UNET, "x"), "oft_blocks"),
        ("lora_te_text_model_x.rescale", (TEXT, "x"), "rescale"),
        ("oft_unet_input_blocks_0_0.oft_blocks", (UNET, "conv_in"), "oft_blocks"),
        ("oft_unet_double_blocks_0_img_attn_qkv.oft_blocks.2",
         (UNET, "double_blocks_0_img_attn_qkv"), "oft_blocks_2"),
        ("double_blocks.3.processor.qkv_lora2.up.weight", (UNET, "double_blocks_3_txt_attn_qkv"), "up"),
        ("single_blocks.7.processor.proj_lora.down.weight", (UNET, "single_blocks_7_linear2"), "down"),
        ("lora_transformer_single_transformer_blocks_0_attn_to_q.lora_up.weight",
         (UNET, "single_transformer_blocks_0_attn_to_q"), "up"),
        ("base_model.model.unet.x.to_k.ia3_l", (UNET, "x_to_k"), "ia3_l"),
        ("unet.output_blocks.2.2.conv.lora_down.weight", (UNET, "up_blocks_0_upsamplers_0_conv"), "down"),
        ("clip_l.text_model.encoder.layers.0.mlp.fc1.alpha", (TEXT, "encoder_layers_0_mlp_fc1"), "alpha"),
        ("clip_g.text_model.encoder.x.lora_up.weight", (TEXT_2, "encoder_x"), "up"),
        ("t5.encoder.block.0.layer.1.DenseReluDense.wo.dora_scale",
         (TEXT_3, "encoder_block_0_layer_1_DenseReluDense_wo"), "magnitude"),
        ("lycoris_transformer_blocks_0_attn_to_q.lokr_w1",
         (UNET, "transformer_blocks_0_attn_to_q"), "lokr_w1"),
    ],
)  # fmt: skip
def test_every_spelling_is_read(key: str, place: tuple[str, str], piece: str) -> None:
    assert split_key(key) == (place, piece)


@pytest.mark.parametrize(
    ("original", "ours"),
    [
        ("input_blocks_4_1_transformer_blocks_0_attn1_to_q", TO_Q),
        ("input_blocks_3_0_op", "down_blocks_0_downsamplers_0_conv"),
        ("input_blocks_5_0_in_layers_2", "down_blocks_1_resnets_1_conv1"),
        ("middle_block_1_proj_in", "mid_block_attentions_0_proj_in"),
        ("middle_block_2_out_layers_3", "mid_block_resnets_1_conv2"),
        ("output_blocks_5_1_proj_out", "up_blocks_1_attentions_2_proj_out"),
        ("output_blocks_2_2_conv", "up_blocks_0_upsamplers_0_conv"),
        ("output_blocks_8_0_skip_connection", "up_blocks_2_resnets_2_conv_shortcut"),
        ("time_embed_2", "time_embedding_linear_2"),
        ("label_emb_0_0", "add_embedding_linear_1"),
        ("out_2", "conv_out"),
        ("input_blocks_0_0", "conv_in"),
    ],
)
def test_names_of_the_original_code_become_diffusers(original: str, ours: str) -> None:
    assert split_key(f"lora_unet_{original}.alpha")[0] == (UNET, ours)
    dotted = original.replace("_blocks_", "_blocks.")
    assert split_key(f"diffusion_model.{dotted}.alpha")[0] == (UNET, ours)


@pytest.mark.parametrize("key", ["lora_unet_x.vera_b", "decoder.x.lora_A.weight", "alpha"])
def test_other_names_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"it (holds|changes)"):
        split_key(key)


def test_the_pieces_of_a_place_are_found_among_other_tensors() -> None:
    keys = {"unet.x.lora_A.weight": 1, "unet.x.lora_B.weight": 2, "strange": 3}
    pieces = {"down": "unet.x.lora_A.weight", "up": "unet.x.lora_B.weight"}
    assert pieces_in(keys) == {(UNET, "x"): pieces}


def test_a_file_of_flux_has_t5_as_its_second_encoder_and_embeddings_are_no_pieces() -> None:
    t5, flux = "t5.encoder.x.alpha", "transformer.single_blocks.0.linear1.3.alpha"
    assert split_keys(["bundle_emb.ann.clip_l", t5]) == {t5: ((TEXT_3, "encoder_x"), "alpha")}
    assert split_keys([flux, t5])[t5] == ((TEXT_2, "encoder_x"), "alpha")
    with pytest.raises(ValueError, match="'odd'"):
        split_keys([t5, "odd"])
