"""Tools that make files of weights from others: merge, convert. Programs of their own, on the CPU."""
