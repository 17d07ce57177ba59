"""Measurements of a running studio: `python launch.py bench`."""
