"""Models that are made of others by a program of its own: merged, converted, with LoRAs in them."""
