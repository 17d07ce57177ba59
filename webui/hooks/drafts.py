"""What extensions make of a picture's draft: what is told of it, checked, and the texts of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from webui.contracts.drafts import PictureDraft, TextChunk
from webui.contracts.request import GenerationRequest, parse_request
from webui.hooks.host import HookHost, Use
from webui.hooks.offers import one

LONGEST_KEY = 60
"""Characters of a further key, as AUTOMATIC1111's grammar has room for."""


def changed_draft(host: HookHost, draft: PictureDraft, uses: Sequence[Use]) -> PictureDraft:
    """The draft as the extensions want it told; its place in the record is what it was.

    Raises:
        HookFailed: an extension failed, or gave what cannot be told.
    """

    def checked(given: Any) -> PictureDraft:
        said = one(PictureDraft)(given)
        request, keys = checked_request(said.request), _keys(said.keys)
        return replace(draft, request=request, keys=keys, hashes=said.hashes)

    return host.change("change_metadata", draft, checked, uses)


# Any: what an extension gives, which may be anything.


def checked_request(given: Any) -> GenerationRequest:
    """Checked as if it had come in: a copy with changes has not been.

    Raises:
        TypeError: something else was given.
        InvalidField: a field is not as it may be.
    """
    return parse_request(one(GenerationRequest)(given).model_dump(mode="json", exclude_unset=True))


def _keys(given: Any) -> Mapping[str, str]:
    keys = dict(given or {})
    for key, value in keys.items():
        plain = one(str)(key).replace(" ", "").isalnum() and key == key.strip()
        if not plain or not 1 < len(key) <= LONGEST_KEY or not isinstance(value, str) or not value:
            raise ValueError(
                f"The key {key!r:.100} with {value!r:.100} was given; 2 to {LONGEST_KEY} letters, digits and spaces, and a "
                "text were expected."
            )
    return keys


def chunks_of(given: Any) -> tuple[TextChunk, ...]:
    """Texts as PNG can hold them.

    Raises:
        TypeError: something else was given.
        ValueError: a keyword is empty, too long, or not Latin-1.
    """
    chunks = tuple(given or ())
    for chunk in chunks:
        if not isinstance(chunk, TextChunk):
            raise TypeError(f"{chunk!r} was given; a TextChunk was expected.")
        if not 0 < len(chunk.keyword.encode("latin-1")) < 80:
            raise ValueError(f"The keyword {chunk.keyword!r} has not 1 to 79 characters.")
    return chunks
