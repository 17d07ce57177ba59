"""Tests of the illustrated world."""
