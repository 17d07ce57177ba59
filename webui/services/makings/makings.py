"""The list of makings: one is made at a time, by a program of its own; a small file keeps them over restarts."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from webui.contracts.errors import BadRequest, EaselError, NotAllowed, NotFound
from webui.contracts.ids import MakingId, new_making_id
from webui.contracts.making import Making, MakingOrder, MakingState
from webui.services.catalog import Catalog
from webui.services.downloads.names import safe_name
from webui.services.makings.program import Program
from webui.services.makings.recipes import (
    arguments,
    check_recipe,
    expected_bytes,
    paths_of,
    place_of,
)
from webui.services.makings.records import MakingRecords
from webui.services.model_place import check_free, put_in_place
from webui.weights.room import check_room

STAGING = ".makings"
"""Below the models' folder, so that the last step is a rename; hidden, so that nobody looks there."""
STOP_SECONDS = 5.0

BeginProgram = Callable[[list[str]], Program]

_log = logging.getLogger(__name__)


@dataclass
class _Running:
    """The making that is under way, and how to stop it."""

    making: Making
    program: Program | None = None
    stopped: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, words: list[str], begin: BeginProgram) -> Program | None:
        """Start its program; None where it was stopped before."""
        with self.lock:
            self.program = None if self.stopped else begin(words)
            return self.program

    def stop(self) -> None:
        """End it, or never let it begin."""
        with self.lock:
            self.stopped = True
            if self.program is not None:
                self.program.end()


