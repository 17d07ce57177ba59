"""Fetching models from elsewhere: what a source offers, the transfer, the list that survives restarts."""
