"""Files that torch.save wrote (.ckpt, .pt, .pth, .bin), since torch 1.6 a zip, before that a stream.

The pickle in it is walked, never opened (`pickle_walk`). A tensor's numbers lie as they are, so where they
begin is all that loading needs.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from webui.contracts.errors import BrokenModel, NotAModel, UnsafeModel
from webui.weights.header import ITEM_BYTES, TensorInfo, WeightsHeader
from webui.weights.pickle_walk import Foreign, PickledTensor, PickleError, Storage, Walker, walk

MAX_PICKLE_BYTES = 16_000_000
MAX_DIRECTORY_BYTES = 4_000_000
"""Of a zip's list of contents; a real one takes about a hundred bytes a storage."""
MAX_DEPTH = 8
MAX_VALUES = 200_000
MAX_NAME_CHARACTERS = 2000
"""Of a tensor, with all keys that lead to it."""
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
WRAPPERS = ("state_dict", "params_ema", "params", "model_state_dict", "module")
"""Keys under which the weights lie, beside what else a trainer keeps."""

_DAMAGE = (
    ValueError, LookupError, RuntimeError, OverflowError, EOFError, struct.error, zipfile.BadZipFile,
)  # fmt: skip
"""What reading a damaged archive or pickle raises; RuntimeError is an archive that wants a password."""
_ZIP_END, _ZIP_END_BYTES = b"PK\x05\x06", 22
_LOCAL = struct.Struct("<4s22xHH")


@dataclass(frozen=True)
class PickledFile:
    """What a file that torch.save wrote describes."""

    # Any: mappings, lists, texts, numbers, PickledTensor and Foreign, as the file has them.
    content: Any
    storages: Mapping[str, int]
    """Key of a storage to the place of its first byte."""
    bytes: int


def read_torch(file: Path, size: int) -> WeightsHeader:
    """The tensors of a file that torch.save wrote.

    Raises:
        UnsafeModel: it names something that no file of weights needs.
        NotAModel: it was written by something else.
        BrokenModel: it is damaged.
        OSError: the file cannot be read.
    """
    pickled = read_pickled(file, size)
    try:
        content, metadata = _weights_of(pickled.content)
        tensors = {name: _placed(name, t, pickled) for name, t in tensors_in(content)}
    except ValueError as error:
        raise BrokenModel(f"{str(file)!r} is damaged: {error}.") from error
    return WeightsHeader("pickle", tensors, metadata, size)


def read_pickled(file: Path, size: int) -> PickledFile:
    """All that a file that torch.save wrote describes.

    Raises: as `read_torch`.
    """
    try:
        with file.open("rb") as stream:
            if stream.read(4) == b"PK\x03\x04":
                return _read_zip(stream, size)
            return _read_stream(stream, size)
    except UnsafeModel as error:
        raise UnsafeModel(error.named, str(file)) from error
    except NotAModel as error:
        raise NotAModel(f"{str(file)!r} {error}") from error
    except _DAMAGE as error:
        raise BrokenModel(
            f"{str(file)!r} cannot be read: {str(error).rstrip('.')}. The download may be incomplete, or the "
            "file is damaged."
        ) from error


def tensors_in(content: Any) -> Iterator[tuple[str, PickledTensor]]:
    """Every tensor of a description, by the keys that lead to it, joined by points.

    Raises:
        ValueError: it is deeper or larger than any real one.
    """
    if isinstance(content, PickledTensor):
        yield "", content
        return
    levels, path = [_items(content)], [""]  # the key that leads to each level, behind the first
    left = MAX_VALUES
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
            path.pop()
            continue
        key, value = found
        left -= 1
        if left < 0:
            raise ValueError(f"it holds more than {MAX_VALUES} values")
        if isinstance(value, PickledTensor):
            yield _joined([*path[1:], str(key)]), value
        elif len(levels) < MAX_DEPTH and isinstance(value, (dict, list, tuple, Foreign)):
            levels.append(_items(value))
            path.append(str(key))


