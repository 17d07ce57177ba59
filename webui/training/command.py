"""What every training program does before it trains: flags, budget, start model, pictures."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import cv2
import numpy as np
import torch
from accelerate import PartialState
from diffusers import ModelMixin, UNet2DConditionModel

from webui.contracts.errors import BadRequest
from webui.training.examples import Source
from webui.training.folder_source import FolderSource
from webui.training.loop import LoopSettings
from webui.training.networks import FrozenParts
from webui.training.scenes import UNSEEN_SEEDS, ScenePool, SceneStream, scene_pool

log = logging.getLogger(__name__)

REPOSITORY = Path(__file__).resolve().parents[2]
STARTER = REPOSITORY / "models" / "starter"
TEXT_MODEL = STARTER / "text"
POOL_SCENES = {"cpu": 40_000, "gpu": 100_000}
"""Distinct scenes that are drawn for a recipe; a run sees each of them some times. Those of a cpu are of
128 pixels, and of larger ones it has as many as take the same time."""
SAME_LATENTS = 0.1
"""Mean distance, in standard deviations: rounding to 8 bits gives 0.01, another first stage 1."""
GPU_SEEDS = 100_000_000
"""Of a stream: seeds between the scenes of one process of a run on several GPUs and those of the next."""


class TrainingRefused(BadRequest):
    """A training cannot begin as it was ordered; the message says why and what to do."""


class HasLoop(Protocol):
    """Settings of a training: a frozen dataclass with a `loop`."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def loop(self) -> LoopSettings:
        """The settings of its loop."""
        ...


Settings = TypeVar("Settings", bound=HasLoop)
Network = TypeVar("Network", bound=ModelMixin)


@dataclass(frozen=True)
class TrainCommand:
    """One order to train, as the flags say it."""

    kind: str
    """What is trained, as in `train <kind>`."""
    recipe: str
    """'cpu' or 'gpu'."""
    minutes: float | None
    """Wall-clock budget over all starts; None is the recipe's."""
    work: Path
    """Checkpoints, curves and samples of the run."""
    out: Path
    """Where the finished model goes."""
    start: Path
    """The text model that gives its parts, and to most kinds their first weights."""
    data: Path | None
    """A folder of pictures with captions; None is the world that this repository draws."""
    scenes: int | None = None
    """Distinct scenes that are drawn before; None is the recipe's number."""
    stream: bool = False
    """Whether scenes are drawn ever anew while it trains, instead of from a pool drawn before."""
    go_on: bool = False
    """Whether the finished model in `out` is trained on, instead of one that grows from the text model."""
    first_scene: int = 0
    """Seed of the first scene of the pool."""

    @property
    def words(self) -> str:
        """The command that gives this order again, for a card; paths of this machine left out."""
        given = f"python launch.py train {self.kind} --recipe {self.recipe}"
        given += "" if self.minutes is None else f" --minutes {self.minutes:g}"
        given += "" if self.scenes is None else f" --scenes {self.scenes}"
        given += f" --first-scene {self.first_scene}" if self.first_scene else ""
        given += " --stream" if self.stream else ""
        given += " --go-on" if self.go_on else ""
        return given + ("" if self.data is None else f" --data {self.data.name}")


