"""What both processes call the upscaler."""

SCALE2X = "Scale2x"
EXPLAINED = "Doubles pixel art as often as the size asks for; edges stay sharp, diagonals become smooth."