def _joined(keys: Sequence[str]) -> str:
    if sum(map(len, keys)) > MAX_NAME_CHARACTERS:
        raise ValueError(f"the name of a tensor has more than {MAX_NAME_CHARACTERS} characters")
    return ".".join(keys)


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    """What a value holds: a module of torch keeps its tensors in mappings of its state."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif isinstance(value, Foreign) and isinstance(value.state, dict):
        for name in ("_parameters", "_buffers", "_modules"):
            if isinstance(mapping := value.state.get(name), dict):
                yield from mapping.items()


def _weights_of(content: Any) -> tuple[Any, dict[str, str]]:
    """The mapping that holds the weights, and the notes beside it."""
    if not isinstance(content, dict):
        return content, {}
    notes = {
        str(key): str(value)[:10_000]
        for key, value in content.items()
        if isinstance(value, (str, int, float))
    }
    wrapped = (content[key] for key in WRAPPERS if isinstance(content.get(key), dict))
    return next(wrapped, content), notes


def _placed(name: str, tensor: PickledTensor, pickled: PickledFile) -> TensorInfo:
    """The tensor with its place in the file."""
    storage, item = tensor.storage, ITEM_BYTES[tensor.dtype]
    spans = zip(tensor.shape, tensor.strides, strict=True)
    last = tensor.start + sum((side - 1) * stride for side, stride in spans if side > 0)
    begin = pickled.storages.get(storage.key)
    if begin is None:
        raise ValueError(f"the numbers of the tensor {name[:100]!r} are missing")
    held = storage.count * ITEM_BYTES[storage.dtype]
    if 0 not in tensor.shape and (last + 1) * item > held:
        raise ValueError(f"the tensor {name[:100]!r} is larger than its storage of {held} bytes")
    plain = tensor.strides == _row_by_row(tensor.shape)
    return TensorInfo(
        tensor.dtype, tensor.shape, begin + tensor.start * item, None if plain else tensor.strides
    )


def _row_by_row(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides: list[int] = []
    step = 1
    for side in reversed(shape):
        strides.append(step)
        step *= max(side, 1)
    return tuple(reversed(strides))


def _read_zip(stream: BinaryIO, size: int) -> PickledFile:
    _check_directory(stream, size)
    with zipfile.ZipFile(stream) as archive:
        entries = {info.filename: info for info in archive.infolist()}
        name = next((n for n in entries if n.endswith("/data.pkl") and n.count("/") == 1), None)
        if name is None:
            raise NotAModel("is a zip archive without torch's data.pkl.")
        root = name.removesuffix("data.pkl")
        byte_order = entries.get(f"{root}byteorder")
        for info in (entries[name], *([byte_order] if byte_order else [])):
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > MAX_PICKLE_BYTES:
                raise PickleError(f"its {info.filename[-50:]!r} is compressed or too large")
        if byte_order and archive.read(byte_order).strip() == b"big":
            raise NotAModel("was written on a big-endian machine. Convert it to safetensors there.")
        content = walk(BytesIO(archive.read(entries[name])))
    prefix = f"{root}data/"
    stored = {n.removeprefix(prefix): info for n, info in entries.items() if n.startswith(prefix)}
    return PickledFile(content, _zip_places(stream, stored, size), size)


def _check_directory(stream: BinaryIO, size: int) -> None:
    """Refuse a list of contents that would fill the memory when read."""
    tail = min(size, _ZIP_END_BYTES + 65_535)
    stream.seek(size - tail)
    data = stream.read(tail)
    at = data.rfind(_ZIP_END)
    if at < 0 or at + _ZIP_END_BYTES > len(data):
        raise PickleError("its end is missing")
    length, start = struct.unpack_from("<II", data, at + 12)
    if length == 0xFFFFFFFF or start == 0xFFFFFFFF:  # zip64: these stand in a record before
        before = data.rfind(b"PK\x06\x06", 0, at)
        if before < 0:
            raise PickleError("its end is missing")
        (length,) = struct.unpack_from("<Q", data, before + 40)
    if length > MAX_DIRECTORY_BYTES:
        raise PickleError(f"its list of contents takes {length} bytes")


def _zip_places(
    stream: BinaryIO, stored: Mapping[str, zipfile.ZipInfo], size: int
) -> dict[str, int]:
    """First byte of each storage, behind the header that a zip repeats before it."""
    places = {}
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for key, info in stored.items():
            magic, name, extra = _LOCAL.unpack_from(data, info.header_offset)
            begin = info.header_offset + _LOCAL.size + name + extra
            if magic != b"PK\x03\x04" or info.compress_type != zipfile.ZIP_STORED:
                raise PickleError(f"its storage {key[:50]!r} is compressed or damaged")
            if begin + info.file_size > size:
                raise PickleError(f"its storage {key[:50]!r} is cut off")
            places[key] = begin
    return places


def _read_stream(stream: BinaryIO, size: int) -> PickledFile:
    """Torch's older way: five pickles behind one another, then each storage behind its length."""
    stream.seek(0)
    head, walker = BytesIO(stream.read(MAX_PICKLE_BYTES)), Walker()
    if walker.walk(head) != LEGACY_MAGIC:
        raise NotAModel("is a pickle that torch did not write.")
    walker.walk(head)  # the protocol
    walker.walk(head)  # sizes of numbers
    content = walker.walk(head)
    keys = walker.walk(head)
    storages = _storages_in(content)
    places, at = {}, head.tell()
    for key in keys if isinstance(keys, list) else []:
        storage = storages.get(str(key)) if isinstance(key, (str, int)) else None
        if storage is None:
            raise PickleError("the type of one of its storages is unknown")
        stream.seek(at)
        (count,) = struct.unpack("<q", stream.read(8))
        end = at + 8 + count * ITEM_BYTES[storage.dtype]
        if count != storage.count or end > size:
            raise PickleError(f"its storage {str(key)[:50]!r} is cut off")
        places[str(key)] = at + 8
        at = end
    return PickledFile(content, places, size)


def _storages_in(content: Any) -> dict[str, Storage]:
    try:
        return {tensor.storage.key: tensor.storage for _, tensor in tensors_in(content)}
    except ValueError as error:
        raise PickleError(str(error)) from error
