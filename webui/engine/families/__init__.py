"""Model families: one file a family, an ordered table in `registry.py`."""
