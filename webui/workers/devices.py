"""The devices that a studio is told to draw on, by their names on the command line."""

from __future__ import annotations

import re

from webui.contracts.errors import EaselError

CPU = "cpu"
_NAME = re.compile(r"cpu|\d+|(GPU|MIG)-[\w/-]+")


class BadDevices(EaselError):
    """A list of devices that cannot be drawn on."""


def devices_named(text: str, no_gpu: bool = False) -> tuple[str, ...]:
    """The devices of a list with commas: '0,1' are numbers of GPUs as nvidia-smi counts; also their ids, and 'cpu'.

    Raises:
        BadDevices: what is no name of one, a GPU named twice, or any while there shall be `no_gpu`.
    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not _NAME.fullmatch(name):
            raise BadDevices(
                f"--devices names {name!r}; expected numbers of GPUs as nvidia-smi shows them, their ids (GPU-..., "
                "MIG-...), or cpu, with commas between"
            )
        if name != CPU and names.count(name) > 1:
            raise BadDevices(f"--devices names {name!r} twice; one worker uses all of a GPU")
        if name != CPU and no_gpu:
            raise BadDevices(
                f"--cpu forbids GPUs, and --devices names {name!r}; give one of the two"
            )
    return names
