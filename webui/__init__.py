"""Easel, a web studio for latent diffusion."""

VERSION = "0.1.0"
"""As in CHANGELOG.md."""
