"""The latent-diffusion paper's own models, in the layout of the original code."""
