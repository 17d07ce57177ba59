"""How the starter models are measured: against truth, against a baseline, with how many samples."""
