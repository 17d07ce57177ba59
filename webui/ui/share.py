"""A public address through Gradio's tunnel, pointed at the whole guarded app."""

from __future__ import annotations

import secrets

import httpx
from gradio import networking

from webui.contracts.errors import EaselError


class NoShareLink(EaselError):
    """The tunnel could not be opened; the studio goes on locally."""


def open_share_link(port: int) -> str:
    """Open a tunnel to the local port and return its public address.

    Raises:
        NoShareLink: there is no network, or Gradio's share service refused; the message is a
            sentence, and nothing was changed.
    """
    try:
        return networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except (OSError, RuntimeError, ValueError, httpx.HTTPError) as error:
        reason = error.__cause__ or error
        raise NoShareLink(
            f"No share link could be opened for port {port}: {reason}. Easel goes on at its local "
            "address; --share needs a network that reaches api.gradio.app."
        ) from error
