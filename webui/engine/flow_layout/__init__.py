"""The published layouts of flow models' transformers, brought to diffusers' names."""
