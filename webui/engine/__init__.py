"""Torch, and only here and in training: networks, samplers and the tick that serves many jobs."""
