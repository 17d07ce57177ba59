"""HTTP and its guard."""
