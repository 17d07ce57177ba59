"""The whole program in its own processes, with the model in the box."""
