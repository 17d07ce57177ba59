"""What a network predicts, which no shape shows: the noise (epsilon), or v (Salimans and Ho 2022).

In order: what a person says in the .json beside the file; what its writer noted (`modelspec`); the .yaml beside
it, as the original code has it; its name; and for Stable Diffusion 2 a measurement.
"""

from __future__ import annotations

import math
import re
import struct
from pathlib import Path

from webui.contracts.errors import BrokenModel
from webui.weights.header import TensorInfo
from webui.weights.ldm_unet import UNET
from webui.weights.signatures.facts import WeightsFile

EPSILON, VELOCITY = "epsilon", "v_prediction"
_SAID = {
    "epsilon": EPSILON, "eps": EPSILON, "v_prediction": VELOCITY, "v": VELOCITY, "v-pred": VELOCITY,
}  # fmt: skip
_MEASURED = f"{UNET}output_blocks.11.1.transformer_blocks.0.norm1.bias"
_MOST_SPREAD = 0.09
"""Standard deviation of that bias: ComfyUI's finding on the published models; above it they predict v."""
_YAML_BYTES = 100_000


def find_prediction(file: WeightsFile, usual: str = EPSILON, *, measured: bool = True) -> str:
    """'epsilon' or 'v_prediction'.

    Args:
        file: What is asked about.
        usual: The answer where nothing says, and what is measured is not there.
        measured: Whether it is a Stable Diffusion 2, of which the measurement tells.

    Raises:
        BrokenModel: the .json beside the file says something else.
    """
    said = file.said.get("prediction")
    if said is not None:
        return _of_person(file, said)
    noted = _SAID.get(file.header.metadata.get("modelspec.prediction_type", "").lower())
    if noted or "v_pred" in file.header.tensors:
        return noted or VELOCITY
    if (written := _of_yaml(file.path.with_suffix(".yaml"))) is not None:
        return written
    if re.search(r"v-?_?pred|768-?_?v", file.path.stem.lower()):
        return VELOCITY
    spread = _spread(file) if measured else None
    if spread is None:
        return usual
    return VELOCITY if spread > _MOST_SPREAD else EPSILON


def _of_person(file: WeightsFile, said: object) -> str:
    if (prediction := _SAID.get(str(said).lower())) is None:
        raise BrokenModel(
            f"The 'prediction' in the .json beside {str(file.path)!r} is {repr(said)[:100]}; 'epsilon' or "
            "'v_prediction' was expected."
        )
    return prediction


def _of_yaml(config: Path) -> str | None:
    """Its `parameterization`; the line alone is looked for, for such a file names classes to be made."""
    try:
        with config.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_YAML_BYTES)
    except OSError:
        return None
    found = re.search(r"^\s*parameterization:\s*[\"']?(\w+)", text, flags=re.MULTILINE)
    return _SAID.get(found[1].lower(), EPSILON) if found else EPSILON


def _spread(file: WeightsFile) -> float | None:
    """Standard deviation of the numbers of one small tensor; None where it is not there."""
    tensor = file.header.tensors.get(_MEASURED)
    numbers = [] if tensor is None else _numbers(file.path, tensor)
    if not numbers or not all(map(math.isfinite, numbers)):
        return None
    mean = sum(numbers) / len(numbers)
    return math.sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))


def _numbers(path: Path, tensor: TensorInfo) -> list[float]:
    """The numbers of a small tensor; none of another type than the three usual ones."""
    form = {"F32": "f", "F16": "e", "BF16": "H"}.get(tensor.dtype)
    if form is None or tensor.strides is not None or tensor.count > 10_000:
        return []
    with path.open("rb") as stream:
        stream.seek(tensor.offset)
        raw = struct.unpack(
            f"<{tensor.count}{form}", stream.read(tensor.count * struct.calcsize(form))
        )
    if tensor.dtype != "BF16":
        return list(raw)
    wide = struct.pack(f"<{tensor.count}I", *(value << 16 for value in raw))
    return list(struct.unpack(f"<{tensor.count}f", wide))