def parse(
    kind: str,
    description: str,
    arguments: Sequence[str] | None,
    out: Path | None = None,
    goes_on: bool = True,
) -> TrainCommand:
    """Read the flags that all kinds share; ends the program with a sentence where they are wrong.

    Args:
        kind: What is trained; names the run's folder and the model's.
        description: Shown by --help, usually the module's docstring.
        arguments: Without the program's name; None takes the process's own.
        out: Where the model goes when --out is not given, if not to `models/starter/<kind>`.
        goes_on: Whether a finished one can be trained on: whether there is a flag --go-on.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(0)  # it would fight with torch for the cores
    parser = argparse.ArgumentParser(
        prog=f"launch.py train {kind}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_run_flags(parser, kind, out or STARTER / kind, goes_on)
    _add_picture_flags(parser)
    chosen = parser.parse_args(arguments)
    if chosen.minutes is not None and not chosen.minutes > 0:
        parser.error(f"--minutes is {chosen.minutes:g}, expected a number above 0")
    if chosen.scenes is not None and chosen.scenes < 1:
        parser.error(f"--scenes is {chosen.scenes}, expected a number above 0")
    if not 0 <= chosen.first_scene < UNSEEN_SEEDS // 2:
        parser.error(
            f"--first-scene is {chosen.first_scene}, expected 0 to {UNSEEN_SEEDS // 2 - 1}"
        )
    if chosen.data is not None and not chosen.data.is_dir():
        parser.error(f"--data is {str(chosen.data)!r}, expected a folder of pictures")
    return TrainCommand(kind=kind, **vars(chosen))


def _add_run_flags(parser: argparse.ArgumentParser, kind: str, out: Path, goes_on: bool) -> None:
    """How long, where, and from which weights."""
    parser.add_argument(
        "--recipe", choices=("cpu", "gpu"), default="gpu" if torch.cuda.is_available() else "cpu",
        help="how large and for how long; gpu where there is one",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=float,
        help="wall-clock budget over all starts, instead of the recipe's; a later start with a "
        "larger one goes on",
    )  # fmt: skip
    parser.add_argument(
        "--work", type=Path, default=REPOSITORY / "outputs" / "training" / kind,
        help=f"checkpoints, curves and samples of the run (outputs/training/{kind})",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=out, help="where the finished model goes")
    parser.add_argument(
        "--from", dest="start", type=Path, default=TEXT_MODEL, metavar="FOLDER",
        help="text model (diffusers folder) to start from (models/starter/text)",
    )  # fmt: skip
    if goes_on:
        parser.add_argument(
            "--go-on", action="store_true",
            help="begin with the weights of the finished model in --out, not with the text model's",
        )  # fmt: skip


def _add_picture_flags(parser: argparse.ArgumentParser) -> None:
    """Where the examples come from."""
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER",
        help="your own pictures with captions: a .txt beside each, or metadata.jsonl",
    )  # fmt: skip
    parser.add_argument(
        "--scenes", type=int, metavar="COUNT",
        help="distinct scenes to draw before the training, instead of the recipe's number",
    )  # fmt: skip
    parser.add_argument(
        "--first-scene", type=int, default=0, metavar="SEED",
        help="of the scenes drawn before the training: a model that goes on learns more from new ones",
    )  # fmt: skip
    parser.add_argument(
        "--stream", action="store_true",
        help="draw ever new scenes beside the training, instead of a pool before it: for many "
        "processor cores and long runs",
    )  # fmt: skip


def with_budget(settings: Settings, minutes: float | None) -> Settings:
    """The settings, with this wall-clock budget where one is given."""
    if minutes is None:
        return settings
    return replace(settings, loop=replace(settings.loop, budget_seconds=minutes * 60))


def run_device() -> torch.device:
    """Where this process trains; under `accelerate launch` each has its own."""
    device: torch.device = PartialState().device
    return device


def is_main() -> bool:
    """Whether this process is the one that writes the model."""
    return bool(PartialState().is_main_process)


def load_start(command: TrainCommand) -> tuple[FrozenParts, UNet2DConditionModel]:
    """The frozen parts and the denoiser (float32) of the text model to start from.

    Raises:
        TrainingRefused: it is no text model with all of its parts.
    """
    try:
        parts = FrozenParts.load(command.start, run_device())
        unet = UNet2DConditionModel.from_pretrained(
            command.start / "unet", torch_dtype=torch.float32
        )
    except (OSError, ValueError) as error:
        raise TrainingRefused(
            f"--from is {str(command.start)!r}, which cannot be read as a text model with its own "
            f"vae, text_encoder, tokenizer and unet: {error} Make the starter's with: "
            "python launch.py train starter"
        ) from error
    wanted = int(parts.vae.config.latent_channels)
    if unet.config.in_channels != wanted:
        raise TrainingRefused(
            f"--from is {str(command.start)!r}, whose denoiser takes {unet.config.in_channels} "
            f"channels where its latents have {wanted}; expected a text model."
        )
    return parts, unet


def load_begun(command: TrainCommand) -> tuple[FrozenParts, UNet2DConditionModel]:
    """The frozen parts, and the denoiser to begin with: the text model's, or with --go-on its own.

    Raises:
        TrainingRefused: there is no text model, or no finished model to go on with.
    """
    parts, unet = load_start(command)
    if command.go_on:
        unet = load_finished(command, UNet2DConditionModel, "unet")
    return parts, unet


def load_finished(command: TrainCommand, kind: type[Network], part: str = "") -> Network:
    """A network, in float32, of the finished model in --out.

    Raises:
        TrainingRefused: there is none, or it is of another kind.
    """
    folder = command.out / part
    try:
        network: Network = kind.from_pretrained(folder, torch_dtype=torch.float32)
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainingRefused(
            f"--go-on trains on what is in --out, but {str(folder)!r} cannot be read as a "
            f"{kind.__name__}: {error} Without --go-on the training begins anew."
        ) from error
    return network


def native_size(parts: FrozenParts, unet: UNet2DConditionModel) -> int:
    """Side in pixels of the pictures that a text model draws."""
    factor: int = 2 ** (len(parts.vae.config.block_out_channels) - 1)
    return int(unet.config.sample_size) * factor


def open_source(
    command: TrainCommand,
    parts: FrozenParts | None,
    size: int,
    batch: int,
    scenes: int | None = None,
    workers: int | None = None,
) -> Source:
    """Where the examples come from: the user's folder, kept scenes, or ever new ones.

    Args:
        command: Says which.
        parts: Keep the latents of their first stage; None where the training needs none.
        size: Side of the pictures in pixels; of a user's pictures the root of the largest area.
        batch: Examples of every draw.
        scenes: Distinct scenes that are kept; None takes the recipe's.
        workers: Processes that draw a stream; None leaves one core to the training.

    Raises:
        TrainingRefused: the user's folder has no picture with a caption.
    """
    if command.data is not None:
        try:
            return FolderSource(command.data, size)
        except ValueError as error:
            raise TrainingRefused(str(error)) from error
    if command.stream:
        first = PartialState().process_index * GPU_SEEDS % UNSEEN_SEEDS
        spare = max(1, (os.cpu_count() or 2) - 1)
        return SceneStream(size, batch, first, spare if workers is None else workers)
    count = command.scenes or scenes or scenes_of(command.recipe, size)
    pool = scene_pool(command.work.parent / "scenes", count, size, command.first_scene)
    if parts is not None:
        keep_own_latents(parts, pool, command.work.parent / "latents.pt")
    return pool


def scenes_of(recipe: str, size: int) -> int:
    """Distinct scenes of this size that a recipe draws: a cpu's time for them is always the same."""
    count = POOL_SCENES[recipe]
    return count if recipe == "gpu" else max(1, round(count * min(1.0, (128 / size) ** 2)))


def keep_own_latents(parts: FrozenParts, pool: ScenePool, path: Path) -> None:
    """Keep a pool's latents in a file; those that another first stage left there are made anew."""
    parts.keep_latents(pool, path)
    some = pool.take(np.arange(min(4, len(pool))), np.random.default_rng(0))
    kept, fresh = parts.kept, parts.encode(some.pictures).float().cpu()
    assert kept is not None
    if kept.shape == (len(pool), *fresh.shape[1:]):
        apart = float((kept[: len(fresh)].float() - fresh).abs().mean())
        if apart < SAME_LATENTS:
            return
    log.info("The latents in %s are of another first stage or pool; encoding anew.", path)
    path.unlink()
    parts.keep_latents(pool, path)
