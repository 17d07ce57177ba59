"""Calls extensions one by one, so that one that fails is named and the others go on."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pluggy

from webui.contracts.errors import HookFailed
from webui.contracts.extension import HookFailure
from webui.hooks import specs
from webui.hooks.calls import Calls
from webui.hooks.failures import FailureLog
from webui.hooks.mailbox import Mailbox
from webui.hooks.patience import Patience, Unreturned
from webui.hooks.points import PLAIN

BUDGET_SECONDS = 0.5
"""What one call of a hook may take before the extension is named as slow."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Use:
    """An extension's part in one request."""

    extension: str
    arguments: object
    """The typed arguments; None where it has none."""


@dataclass(frozen=True)
class Own:
    """An argument of which each extension has its own."""

    of: Callable[[str], object]


@dataclass(frozen=True)
class Decision(Generic[_T]):
    """What an extension decided."""

    extension: str
    answer: _T
    failed: tuple[str, ...] = ()
    """Extensions that were asked before and failed."""


class HookHost:
    """The registered extensions of one process, and the calls to them."""

    def __init__(
        self,
        process: str = "studio",
        tell: Callable[[HookFailure], None] = lambda _: None,
        budget_seconds: float | None = None,
        tell_call: Callable[[str, str], None] = lambda _extension, _hook: None,
        calls: Calls | None = None,
        seconds: Callable[[str], float] | None = None,
    ) -> None:
        """Nothing is registered yet.

        Args:
            process: Whose hooks are called.
            tell: Hears of each failure.
            budget_seconds: What one call may take before the extension is named as slow; None: BUDGET_SECONDS.
            tell_call: Hears of the first call of each hook of an extension.
            calls: Knows of every call that is going on.
            seconds: How long a call of a hook may take before it is left behind; None: as long as it takes.
        """
        self.calls = calls or Calls()
        self.log = FailureLog(process, tell)
        self.patience = Patience(self.calls, self.log, process, seconds)
        self._process = process
        self._budget = BUDGET_SECONDS if budget_seconds is None else budget_seconds
        self._manager = pluggy.PluginManager(specs.PROJECT)
        self._manager.add_hookspecs(specs)
        self._mailboxes: dict[str, Mailbox] = {}
        self._tell_call = tell_call
        self._called: set[tuple[str, str]] = set()

    def register(self, extension: object, name: str) -> None:
        """Add an extension: a module or an object with functions marked `hookimpl`.

        Raises:
            HookFailed: it does not fit the extension points; nothing was added.
        """
        try:
            self._manager.register(extension, name)
            self._manager.check_pending()
            self._check_process(name)
            self._check_plain(name)
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.is_registered(extension) and self._manager.get_name(extension) == name:
                self._manager.unregister(extension)
            raise HookFailed(f"The extension {name!r} cannot be used: {error}") from error

    def unregister(self, name: str) -> None:
        """Take an extension out; nothing happens where it is not in."""
        plugin = self._manager.get_plugin(name)
        if plugin is not None:
            self._manager.unregister(plugin)
        self.patience.forget(name)
        self._called = {pair for pair in self._called if pair[0] != name}
        mailbox = self._mailboxes.pop(name, None)
        if mailbox is not None:
            mailbox.close()

    def extensions(self) -> tuple[str, ...]:
        """Names, in order of registration."""
        return tuple(
            name for name, plugin in self._manager.list_name_plugin() if plugin is not None
        )

    def hooks_of(self, name: str) -> tuple[str, ...]:
        """The extension points that an extension uses."""
        plugin = self._manager.get_plugin(name)
        callers = self._manager.get_hookcallers(plugin) if plugin is not None else None
        return tuple(sorted(caller.name for caller in callers or ()))

    def called(self, name: str) -> frozenset[str]:
        """The extension points at which an extension was called so far."""
        return frozenset(hook for extension, hook in tuple(self._called) if extension == name)

    def failures(self) -> tuple[HookFailure, ...]:
        """The latest errors, oldest first; observers that have not come back are among them."""
        for name, mailbox in list(self._mailboxes.items()):
            self._note_late(name, mailbox)
        return self.log.all()

    def unreturned(self) -> tuple[str, ...]:
        """The observers that are being called just now, as 'hook of extension'."""
        present = [(name, box.present()) for name, box in list(self._mailboxes.items())]
        return tuple(f"{call.hook} of {name}" for name, call in present if call is not None)

    def _note_late(self, name: str, mailbox: Mailbox) -> None:
        present = mailbox.present()
        if present is not None and present.seconds > self._budget:
            self.log.late(name, present.hook, present.seconds)

    def close(self) -> None:
        """Let observers end; those that do not are left to themselves."""
        for mailbox in self._mailboxes.values():
            mailbox.close()

    def settle(self, seconds: float = 5.0) -> bool:
        """Wait until all observers have heard all; False when they have not in time."""
        return all(mailbox.settle(seconds) for mailbox in list(self._mailboxes.values()))

    def collect(
        self, hook: str, checked: Callable[[Any], _T], only: str | None = None, **arguments: Any
    ) -> list[tuple[str, _T]]:
        """What each extension gives, or `only` one, by its name.

        One that fails, or gives what `checked` refuses, is left out.
        """
        answers = []
        for implementation in self._implementations(hook):
            if only not in (None, implementation.plugin_name):
                continue
            try:
                answer = checked(self._call(implementation, hook, arguments))
            except Unreturned:  # it is named, and switched off
                continue
            except Exception as error:  # noqa: BLE001 - the border of the hook host
                self.log.note(implementation.plugin_name, hook, error)
            else:
                answers.append((implementation.plugin_name, answer))
        return answers

    def decide(
        self,
        hook: str,
        what: str,
        checked: Callable[[Any], _T],
        named: Container[str],
        **arguments: Any,
    ) -> Decision[_T]:
        """The first answer, the latest registered extension asked first.

        After one that fails, or gives what `checked` refuses, the next is asked, unless it is `named`.

        Raises:
            HookFailed: one that is named failed, or none answered.
        """
        failed = []
        for implementation in reversed(self._implementations(hook)):
            name = implementation.plugin_name
            try:
                answer = self._obeyed(implementation, hook, what, arguments, checked)
            except HookFailed:
                if name in named:
                    raise
                failed.append(name)
            else:
                if answer is not None:
                    return Decision(name, answer, tuple(failed))
        raise HookFailed(f"No extension answered when one had to {what}.")

    def change(
        self, hook: str, value: _T, checked: Callable[[Any], _T], uses: Sequence[Use], **others: Any
    ) -> _T:
        """The value, changed by each of the extensions in turn; None from one leaves it as it was.

        The hook's first argument is the value.

        Raises:
            HookFailed: one failed, or gave what `checked` refuses; the message names it.
        """
        name = self._first_argument(hook)
        what = hook.replace("_", " the ", 1).replace("_", " ")
        for implementation, use in self._used(hook, uses):
            arguments = {**others, name: value, "arguments": use.arguments}
            answer = self._obeyed(implementation, hook, what, arguments, checked)
            value = value if answer is None else answer
        return value

    def users(self, hook: str) -> tuple[str, ...]:
        """The extensions that use an extension point, in order of registration."""
        return tuple(implementation.plugin_name for implementation in self._implementations(hook))

    def has(self, hook: str, uses: Sequence[Use]) -> bool:
        """Whether any of the extensions uses an extension point."""
        return bool(self._used(hook, uses))

    def observe(self, hook: str, only: str | None = None, **arguments: Any) -> None:
        """Tell each extension, or `only` one, in its own thread; returns at once.

        An argument may be a function of the extension's name, marked by `Own`, for what differs by it.
        """
        for implementation in self._implementations(hook):
            name = implementation.plugin_name
            if only not in (None, name):
                continue
            own = {k: v.of(name) if isinstance(v, Own) else v for k, v in arguments.items()}
            mailbox = self._mailboxes.setdefault(name, Mailbox(name))
            mailbox.put(hook, _Telling(self, implementation, hook, own))
            self._note_late(name, mailbox)

    def tell(
        self, implementation: pluggy.HookImpl, hook: str, arguments: Mapping[str, Any]
    ) -> None:
        """Make one call of an observer; what it raises is kept."""
        try:
            self._call(implementation, hook, arguments, self.clocked)
        except Exception as error:  # noqa: BLE001 - the border of the hook host
            self.log.note(implementation.plugin_name, hook, error)

    def _obeyed(
        self,
        implementation: pluggy.HookImpl,
        hook: str,
        what: str,
        arguments: Mapping[str, Any],
        checked: Callable[[Any], Any] = lambda answer: answer,
    ) -> Any:
        """Any: an extension's answer, or None where it leaves the matter to others."""
        try:
            answer = self._call(implementation, hook, arguments)
            return None if answer is None else checked(answer)
        except Unreturned:
            raise
        except Exception as error:
            self.log.note(implementation.plugin_name, hook, error)
            raise HookFailed(
                f"The extension {implementation.plugin_name!r} failed when it had to {what}: {error}. "
                "Repair it, or leave it out, and try again."
            ) from error

    def _call(
        self,
        implementation: pluggy.HookImpl,
        hook: str,
        arguments: Mapping[str, Any],
        way: Callable[[str, str, Callable[[], Any]], Any] | None = None,
    ) -> Any:
        """Call one implementation with the arguments that it takes.

        Any: an extension's answer; `way` is how it is called, `waited` where nothing is said.

        Raises:
            Unreturned: as `waited`.
            TypeError: it gave a coroutine, which nobody runs.
        """
        pair = implementation.plugin_name, hook
        if pair not in self._called:
            self._called.add(pair)
            self._tell_call(*pair)
        given = [arguments[name] for name in implementation.argnames]
        answer = (way or self.waited)(*pair, lambda: implementation.function(*given))
        if inspect.iscoroutine(answer):
            answer.close()
            raise TypeError(f"{hook} gave a coroutine, which nobody runs; {PLAIN}")
        return answer

    def waited(self, extension: str, hook: str, call: Callable[[], _T]) -> _T:
        """As `clocked`, of a call that somebody waits for, but not for ever.

        Raises:
            Unreturned: it has not come back in time; the extension is switched off.
            BaseException: what it raised.
        """
        return self.patience.wait(extension, hook, lambda: self.clocked(extension, hook, call))

    def clocked(self, extension: str, hook: str, call: Callable[[], _T]) -> _T:
        """What a call into an extension gives; one that takes longer than its budget is named."""
        started = time.perf_counter()
        try:
            return self.calls.during(extension, hook, call)
        finally:
            self.note_time(extension, hook, time.perf_counter() - started)

    def note_time(self, extension: str, hook: str, seconds: float) -> None:
        """Name an extension whose call took longer than its budget."""
        if seconds > self._budget:
            self.log.slow(extension, hook, seconds, self._budget)

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return caller.get_hookimpls()

    def _used(self, hook: str, uses: Sequence[Use]) -> list[tuple[pluggy.HookImpl, Use]]:
        """The implementations of the extensions that are used, in order of registration."""
        by_name = {use.extension: use for use in uses}
        found = self._implementations(hook) if by_name else []
        return [(i, by_name[i.plugin_name]) for i in found if i.plugin_name in by_name]

    def _first_argument(self, hook: str) -> str:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        assert caller.spec is not None  # every hook is in specs.py
        return caller.spec.argnames[0]

    def _check_process(self, name: str) -> None:
        """See that all its hooks are called in this process.

        Raises:
            ValueError: one is not.
        """
        for hook in self.hooks_of(name):
            process = specs.POINTS[hook].process
            if process != self._process:
                raise ValueError(
                    f"{hook} is called in the {process} process; move it to {process}.py"
                )

    def _check_plain(self, name: str) -> None:
        """See that its hooks are functions that have done their work when they come back.

        Raises:
            ValueError: one is a coroutine function, or an asynchronous generator.
        """
        for hook in self.hooks_of(name):
            for implementation in self._implementations(hook):
                function = implementation.function
                late = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
                if late and implementation.plugin_name == name:
                    raise ValueError(
                        f"{hook} is written with 'async def', which nobody runs; {PLAIN}"
                    )


@dataclass(frozen=True)
class _Telling:
    """A call of an observer that is still to be made."""

    host: HookHost
    implementation: pluggy.HookImpl
    hook: str
    arguments: Mapping[str, Any]

    def __call__(self) -> None:
        self.host.tell(self.implementation, self.hook, self.arguments)
