"""The extension host: `specs.py` is the only list of extension points."""
