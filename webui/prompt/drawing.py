"""Making the choices that a prompt leaves: by a seed, or all of them one after the other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence

from webui.contracts.errors import BadRequest, UnknownPromptFunction, UnknownWildcard
from webui.contracts.parameters.drawing import MAX_PROMPT_CHARACTERS
from webui.contracts.prompt_functions import PromptCall, PromptFunction
from webui.prompt.choices import parse_choices
from webui.prompt.nodes import Assignment, Call, Node, Option, Variable, Variants, Wildcard
from webui.prompt.scope import Scope

MAX_PICKS = 100
"""Options that {50$$...} takes at most."""
MAX_CHOICES = 20_000
"""Choices that one prompt may take, so that nothing grows without end."""

Entries = Callable[[str], Sequence[Option]]
"""Name of a wildcard, perhaps with *, to its entries; raises BadRequest where there is none."""
Functions = Callable[[str], PromptFunction]
"""Name of a function to what it does; raises BadRequest where there is none."""
_Way = tuple[str, Scope]
"""What was said so far, and what names stand for behind it."""


def no_wildcards(name: str) -> Sequence[Option]:
    """For texts that can name none."""
    raise UnknownWildcard(name, ())


def no_functions(name: str) -> PromptFunction:
    """For texts that can call none."""
    raise UnknownPromptFunction(name, ())


def draw_prompt(
    prompt: str,
    seed: str,
    entries: Entries = no_wildcards,
    turn: int = 0,
    functions: Functions = no_functions,
) -> str:
    """The prompt with all its choices made by chance; equal seeds make equal choices.

    Args:
        prompt: Without comments.
        seed: Any text; only `random.random` is drawn from, which Python keeps the same for ever.
        entries: Knows the wildcards.
        turn: Which of the options that are taken in turn.
        functions: Knows the functions.

    Raises:
        BadRequest: a wildcard, variable or function is unknown, nests without end, or the prompt grows too long.
    """
    drawer = _Drawer(random.Random(seed), entries, turn, functions)
    try:
        return _within(drawer.say(parse_choices(prompt), Scope()))
    except RecursionError:
        raise _too_deep() from None


def every_prompt(
    prompt: str, entries: Entries = no_wildcards, functions: Functions = no_functions
) -> Iterator[str]:
    """The prompt with its choices made in every way, the last choice changing first; made lazily.

    Weights do not count here, but an option of weight 0 is never taken. A choice that a variable makes
    once comes before those of the rest. A function says one thing for each way to say its arguments.

    Raises:
        BadRequest: as `draw_prompt`, when the prompt at fault is reached.
    """
    try:
        yield from map(_within, _Walker(entries, functions).ways(parse_choices(prompt), Scope()))
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> BadRequest:
    return BadRequest(
        "The prompt's choices nest too deep to be made: braces in wildcards' entries in braces. Write "
        "them flatter."
    )


def _within(prompt: str) -> str:
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise BadRequest(
            f"With its choices made the prompt has {len(prompt)} characters; at most "
            f"{MAX_PROMPT_CHARACTERS} are taken. Shorten the wildcards' entries."
        )
    return prompt


class _Chooser:
    """Looks up what there is to choose from, and counts."""

    def __init__(self, entries: Entries, functions: Functions) -> None:
        self._entries, self._functions = entries, functions
        self._choices = 0

    def count(self) -> None:
        """One more choice."""
        self._choices += 1
        if self._choices > MAX_CHOICES:
            raise BadRequest(
                f"The prompt takes more than {MAX_CHOICES} choices; its wildcards multiply one another."
            )

    def look_up(self, name: str) -> Sequence[Option]:
        """Entries of a wildcard that may be taken."""
        self.count()
        options = [option for option in self._entries(name) if option.weight > 0]
        if not options:
            raise BadRequest(
                f"The wildcard {name[:100]!r} has no entry. Write one a line into its file."
            )
        return options

    def called(self, name: str, arguments: Sequence[str], seed: str) -> str:
        """What a function says, its chance of this seed."""
        self.count()
        stripped = tuple(argument.strip() for argument in arguments)
        return self._functions(name)(PromptCall(stripped, random.Random(seed)))

    def options(self, variants: Variants) -> Sequence[Option]:
        """Those of some variants that may be taken."""
        self.count()
        return [option for option in variants.options if option.weight > 0]


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """What is set comes before what is said, wherever it stands."""
    return sorted(nodes, key=lambda node: not isinstance(node, Assignment))


def _as_variants(node: Wildcard | Variants) -> Variants:
    """A wildcard is one of its entries."""
    if isinstance(node, Variants):
        return node
    return Variants((Option((node,)),), in_turn=node.in_turn)


def _sole_wildcard(variants: Variants) -> Wildcard | None:
    """The wildcard that {2$$__name__} draws its different entries from."""
    if len(variants.options) == 1 and len(variants.options[0].nodes) == 1:
        (node,) = variants.options[0].nodes
        return node if isinstance(node, Wildcard) else None
    return None


class _Drawer(_Chooser):
    """Chooses by chance."""

    def __init__(
        self, chance: random.Random, entries: Entries, turn: int, functions: Functions
    ) -> None:
        super().__init__(entries, functions)
        self._chance = chance
        self._turn = turn

    def say(self, nodes: Sequence[Node], scope: Scope) -> str:
        """Some nodes, all choices made."""
        said = []
        for node in _in_order(nodes):
            if isinstance(node, Assignment):
                scope = self._set(node, scope, scope)
            else:
                said.append(node if isinstance(node, str) else self._choose(node, scope))
        return "".join(said)

    def _set(self, node: Assignment, scope: Scope, outside: Scope) -> Scope:
        """The scope with a name's value, which is read in another one if at once."""
        if node.gives_way and scope.knows(node.name):
            return scope
        value = (self.say(node.value, outside),) if node.at_once else node.value
        return scope.bind(node.name, value)

    def _choose(self, node: Variable | Wildcard | Call | Variants, scope: Scope) -> str:
        if isinstance(node, Call):
            arguments = [self.say(argument, scope) for argument in node.arguments]
            return self.called(node.name, arguments, str(self._chance.random()))
        if isinstance(node, Variable):
            self.count()
            return self.say(*scope.read(node))
        variants = _as_variants(node)
        wildcard = _sole_wildcard(variants)
        if wildcard is None:
            options = self.options(variants)
        else:
            name = self.say(wildcard.name, scope)
            options, outside = self.look_up(name), scope
            scope = scope.inside(f"__{name}__")
            for value in wildcard.values:
                scope = self._set(value, scope, outside)
        low, high = _bounds(variants, len(options))
        wanted = low + int(self._chance.random() * (high - low + 1))
        left, said = list(options), []
        for _ in range(wanted):
            place = self._turn % len(left) if variants.in_turn else self._weighed(left)
            said.append(self.say(left.pop(place).nodes, scope))
        return variants.joiner.join(said)

    def _weighed(self, options: Sequence[Option]) -> int:
        point = self._chance.random() * sum(option.weight for option in options)
        for i, option in enumerate(options):
            point -= option.weight
            if point < 0:
                return i
        return len(options) - 1


