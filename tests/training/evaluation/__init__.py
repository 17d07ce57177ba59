"""Tests of how the starter models are measured."""
