"""Everything that can go wrong, as a tree; each error is a sentence for the person who meets it.

    EaselError
    |-- BadRequest            the caller asked for something impossible; nothing was changed
    |   |-- InvalidField      one or more fields are out of range, unknown or of the wrong type
    |   |-- UnknownModel      no such checkpoint; names the near ones
    |   |-- UnknownAdapter    no such controlnet or LoRA; names the near ones
    |   |-- UnknownWildcard   no such wildcard; names the near ones
    |   |-- BadExtension      an extension that cannot be read, installed or used
    |   |-- UnknownPromptFunction  no function of the prompt language has this name
    |   |-- UnknownVariable   a prompt reads a name that nothing in it set; names the near ones
    |   |-- ForbiddenAddress  an address inside this network, which a stranger's link must not reach
    |   `-- BadImage          a file that is no picture, or one too large to take
    |-- NotFound              no job, picture or image has this id
    |-- NotAllowed            this studio, as it was started, does not do that for anybody
    |-- JobFailed             a job ended without its pictures, for a reason worth reading
    |   |-- OutOfMemory       one row alone does not fit the device
    |   |-- FileChanged       a model's file was written to while it was mapped into memory
    |   `-- HookFailed        an extension that had to decide something raised an error
    |-- NotAModel             the file is no checkpoint of a family that we know, with reasons
    |   `-- UnsafeModel       a pickled file that could run code when opened; names what
    |-- BrokenModel           recognised, but damaged
    |   `-- LacksFile         a file that it needs beside itself is not there
    |-- DownloadFailed        a file could not be fetched, or is not what it was said to be
    `-- UnusableDatabase      the record cannot be opened or brought to the present schema

A message says what happened, quotes the value, says what was expected and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class EaselError(Exception):
    """Root of all errors that are meant to be read by a person."""


class BadRequest(EaselError):
    """The caller asked for something impossible; nothing was changed."""


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field of a request."""

    field: str
    """Dotted name, as in the JSON."""
    value: str
    """The offending value, shortened to 100 characters."""
    expected: str
    """The range, the choices or the type that would have been right."""

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.field} is {self.value}, expected {self.expected}."


class InvalidField(BadRequest):
    """One or more fields are out of range, unknown or of the wrong type."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(" ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class UnknownModel(BadRequest):
    """No checkpoint has this id."""

    def __init__(self, model: str, near: Sequence[str]) -> None:
        hint = (
            f"Did you mean {' or '.join(repr(n) for n in near)}?"
            if near
            else "No model is installed."
        )
        super().__init__(
            f"There is no model {model[:100]!r}. {hint} GET /api/v1/models lists them all."
        )
        self.model = model
        self.near = tuple(near)


class UnknownAdapter(BadRequest):
    """No controlnet or LoRA has this id."""

    def __init__(self, kind: str, adapter: str, near: Sequence[str]) -> None:
        hint = (
            f"Did you mean {' or '.join(repr(n) for n in near)}?"
            if near
            else f"No {kind} is installed."
        )
        super().__init__(
            f"There is no {kind} {adapter[:100]!r}. {hint} GET /api/v1/adapters lists them all."
        )
        self.kind = kind
        self.adapter = adapter
        self.near = tuple(near)


class UnknownWildcard(BadRequest):
    """No wildcard has this name."""

    def __init__(self, wildcard: str, near: Sequence[str]) -> None:
        hint = (
            f"Did you mean {' or '.join(f'__{n}__' for n in near)}?"
            if near
            else "No wildcards are installed: put text files into the folder wildcards."
        )
        super().__init__(
            f"There is no wildcard {wildcard[:100]!r}. {hint} Write \\_ where an underscore is meant."
        )
        self.wildcard = wildcard
        self.near = tuple(near)


class BadExtension(BadRequest):
    """An extension that cannot be read, installed or used; the message says why."""


class UnknownPromptFunction(BadRequest):
    """No function of the prompt language has this name."""

    def __init__(self, function: str, known: Sequence[str]) -> None:
        super().__init__(
            f"There is no prompt function {function[:100]!r}; there are {', '.join(known) or 'none'}. If it is an "
            "extension's, enable the extension. Write \\{ where a brace is meant."
        )
        self.function = function
        self.known = tuple(known)


class UnknownVariable(BadRequest):
    """A prompt reads a name that nothing in it set."""

    def __init__(self, variable: str, near: Sequence[str]) -> None:
        hint = f"Did you mean {' or '.join(f'${{{n}}}' for n in near)}? " if near else ""
        super().__init__(
            f"Nothing in the prompt says what {f'${{{variable}}}'!r} is. {hint}Set it before with "
            f"{f'${{{variable}=...}}'}, or give it something to be otherwise: {f'${{{variable}:...}}'}."
        )
        self.variable = variable
        self.near = tuple(near)


class BadImage(BadRequest):
    """A file that is no picture, or one too large to take."""


class ForbiddenAddress(BadRequest):
    """A link leads to an address that is not public, directly or by a redirect."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(
            f"{host[:100]!r} is at {address}, which is no public address; links must not reach into this "
            "network. Start with --allow-private-downloads where that is meant."
        )


class NotFound(EaselError):
    """No job, picture or image has this id."""

    def __init__(self, kind: str, wanted: str) -> None:
        super().__init__(
            f"There is no {kind} {wanted[:100]!r}. It may have been deleted, or never existed."
        )


class NotAllowed(EaselError):
    """This studio, as it was started, does not do that for anybody; the message says why."""


class JobFailed(EaselError):
    """A job ended without its pictures, for a reason worth reading."""


class OutOfMemory(JobFailed):
    """One row alone does not fit the device's memory."""


class FileChanged(JobFailed):
    """A model's file was written to while it was mapped into memory."""


class HookFailed(JobFailed):
    """An extension that had to decide something raised an error; the message names it."""


class NotAModel(EaselError):
    """The file is no checkpoint of a family that we know; the message lists each family's reason."""


class UnsafeModel(NotAModel):
    """A pickled file names something that no file of weights needs and that could run code."""

    def __init__(self, named: str, file: str = "It") -> None:
        super().__init__(
            f"{file!r} names {named!r}, which could run code when opened and which no file of weights needs. "
            "It was not opened. Look for the model as .safetensors, or have it converted by whom you trust."
        )
        self.named = named


class BrokenModel(EaselError):
    """The file is recognised, but damaged: truncated, unreadable, or of impossible shapes."""


class LacksFile(BrokenModel):
    """A model is whole and needs a file beside itself that is not there."""

    def __init__(self, message: str, places: Sequence[str]) -> None:
        super().__init__(message)
        self.places = tuple(places)
        """Absolute paths where it would be found."""


class DownloadFailed(EaselError):
    """A file could not be fetched, or is not what it was said to be; nothing was installed."""


class UnusableDatabase(EaselError):
    """The record cannot be opened, or not be brought to the present schema; it was not changed."""