class Makings:
    """Orders, follows and cancels makings. All methods may be called from any thread."""

    def __init__(
        self, records: MakingRecords, models: Path, catalog: Catalog, on_made: Callable[[], None],
        refusal: str | None = None, begin: BeginProgram = Program,
    ) -> None:  # fmt: skip
        """Nothing is made before `start`.

        Args:
            records: Keeps the list.
            models: The folder of models; what is made is put below it.
            catalog: Knows what it is made of.
            on_made: Called in the list's thread when a model is at its place.
            refusal: A sentence; with it nobody orders or cancels here.
            begin: Starts the program that makes a model.
        """
        self.refusal = refusal
        self._records, self._models, self._catalog = records, models.absolute(), catalog
        self._on_made, self._begin = on_made, begin
        self._condition = threading.Condition()
        self._running: _Running | None = None
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="makings", daemon=True)

    def start(self) -> None:
        """Begin; what an earlier studio left unfinished is shown as interrupted, and its remains are deleted."""
        self._records.interrupt()
        shutil.rmtree(self._models / STAGING, ignore_errors=True)
        self._thread.start()

    def stop(self) -> None:
        """End; what is unfinished is interrupted."""
        with self._condition:
            self._ending = True
            if self._running is not None:
                self._running.stop()
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def list(self) -> tuple[Making, ...]:
        """All, oldest first, as they are now."""
        with self._condition:
            running = self._running
            return tuple(
                self._measured(running.making) if running and running.making.id == each.id else each
                for each in self._records.all()
            )

    def order(self, order: MakingOrder) -> Making:
        """Put one on the list; it is on disk when this returns.

        Raises:
            NotAllowed: nobody may do that here.
            BadRequest: the recipe is none, something of it is not installed, the name is taken, or the disk has no room.
            NotAModel, BrokenModel: its first model cannot be read.
        """
        self._check_allowed()
        check_recipe(order)
        first = paths_of(order, self._catalog)[0]
        target = place_of(safe_name(order.name), first, order.layout)
        arguments(order, self._catalog, self._models / target)  # its LoRAs are there
        check_room(expected_bytes(order, self._catalog), self._models)
        with self._condition:
            self._check_free(target)
            making = Making(id=new_making_id(), order=order, target=target, created=time.time())
            self._records.put(making)
            self._condition.notify_all()
        return making

    def again(self, making_id: MakingId) -> Making:
        """Order an interrupted or failed one again, from its beginning; others stay as they are.

        Raises:
            NotAllowed, NotFound, BadRequest: as `order`.
        """
        self._check_allowed()
        with self._condition:
            making = self._get(making_id)
            if making.state in (MakingState.FAILED, MakingState.INTERRUPTED):
                self._check_free(making.target)
                making = _changed(making, MakingState.WAITING)
                self._records.put(making)
                self._condition.notify_all()
            return making

    def drop(self, making_id: MakingId) -> None:
        """Cancel it, or take it off the list; a model that is at its place stays there.

        Raises:
            NotAllowed: nobody may do that here.
            NotFound: there is none of this id.
        """
        self._check_allowed()
        with self._condition:
            self._get(making_id)
            self._records.drop(making_id)
            if self._running is not None and self._running.making.id == making_id:
                self._running.stop()

    def _get(self, making_id: MakingId) -> Making:
        for making in self._records.all():
            if making.id == making_id:
                return making
        raise NotFound("making", making_id)

    def _check_allowed(self) -> None:
        if self.refusal is not None:
            raise NotAllowed(self.refusal)

    def _check_free(self, target: str) -> None:
        check_free(self._models, target)
        if any(each.target == target and not each.state.is_final for each in self._records.all()):
            raise BadRequest(f"{target!r} is being made already. Choose another name.")

    def _measured(self, making: Making) -> Making:
        """With the bytes that lie on the disk."""
        files = (self._models / STAGING / making.id).rglob("*")
        try:
            done = sum(file.stat().st_size for file in files if file.is_file())
        except OSError:  # renamed between the two questions
            return making
        return making.model_copy(update={"bytes_done": done})

    # The thread

    def _run(self) -> None:
        while (running := self._take()) is not None:
            ended = self._made(running)
            with self._condition:
                self._running = None
                self._records.replace(ended)
            if ended.state is MakingState.DONE:
                self._on_made()

    def _take(self) -> _Running | None:
        """Wait for the next one; None when it is to end."""
        with self._condition:
            while not self._ending:
                for making in self._records.all():
                    if making.state is MakingState.WAITING:
                        self._running = _Running(_changed(making, MakingState.RUNNING))
                        self._records.replace(self._running.making)
                        return self._running
                self._condition.wait()
            return None

    def _made(self, running: _Running) -> Making:
        """Make one; how it stands then."""
        staged = self._models / STAGING / running.making.id
        try:
            is_made = self._carry_out(running, staged)
        except Exception as error:  # noqa: BLE001 - the border of the thread
            if not running.stopped:
                return _changed(running.making, MakingState.FAILED, _sentence(error))
            is_made = False
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return _changed(running.making, MakingState.DONE if is_made else MakingState.INTERRUPTED)

    def _carry_out(self, running: _Running, staged: Path) -> bool:
        """Whether it is made; False where it was stopped."""
        target = self._models / running.making.target
        made = staged / target.name
        staged.mkdir(parents=True, exist_ok=True)
        words = arguments(running.making.order, self._catalog, made)
        program = running.start(words, self._begin)
        if program is None:
            return False
        program.wait(lambda total: self._expects(running, total))
        running.making = self._measured(running.making)
        with running.lock:
            if running.stopped:
                return False
            put_in_place(made, target)
        return True

    def _expects(self, running: _Running, total: int) -> None:
        with self._condition:
            running.making = running.making.model_copy(update={"bytes_total": total})


def _changed(making: Making, state: MakingState, error: str | None = None) -> Making:
    finished = time.time() if state.is_final else None
    return making.model_copy(update={"state": state, "error": error, "finished": finished})


def _sentence(error: Exception) -> str:
    if isinstance(error, EaselError):
        return str(error)
    if isinstance(error, OSError):
        return f"The model could not be written: {error.strerror or error}. Nothing of it was kept."
    _log.error("A making failed.", exc_info=error)
    return "Easel failed inside while it made this; its log says why."
