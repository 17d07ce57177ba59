"""Upscaler networks (ESRGAN, Real-ESRGAN, SwinIR, DAT, HAT ...): read by spandrel, from names and shapes alone.

spandrel's restorers of faces import three functions of torchvision, which is not here and not needed by any upscaler;
names stand in for them while it is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from webui.contracts.adapter import AdapterInfo
from webui.engine.damage import told_as_damage
from webui.engine.weights import open_weights

_WRAPPERS = (
    "params_ema.",
    "params-ema.",
    "params.",
    "model_state_dict.",
    "state_dict.",
    "model.",
    "net.",
)
"""What trainers save the weights below, the best first."""
_PREFIXES = ("module.", "netG.")
_STANDINS: Mapping[str, tuple[str, ...]] = {
    "torchvision": (),
    "torchvision.transforms": ("InterpolationMode",),
    "torchvision.transforms.functional": ("InterpolationMode", "normalize", "rotate"),
}


@dataclass(frozen=True, eq=False)
class LoadedUpscaler:
    """An upscaler in memory."""

    info: AdapterInfo
    run: Callable[[Tensor], Tensor]
    """(1, 3, H, W) in [0, 1] to (1, 3, H * scale, W * scale)."""
    scale: int
    device: torch.device
    dtype: torch.dtype
    bytes: int
    key: object = field(default_factory=object)
    """Its identity where it is not to be kept alive."""


def load_upscaler(info: AdapterInfo, device: torch.device) -> LoadedUpscaler:
    """Read an upscaler's file.

    Raises:
        BrokenModel: it is damaged, or of no architecture that enlarges colour pictures.
    """
    with told_as_damage(f"The upscaler {info.id!r}", info.path):
        net = _read(Path(info.path))
    half = device.type != "cpu" and net.supports_bfloat16
    dtype = torch.bfloat16 if half else torch.float32
    net.model.requires_grad_(False).eval().to(device, dtype)
    size = sum(p.numel() * p.element_size() for p in net.model.parameters())
    return LoadedUpscaler(info, net, int(net.scale), device, dtype, size)


# Any: spandrel's descriptors are typed by their networks.
def _read(path: Path) -> Any:
    file = open_weights(path)
    state = {name: file[name].clone() for name in file}
    for wrapper in _WRAPPERS:
        if any(name.startswith(wrapper) for name in state):
            state = {n.removeprefix(wrapper): t for n, t in state.items() if n.startswith(wrapper)}
            break
    for prefix in _PREFIXES:
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    with _standing_in():
        # With the first upscaler: it imports forty architectures.
        import spandrel  # noqa: PLC0415
    try:
        net = spandrel.ModelLoader(device=torch.device("cpu")).load_from_state_dict(state)
    except spandrel.UnsupportedModelError as error:
        raise ValueError("its tensors are those of no upscaler that we know") from error
    colours = (net.input_channels, net.output_channels)
    if not isinstance(net, spandrel.ImageModelDescriptor) or colours != (3, 3):
        raise ValueError(f"it makes {colours[1]} channels of {colours[0]}; 3 of 3 were expected")
    return net


@contextmanager
def _standing_in() -> Iterator[None]:
    """Within the block torchvision's names can be imported."""
    missing = {name: ModuleType(name) for name in _STANDINS if name not in sys.modules}
    for name, module in missing.items():
        for attribute in _STANDINS[name]:
            setattr(module, attribute, None)
        parent, _, own = name.rpartition(".")
        if parent in missing:
            setattr(missing[parent], own, module)
    sys.modules.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


@torch.inference_mode()
def upscale_pixels(net: LoadedUpscaler, pixels: Tensor) -> Tensor:
    """(1, 3, H, W) in [0, 1] to (1, 3, H * scale, W * scale) in [0, 1], float32 on the CPU."""
    return net.run(pixels.to(net.device, net.dtype)).float().clamp(0, 1).cpu()
