"""Makings: recipes, the list, the program."""
