"""Networks in the layout of the original latent-diffusion code become diffusers', which compute the same."""
