"""What both processes call the family."""

DDPM = "DDPM"
