"""Weights that change or steer a loaded model: LoRAs, controlnets, T2I-Adapters."""
