"""AUTOMATIC1111's `/sdapi/v1`, for the programs that speak it; docs/api-a1111.md says what differs.

One file a group of routes. Bodies become a `GenerationRequest` (`orders`), which is recorded as any other.
"""
