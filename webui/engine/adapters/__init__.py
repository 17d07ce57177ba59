"""Weights that change or steer a loaded model: LoRAs and controlnets."""
