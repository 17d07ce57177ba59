"""X/Y/Z plots: axes and their values, the order, and the grid."""
