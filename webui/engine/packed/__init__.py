"""Weights that stay packed in memory: GGUF's blocks and scaled eight-bit floats, unpacked where a layer is reached."""
