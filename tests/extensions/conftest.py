"""Tiny models for the examples."""

from tests.engine.conftest import library, one_thread

__all__ = ["library", "one_thread"]
