"""Pictures in a body and in an answer: base64, or data: addresses."""

from __future__ import annotations

import base64
import binascii

from webui.api.context import ApiContext
from webui.contracts.errors import BadImage
from webui.contracts.ids import ImageId


def decoded(text: str) -> bytes:
    """The bytes of a picture that a body holds.

    Raises:
        BadImage: it is an address, or no base64.
    """
    if text.startswith(("http://", "https://")):
        raise BadImage(
            f"The picture is the address {text[:100]!r}, which is not fetched: a studio that fetches whatever it "
            "is told to reaches what only it can reach. Send the picture itself in base64."
        )
    if text.startswith("data:"):
        _, comma, text = text.partition(",")
        if not comma:
            raise BadImage("The picture is a data: address without a comma before its base64.")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadImage(f"The picture {text[:40]!r} is not in base64: {error}.") from error


def kept(text: str, context: ApiContext) -> ImageId:
    """Keep a picture of a body among the uploaded ones.

    Raises:
        BadImage: it cannot be read; says why.
    """
    return context.images.put(decoded(text))


def encoded(data: bytes) -> str:
    """A file as an answer holds it."""
    return base64.b64encode(data).decode("ascii")
