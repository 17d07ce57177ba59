"""The worker program: commands come on standard input, events go to standard output.

    python -m webui.engine [--cpu] [--gpu NAME] [--budget-bytes N] [--threads N] [--compile] [--cuda-graphs] [--bfloat16]
        [--hook-seconds S]

The frames are those of `contracts/messages.py`. Standard output is taken aside first, so that a
stray print of a library lands on standard error. The process ends on Quit, or when its input ends:
then the studio has died.
"""

from __future__ import annotations

import argparse
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO

import torch

from webui.contracts.messages import (
    CancelJob,
    Message,
    ModelReady,
    Quit,
    ReadClasses,
    RunJob,
    UseExtensions,
    WarmUp,
    WorkerEvent,
    WorkerReady,
)
from webui.contracts.wire import read_message, write_message
from webui.engine.acceleration import Acceleration
from webui.engine.adapters.store import AdapterStore
from webui.engine.class_reading import ClassReader
from webui.engine.devices import choose_device, make_repeatable, see_only
from webui.engine.endless import EndlessHooks
from webui.engine.engine import Engine, EngineOptions
from webui.engine.families.registry import import_families
from webui.engine.memory import free_bytes
from webui.engine.precision import use_bfloat16_on_processor
from webui.engine.residency import Loaded, Residency
from webui.engine.shared_networks import SharedNetworks
from webui.engine.ways import Ways
from webui.hooks.patience import HOOK_SECONDS

log = logging.getLogger(__name__)

SECONDS_TO_END = 10.0


@dataclass(frozen=True)
class LoadEnded:
    """Said by a loading thread; wakes the loop."""

    loaded: Loaded | None
    """None: the load failed, or was that of an adapter."""


Inbox = queue.SimpleQueue[Message | LoadEnded]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run until Quit or the end of the input."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the studio, which tells us
    commands, events = _take_streams()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")
    if options.threads:
        torch.set_num_threads(options.threads)
    make_repeatable()
    inbox: Inbox = queue.SimpleQueue()
    over = threading.Event()
    if options.gpu:
        see_only(options.gpu)
    device = choose_device(options.cpu, options.budget_bytes, options.gpu)
    if options.bfloat16 and device.torch.type == "cpu" and use_bfloat16_on_processor():
        device = replace(device, title=f"{device.title}, bfloat16", bytes_per_weight=2)
    emit = partial(_write, events, threading.Lock())
    emit(WorkerReady(device.title, device.budget_bytes))
    threading.Thread(target=_read, args=(commands, inbox, over), daemon=True).start()
    threading.Thread(target=import_families, daemon=True).start()
    shared = SharedNetworks()
    faster = Acceleration(options.compile, options.cuda_graphs)
    ways = Ways(device, shared, faster, lambda: engine.extensions)
    residency = Residency(
        ways.loaders,
        device.budget_bytes,
        lambda loaded: inbox.put(LoadEnded(loaded)),
        device.bytes_per_weight,
        lambda: free_bytes(device.torch),
        shared,
    )
    adapters = AdapterStore(device.budget_bytes // 4, lambda: inbox.put(LoadEnded(None)))
    engine: Engine = Engine(residency, emit, EngineOptions(limits=device.limits), adapters=adapters)
    EndlessHooks(engine.extensions.calls, lambda: engine.drawn, emit, options.hook_seconds).start()
    reader = ClassReader(device.torch, emit, adapters)
    try:
        serve(engine, inbox, emit, reader)
    except BrokenPipeError:
        log.warning("The studio no longer listens.")
    over.set()
    logging.shutdown()
    os._exit(0)  # threads that load or import must not hold up the end


def serve(engine: Engine, inbox: Inbox, emit: partial[None], reader: ClassReader) -> None:
    """Obey commands and tick until Quit; sleeps while there is nothing to do."""
    idle = True
    while True:
        while idle or not inbox.empty():
            message = inbox.get()
            idle = False
            if isinstance(message, Quit):
                return
            if isinstance(message, ReadClasses):
                reader.start(message)
            else:
                _obey(engine, message, emit)
        idle = not engine.tick()


def _obey(engine: Engine, message: Message | LoadEnded, emit: partial[None]) -> None:
    if isinstance(message, RunJob):
        engine.start(message)
    elif isinstance(message, CancelJob):
        engine.cancel(message.job_id)
    elif isinstance(message, WarmUp):
        engine.warm_up(message.checkpoint)
    elif isinstance(message, LoadEnded):
        loaded = message.loaded
        if loaded is not None:
            emit(ModelReady(loaded.checkpoint.id, loaded.seconds, loaded.resident_bytes))
    elif isinstance(message, UseExtensions):
        engine.use_extensions(message.folders)
    else:
        log.warning("A %s came, which is no command.", type(message).__name__)


def _write(events: BinaryIO, turn: threading.Lock, event: WorkerEvent) -> None:
    """Say something; extensions that observe fail in threads of their own."""
    with turn:
        write_message(events, event)


def _read(commands: BinaryIO, inbox: Inbox, over: threading.Event) -> None:
    """Pass commands on; at the end of the input ask for the end, and insist after a while."""
    try:
        while (message := read_message(commands)) is not None:
            inbox.put(message)
    except ValueError:
        log.exception("The studio sent what is no command.")
    inbox.put(Quit())
    if not over.wait(SECONDS_TO_END):
        os._exit(1)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output aside; prints go to standard error from now on."""
    commands = os.fdopen(os.dup(0), "rb")
    events = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return commands, events


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m webui.engine", description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="never use a GPU")
    parser.add_argument("--gpu", default="", help="the one GPU to see, as nvidia-smi names it")
    parser.add_argument("--budget-bytes", type=int, help="memory that models may take")
    parser.add_argument("--compile", action="store_true", help="compile the networks, on a GPU")
    parser.add_argument(
        "--cuda-graphs", action="store_true", help="record the networks per shape, on a GPU"
    )
    parser.add_argument(
        "--bfloat16", action="store_true", help="compute in bfloat16 on a processor that can"
    )
    parser.add_argument("--threads", type=int, help="threads of a computation; default: torch's")
    parser.add_argument(
        "--hook-seconds",
        type=float,
        default=HOOK_SECONDS,
        help="how long a hook of an extension may hold a picture up before the worker ends",
    )
    return parser
