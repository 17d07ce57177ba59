"""The training loop that every denoiser and adapter shares; what differs is the loss of one batch.

Wall-clock bounded, resumable, averaged (EMA), with curves and sample sheets written as pictures
while it runs. Precision, devices and several GPUs are Hugging Face Accelerate's business: the same
script runs as it is or under `accelerate launch`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, set_seed
from torch import Tensor, nn

from webui.engine.packed.product import has_bfloat16
from webui.training.runs import (
    Clock,
    Ema,
    Journal,
    Pixels,
    learning_rate,
    load_checkpoint,
    save_checkpoint,
    write_png,
)

log = logging.getLogger(__name__)

Network = TypeVar("Network", bound=nn.Module)
BatchLoss = Callable[[nn.Module, np.random.Generator], Tensor]
"""(network, random source of this step) -> mean loss of a freshly drawn batch, a scalar."""
CHECKPOINT = "checkpoint.pt"
COMPILE_PAYS_SECONDS = 600
"""The text model's denoiser took 106 s to compile on an H200, beside other work, and was 1.3 times as
fast afterwards."""
REPORT_SECONDS = 30
"""Between two points of the curves."""


@dataclass(frozen=True)
class LoopSettings:
    """How a network is fitted, whatever it learns."""

    batch: int = 32
    """Examples a step, on each device."""
    peak_learning_rate: float = 8e-4
    """AdamW; warmed up by steps, then a cosine over the wall-clock budget."""
    warmup_steps: int = 200
    weight_decay: float = 0.01
    ema_decay: float = 0.998
    """Decay of the averaged weights, which are the ones that are kept."""
    budget_seconds: float = 3600
    """Wall-clock training time over all starts."""
    seed: int = 3
    """Of weights, noise and data order."""
    compile: bool = True
    """Run the network through torch.compile where that pays: see `is_compiled`."""
    save_seconds: float = 240
    """Time between two checkpoints."""
    sheet_seconds: float = 480
    """Time between two sample sheets: on a CPU a sheet costs as much as some twenty steps."""

    def slowed(self, share: float) -> LoopSettings:
        """The same with a share of the peak learning rate."""
        return replace(self, peak_learning_rate=share * self.peak_learning_rate)


def accelerator() -> Accelerator:
    """Devices and precision: bfloat16 where the device multiplies in it, else float32."""
    half = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else has_bfloat16()
    if torch.cuda.is_available():  # shapes repeat, so the fastest convolutions are worth a search
        torch.backends.cudnn.benchmark = True
        torch.set_float32_matmul_precision("high")
    return Accelerator(mixed_precision="bf16" if half else "no")


def fit(
    network: Network,
    loss_of_batch: BatchLoss,
    settings: LoopSettings,
    folder: Path,
    everything: Any,
    sheet: Callable[[Network], Pixels] | None = None,
) -> Network:
    """Train `network` in `folder`, or go on where the last run stopped; returns it averaged.

    Args:
        network: Trained in place; parameters that need no gradient stay as they are.
        loss_of_batch: Draws a batch with the given random source and returns its mean loss.
        settings: Of the loop.
        folder: Checkpoint, curves (CSV and PNG) and sample sheets; its name names the run.
        everything: The dataclass of all settings of the run, kept in the checkpoint.
        sheet: Draws samples of the network for `samples.png`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = accelerator()
    set_seed(settings.seed + run.process_index)
    network.to(run.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = _optimizer(trained, settings, run.device)
    state = _State(network, optimizer, Ema(network, settings.ema_decay), settings, folder)
    state.everything = everything
    state.resume()
    compiled = is_compiled(settings, run.device)
    prepared = run.prepare(torch.compile(network) if compiled else network)
    optimizer = run.prepare(optimizer)
    losses: list[Tensor] = []
    state.mark()
    for progress in _until_spent(state.clock, run):
        rng = np.random.default_rng([settings.seed, state.step, run.process_index])
        rate = learning_rate(
            settings.peak_learning_rate, state.step, progress, settings.warmup_steps
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        with run.autocast():
            loss = loss_of_batch(prepared, rng)
        run.backward(loss)
        run.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        state.ema.update(network)
        state.step += 1
        losses.append(loss.detach())  # to read it now would wait for the device
        if run.is_main_process:
            state.report(losses, sheet)
    if run.is_main_process:
        state.report(losses, None, last=True)
        state.save()
    network.load_state_dict(state.ema.weights)
    network.eval()
    if sheet is not None and run.is_main_process:
        write_png(folder / "samples.png", sheet(network))
    return network


def _optimizer(
    trained: list[nn.Parameter], settings: LoopSettings, device: torch.device
) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        trained,
        lr=settings.peak_learning_rate,
        betas=(0.9, 0.99),
        weight_decay=settings.weight_decay,
        fused=device.type == "cuda",
    )


def is_compiled(settings: LoopSettings, device: torch.device) -> bool:
    """Whether a run is worth compiling its network: a long one on a GPU; on CPUs nothing was gained."""
    long_enough = settings.budget_seconds >= COMPILE_PAYS_SECONDS
    return settings.compile and device.type == "cuda" and long_enough


def steps_taken(folder: Path) -> int:
    """Steps that the run in `folder` has behind it."""
    saved = load_checkpoint(folder / CHECKPOINT)
    return 0 if saved is None else int(saved["step"])


def _until_spent(clock: Clock, run: Accelerator) -> Iterator[float]:
    """Shares of the budget that are used, until it is; the main process's clock counts for all."""
    while True:
        progress = clock.progress
        if run.num_processes > 1:
            shared = torch.tensor([progress], device=run.device)
            progress = float(broadcast(shared).item())
        if progress >= 1.0:
            return
        yield progress


class _State:
    """Everything of a run that a checkpoint keeps, and when it was last told."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        ema: Ema,
        settings: LoopSettings,
        folder: Path,
    ) -> None:
        self.network, self.optimizer, self.ema, self.settings = network, optimizer, ema, settings
        self.everything: Any = settings
        self.folder, self.step = folder, 0
        self.clock = Clock(settings.budget_seconds)
        self.journal = Journal(folder, folder.name)

    def resume(self) -> None:
        """Take up what an earlier start left, if any."""
        saved = load_checkpoint(self.folder / CHECKPOINT)
        if saved is None:
            return
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        device = next(self.network.parameters()).device
        self.ema.weights = {name: value.to(device) for name, value in saved["ema"].items()}
        self.ema.steps, self.step = saved["ema_steps"], saved["step"]
        self.clock = Clock(self.settings.budget_seconds, saved["seconds"])

    def mark(self) -> None:
        """Begin the intervals of reports, saves and sheets."""
        self._said = self._saved = self._drawn = self.clock.seconds
        self._said_step = self.step

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        save_checkpoint(
            self.folder / CHECKPOINT, self.everything, network=self.network.state_dict(),
            optimizer=self.optimizer.state_dict(), ema=self.ema.weights, ema_steps=self.ema.steps,
            step=self.step, seconds=self.clock.seconds,
        )  # fmt: skip

    def report(
        self, losses: list[Tensor], sheet: Callable[[Any], Pixels] | None, last: bool = False
    ) -> None:
        """Write the curve each minute, and checkpoint and samples when their time has come."""
        now = self.clock.seconds
        if losses and (now - self._said > REPORT_SECONDS or last):
            rate = (self.step - self._said_step) * self.settings.batch / max(1e-9, now - self._said)
            loss = float(torch.stack(losses).mean())
            self.journal.add(seconds=now, step=self.step, loss=loss, examples_per_second=rate)
            name = self.folder.name
            log.info("%s: %.0f s, step %d, loss %.4f, %.1f/s", name, now, self.step, loss, rate)
            self._said, self._said_step = now, self.step
            losses.clear()
        if now - self._saved > self.settings.save_seconds:
            self._saved = now
            self.save()
        if sheet is not None and now - self._drawn > self.settings.sheet_seconds:
            self._drawn = now
            with self.ema.applied_to(self.network):
                write_png(self.folder / "samples.png", sheet(self.network))
