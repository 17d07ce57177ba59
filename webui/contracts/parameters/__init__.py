"""The parameters of a request, in groups: a file each, which `GenerationRequest` is made of.

A new parameter is a field in its group; the control, the schema, the infotext key and the help
come from that declaration.
"""
