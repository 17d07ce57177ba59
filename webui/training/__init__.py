"""Training of the studio's own models."""
