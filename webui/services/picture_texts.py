"""Texts in the files of JPEG and WebP, which have no place of their own for them as PNG has.

AUTOMATIC1111's `parameters` stand where it writes them, in the comment of the Exif data. All texts together are a JSON
object beside it: in WebP the maker's note of the Exif data, in JPEG, whose pieces hold 65,533 bytes, segments of their own.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping, Sequence

from PIL import Image

from webui.contracts.drafts import TextChunk

MOST_EXIF = 65_000
"""Bytes that JPEG has room for in one piece, and a little less."""
_EXIF_FOLDER, _USER_COMMENT, _MAKER_NOTE = 0x8769, 0x9286, 0x927C
_MARK, _SEGMENT = b"Easel\0", "APP9"
_PLACE = struct.Struct(">HH")
"""Which piece it is, from 0, and of how many."""


def exif_of(texts: Sequence[TextChunk], most: int | None = None) -> bytes:
    """Exif data with the `parameters`, and with all texts where its size has no limit.

    Args:
        texts: Of a picture; without any there is no Exif data.
        most: Bytes; of what is longer nothing is given.
    """
    exif = Image.Exif()
    folder = exif.get_ifd(_EXIF_FOLDER)
    for chunk in texts:
        if chunk.keyword == "parameters" and chunk.text:
            folder[_USER_COMMENT] = b"UNICODE\0" + chunk.text.encode("utf-16-be")
    if texts and most is None:
        folder[_MAKER_NOTE] = _MARK + _joined(texts)
    written = exif.tobytes() if folder else b""
    return written if most is None or len(written) <= most else b""


def segments_of(texts: Sequence[TextChunk]) -> bytes:
    """All texts as segments of a JPEG, as many as they need."""
    whole = _joined(texts) if texts else b""
    pieces = [whole[at : at + MOST_EXIF] for at in range(0, len(whole), MOST_EXIF)]
    made = [_MARK + _PLACE.pack(i, len(pieces)) + piece for i, piece in enumerate(pieces)]
    return b"".join(b"\xff\xe9" + struct.pack(">H", 2 + len(each)) + each for each in made)


def texts_in(image: Image.Image) -> Mapping[str, str]:
    """What `exif_of` and `segments_of` put into a picture; the Exif comment of other programs as `parameters`.

    Raises:
        ValueError, LookupError, struct.error: it is damaged.
    """
    folder = image.getexif().get_ifd(_EXIF_FOLDER)
    comment, note = folder.get(_USER_COMMENT), folder.get(_MAKER_NOTE)
    texts = {"parameters": _user_comment(comment)} if isinstance(comment, bytes) else {}
    if isinstance(note, bytes) and note.startswith(_MARK):
        texts |= _parted(note[len(_MARK) :])
    return texts | _of_segments(getattr(image, "applist", ()))


def _of_segments(segments: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    pieces: dict[int, bytes] = {}
    count, start = 0, len(_MARK) + _PLACE.size
    for name, data in segments:
        if name == _SEGMENT and data.startswith(_MARK):
            place, count = _PLACE.unpack(data[len(_MARK) : start])
            pieces[place] = data[start:]
    return _parted(b"".join(pieces[i] for i in range(count))) if count else {}


def _joined(texts: Sequence[TextChunk]) -> bytes:
    return json.dumps({chunk.keyword: chunk.text for chunk in texts}).encode("ascii")


def _parted(raw: bytes) -> dict[str, str]:
    said = json.loads(raw)
    pairs = said.items() if isinstance(said, dict) else ()
    return {keyword: text for keyword, text in pairs if isinstance(text, str)}


def _user_comment(raw: bytes) -> str:
    code, body = raw[:8], raw[8:]
    if code == b"UNICODE\0":
        # Exif leaves the byte order open; text in ASCII letters shows which it is.
        return body.decode("utf-16-be" if body[:1] == b"\0" else "utf-16-le", "replace")
    return (body if code == b"ASCII\0\0\0" else raw).decode("utf-8", "replace")
