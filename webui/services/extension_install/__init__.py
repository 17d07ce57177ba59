"""Installs extensions: fetched and shown first, then put in place; what was there can be taken back."""
