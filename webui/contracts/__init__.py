"""The vocabulary that every floor of the house shares: no torch, no Gradio, no HTTP."""
