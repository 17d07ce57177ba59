"""The painting component: a picture, and a mask, a map of classes or boxes over it.

Its modules and styles lie beside this file as the browser gets them, without a build step.
"""