class _Walker(_Chooser):
    """Chooses in every way."""

    def ways(self, nodes: Sequence[Node], scope: Scope) -> Iterator[str]:
        """Every way to say some nodes."""
        for said, _ in self._walk(_in_order(nodes), scope, None):
            yield said

    def _walk(self, nodes: Sequence[Node], scope: Scope, outside: Scope | None) -> Iterator[_Way]:
        """Every way through some nodes; without recursion over them, for there may be thousands.

        What is set at once is read in `outside`, or in the scope behind what was set before.
        """
        ways: list[Iterator[_Way]] = [iter([("", scope)])]
        while ways:
            way = next(ways[-1], None)
            if way is None:
                ways.pop()
            elif len(ways) > len(nodes):
                yield way
            else:
                ways.append(self._step(nodes[len(ways) - 1], way, outside))

    def _step(self, node: Node, way: _Way, outside: Scope | None) -> Iterator[_Way]:
        said, scope = way
        if isinstance(node, str):
            yield said + node, scope
        elif not isinstance(node, Assignment):
            for text in self._choose(node, scope):
                yield said + text, scope
        elif node.gives_way and scope.knows(node.name):
            yield way
        elif node.at_once:
            for text in self.ways(node.value, outside or scope):
                yield said, scope.bind(node.name, (text,))
        else:
            yield said, scope.bind(node.name, node.value)

    def _choose(self, node: Variable | Wildcard | Call | Variants, scope: Scope) -> Iterator[str]:
        if isinstance(node, Call):
            ways = (list(self.ways(argument, scope)) for argument in node.arguments)
            for arguments in itertools.product(*ways):
                yield self.called(node.name, arguments, repr(arguments))
            return
        if isinstance(node, Variable):
            self.count()
            yield from self.ways(*scope.read(node))
            return
        variants = _as_variants(node)
        wildcard = _sole_wildcard(variants)
        if wildcard is None:
            yield from self._chosen(variants, self.options(variants), scope)
            return
        for name in self.ways(wildcard.name, scope):
            options = self.look_up(name)
            within = scope.inside(f"__{name}__")
            for _, inner in self._walk(wildcard.values, within, scope):
                yield from self._chosen(variants, options, inner)

    def _chosen(self, variants: Variants, options: Sequence[Option], scope: Scope) -> Iterator[str]:
        low, high = _bounds(variants, len(options))
        for wanted in range(low, high + 1):
            for chosen in itertools.permutations(options, wanted):
                yield from self._joined(chosen, variants.joiner, scope)

    def _joined(self, options: Sequence[Option], joiner: str, scope: Scope) -> Iterator[str]:
        """Every way to say some options one after the other; what one sets is its own."""
        if len(options) == 1:
            return self.ways(options[0].nodes, scope)
        parts: list[Node] = []
        for option in options:
            parts += [joiner, Variants((option,))]
        return self.ways(parts[1:], scope)


def _bounds(variants: Variants, options: int) -> tuple[int, int]:
    """How many to take, of as many as there are."""
    high = min(options, MAX_PICKS, MAX_PICKS if variants.high is None else variants.high)
    return min(variants.low, high), high
