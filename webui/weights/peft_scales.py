"""What the adapter_config.json of PEFT says of an (IA)^3 beside it that scales convolutions: which of them at their inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from webui.contracts.errors import BrokenModel
from webui.weights.peft_config import CONFIG, read_peft_config

_MARK = ".ia3_l"


@dataclass(frozen=True)
class PeftScales:
    """Which modules are scaled at their inputs."""

    feedforward: tuple[str, ...]
    """Ends of their dotted names; all others are scaled at their outputs."""

    def on_input(self, key: str) -> bool:
        """Whether the module of a tensor's name is among them."""
        return key.partition(_MARK)[0].endswith(self.feedforward)


def has_scaled_kernels(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a file of these tensors is an (IA)^3 of PEFT that does not say by itself what it scales: (1, n, 1, 1)."""
    return any(_MARK in name and len(shape) > 2 for name, shape in shapes.items())


def read_scales(file: Path) -> PeftScales:
    """What the configuration beside a file says.

    Raises:
        LacksFile: there is none.
        BrokenModel: it is no configuration of an (IA)^3, or names modules by a pattern.
    """
    said = read_peft_config(
        file, "IA3", "It is an (IA)^3 of PEFT whose file does not say whether convolutions are scaled at their inputs or outputs"
    )  # fmt: skip
    names = said.get("feedforward_modules", None) or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise BrokenModel(
            f"{str(file.with_name(CONFIG))!r} says feedforward_modules {names!r:.200}; a list of names was expected. Write out "
            "those that the pattern means."
        )
    return PeftScales(tuple(names))
