"""Making the choices that a prompt leaves: by a seed, or all of them one after the other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence

from webui.contracts.errors import BadRequest, UnknownWildcard
from webui.contracts.parameters.drawing import MAX_PROMPT_CHARACTERS
from webui.prompt.choices import Node, Option, Variants, Wildcard, parse_choices

MAX_NESTING = 20
"""Wildcards inside wildcards."""
MAX_PICKS = 100
"""Options that {50$$...} takes at most."""
MAX_CHOICES = 20_000
"""Choices that one prompt may take, so that nothing grows without end."""

Entries = Callable[[str], Sequence[Option]]
"""Name of a wildcard, perhaps with *, to its entries; raises BadRequest where there is none."""


def no_wildcards(name: str) -> Sequence[Option]:
    """For texts that can name none."""
    raise UnknownWildcard(name, ())


def draw_prompt(prompt: str, seed: str, entries: Entries = no_wildcards) -> str:
    """The prompt with all its choices made by chance; equal seeds make equal choices.

    Args:
        prompt: Without comments.
        seed: Any text; only `random.random` is drawn from, which Python keeps the same for ever.
        entries: Knows the wildcards.

    Raises:
        BadRequest: a wildcard is unknown, nests without end, or the prompt grows too long.
    """
    return _within(_Drawer(random.Random(seed), entries).nodes(parse_choices(prompt)))


def every_prompt(prompt: str, entries: Entries = no_wildcards) -> Iterator[str]:
    """The prompt with its choices made in every way, the last choice changing first; made lazily.

    Weights do not count here, but an option of weight 0 is never taken.

    Raises:
        BadRequest: as `draw_prompt`, when the prompt at fault is reached.
    """
    return map(_within, _Walker(entries).sequence(parse_choices(prompt)))


def _within(prompt: str) -> str:
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise BadRequest(
            f"With its choices made the prompt has {len(prompt)} characters; at most "
            f"{MAX_PROMPT_CHARACTERS} are taken. Shorten the wildcards' entries."
        )
    return prompt


class _Wildcards:
    """Looks wildcards up, and knows through which ones it came here."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._trail: list[str] = []
        self._choices = 0

    def look_up(self, name: str) -> Sequence[Option]:
        """Entries that may be taken."""
        self.count()
        options = [option for option in self._entries(name) if option.weight > 0]
        if not options:
            raise BadRequest(
                f"The wildcard {name[:100]!r} has no entry. Write one a line into its file."
            )
        return options

    def enter(self, name: str) -> None:
        """Go into an entry of a wildcard."""
        if len(self._trail) >= MAX_NESTING:
            way = " -> ".join(f"__{step}__" for step in self._trail[-4:])
            raise BadRequest(
                f"Wildcards nest more than {MAX_NESTING} deep (... {way} -> ...); do they name one "
                "another in a circle?"
            )
        self._trail.append(name)

    def leave(self) -> None:
        """Come out again."""
        self._trail.pop()

    def count(self) -> None:
        """One more choice."""
        self._choices += 1
        if self._choices > MAX_CHOICES:
            raise BadRequest(
                f"The prompt takes more than {MAX_CHOICES} choices; its wildcards multiply one another."
            )

    def options(self, variants: Variants) -> tuple[Sequence[Option], str | None]:
        """What there is to choose from; and the wildcard that it comes from, where it is one."""
        self.count()
        if len(variants.options) == 1 and len(variants.options[0].nodes) == 1:
            (node,) = variants.options[0].nodes
            if isinstance(node, Wildcard):
                return self.look_up(node.name), node.name
        return [option for option in variants.options if option.weight > 0], None


class _Drawer(_Wildcards):
    """Chooses by chance."""

    def __init__(self, chance: random.Random, entries: Entries) -> None:
        super().__init__(entries)
        self._chance = chance

    def nodes(self, nodes: Sequence[Node]) -> str:
        return "".join(node if isinstance(node, str) else self._choose(node) for node in nodes)

    def _choose(self, node: Wildcard | Variants) -> str:
        variants = Variants((Option((node,)),)) if isinstance(node, Wildcard) else node
        options, wildcard = self.options(variants)
        low, high = _bounds(variants, len(options))
        wanted = low + int(self._chance.random() * (high - low + 1))
        left, said = list(options), []
        for _ in range(wanted):
            said.append(self._said(left.pop(self._weighed(left)), wildcard))
        return variants.joiner.join(said)

    def _said(self, option: Option, wildcard: str | None) -> str:
        if wildcard is None:
            return self.nodes(option.nodes)
        self.enter(wildcard)
        said = self.nodes(option.nodes)
        self.leave()
        return said

    def _weighed(self, options: Sequence[Option]) -> int:
        point = self._chance.random() * sum(option.weight for option in options)
        for i, option in enumerate(options):
            point -= option.weight
            if point < 0:
                return i
        return len(options) - 1


class _Walker(_Wildcards):
    """Chooses in every way."""

    def sequence(self, nodes: Sequence[Node]) -> Iterator[str]:
        """Every way to say some nodes; without recursion over them, for there may be thousands."""
        if not nodes:
            yield ""
            return
        ways, said = [self._node(nodes[0])], list[str]()
        while ways:
            following = next(ways[-1], None)
            if following is None:
                ways.pop()
                said = said[:-1]
            elif len(ways) == len(nodes):
                yield "".join([*said, following])
            else:
                said = [*said, following]
                ways.append(self._node(nodes[len(ways)]))

    def _node(self, node: Node) -> Iterator[str]:
        if isinstance(node, str):
            yield node
            return
        variants = Variants((Option((node,)),)) if isinstance(node, Wildcard) else node
        options, wildcard = self.options(variants)
        low, high = _bounds(variants, len(options))
        for wanted in range(low, high + 1):
            for chosen in itertools.permutations(options, wanted):
                yield from self._joined(chosen, variants.joiner, wildcard)

    def _joined(
        self, options: Sequence[Option], joiner: str, wildcard: str | None
    ) -> Iterator[str]:
        nodes: list[Node] = []
        for i, option in enumerate(options):
            nodes += [*([joiner] if i else []), *option.nodes]
        if wildcard is None:
            yield from self.sequence(nodes)
            return
        self.enter(wildcard)
        said = self.sequence(nodes)
        while (text := next(said, None)) is not None:
            self.leave()  # the caller goes on elsewhere before the next one
            yield text
            self.enter(wildcard)
        self.leave()


def _bounds(variants: Variants, options: int) -> tuple[int, int]:
    """How many to take, of as many as there are."""
    high = min(options, MAX_PICKS, MAX_PICKS if variants.high is None else variants.high)
    return min(variants.low, high), high
