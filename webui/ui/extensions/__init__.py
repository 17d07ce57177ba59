"""The extensions tab, and what extensions add to the page."""
