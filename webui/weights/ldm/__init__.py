"""What a file in the layout of the original latent-diffusion code holds, read from its names and shapes."""
