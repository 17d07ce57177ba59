"""How an engine is reached: the protocol, and a local child process."""
