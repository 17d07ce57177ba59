"""The adapter_config.json of PEFT, beside files whose numbers alone do not say all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from webui.contracts.errors import BrokenModel, LacksFile

CONFIG = "adapter_config.json"
MOST_BYTES = 2**20
"""Of a configuration that is read."""


# Any: what a file of JSON says.
def read_peft_config(file: Path, kind: str, lacking: str) -> dict[str, Any]:
    """What the configuration beside a file says.

    Args:
        file: The adapter.
        kind: Its `peft_type`.
        lacking: What the file does not say, as the beginning of a sentence: 'It is an OFT of PEFT, whose ...'.

    Raises:
        LacksFile: there is none.
        BrokenModel: it cannot be read, or is of another kind.
    """
    path = file.with_name(CONFIG)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BrokenModel(f"{str(path)!r} has more bytes than a configuration of PEFT needs.")
        said = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError as error:
        raise LacksFile(
            f"{lacking}; {CONFIG} does, and is not beside it. Put it into {str(file.parent)!r}.",
            [str(path)],
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise BrokenModel(f"{str(path)!r} cannot be read: {error}.") from error
    if not isinstance(said, dict) or said.get("peft_type") != kind:
        raise BrokenModel(
            f"{str(path)!r} does not say peft_type {kind}, which the file beside it is."
        )
    return said
