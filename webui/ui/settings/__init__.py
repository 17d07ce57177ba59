"""The settings as a component of our own: those of the studio, and those that a browser keeps."""
