"""The ways in which a worker reads a model into memory, and what is said of the slower ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webui.contracts.checkpoint import CheckpointInfo
from webui.engine.acceleration import Acceleration, accelerate
from webui.engine.devices import Device
from webui.engine.extensions import WorkerExtensions
from webui.engine.families.registry import load_apart, load_model
from webui.engine.memory import free_bytes
from webui.engine.model import LoadedModel
from webui.engine.residency import Loaders
from webui.engine.shared_networks import SharedNetworks

APART = (
    "This model does not fit the free memory as a whole, so what reads prompts and what draws are in it in turn: the same picture, with "
    "a pause for each new prompt. Close other programs for the faster way."
)
STREAMED = (
    "This model does not fit the GPU's free memory, so some of its layers stay in the computer's and are copied when they are "
    "reached: the same picture, more slowly. Close other programs that use the GPU for the faster way."
)
LEAN = (
    "This model does not fit the free memory in float32, so its weights stay in half precision and are opened layer by layer: "
    "the same picture but for rounding, more slowly. Close other programs for the faster way."
)


@dataclass(frozen=True)
class Ways:
    """Reads models onto a device."""

    device: Device
    shared: SharedNetworks
    faster: Acceleration
    extensions: Callable[[], WorkerExtensions]
    """Those in use; may load families of their own, and hear of each model."""

    @property
    def loaders(self) -> Loaders:
        """From the fastest to the one that needs least."""
        return Loaders(self.whole, apart=self.apart, lean=self.lean, streams=not self._on_processor)

    @property
    def _on_processor(self) -> bool:
        return self.device.torch.type == "cpu"

    def whole(self, checkpoint: CheckpointInfo) -> LoadedModel:
        """With all networks in memory as they are computed with."""
        device, added = self.device.torch, self.extensions().loaders
        model = load_model(checkpoint, device, self.shared, added=added)
        return self._told(accelerate(model, self.faster))

    def apart(self, checkpoint: CheckpointInfo) -> LoadedModel:
        """With what reads prompts and what draws in memory in turn."""
        stage = self.shared.stage
        stage.room_bytes = free_bytes(self.device.torch) + stage.on_bytes
        # What comes and goes can be neither compiled nor recorded.
        model = load_apart(checkpoint, self.device.torch, self.shared)
        model.remark(APART)
        return self._told(model)

    def lean(self, checkpoint: CheckpointInfo) -> LoadedModel:
        """With weights in half precision; on a GPU, with some of them in the computer's memory."""
        device, added = self.device, self.extensions().loaders
        if self._on_processor:
            model = load_model(checkpoint, device.torch, self.shared, True, added)
            model.remark(LEAN)
            return self._told(accelerate(model, self.faster))
        room = max(free_bytes(device.torch) - device.working_bytes, 0)
        # What is copied at each use can be neither compiled nor recorded.
        model = load_model(checkpoint, device.torch, self.shared, True, added, room)
        model.remark(STREAMED)
        return self._told(model)

    def _told(self, model: LoadedModel) -> LoadedModel:
        self.extensions().model_loaded(model)
        return model
