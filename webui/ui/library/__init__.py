"""The library of the models tab: a component of our own, plain ES modules beside this file."""
