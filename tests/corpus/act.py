"""What the acts of all engines have in common: a way out with the truth about it, or a look-alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.corpus.world import World

ALWAYS, ROWS, NEVER = "always", "rows", "never"


@dataclass(frozen=True)
class Act:
    """Something somebody does on a server, through a real client.

    ``do`` gets what the engine's acts work with and returns what the client received (or what lies in a file now). ``counted``:
    whether the people can be told within 10 % — ``always``, only when the log reports rows, or ``never`` (then the truth has to lie
    between low and high). ``leaves`` are the roles of the tables whose people leave; none makes it a look-alike.
    """

    name: str
    do: Callable[[Any], str]
    leaves: tuple[str, ...] = ("people",)
    technique: str | None = None
    counted: str = ROWS
    truth: Callable[[World, str], int] | int | None = None  # the people; None: those of whom a value stands in what was received
    most: bool = False  # its events read the same people, one after the other: the largest counts, not the sum
    classes: tuple[str, ...] = ()  # PII classes that must be among those seen

    def people(self, world: World, received: str) -> int:
        """How many people the client really got hold of."""
        if self.truth is None:
            return len(world.who(received))
        return self.truth if isinstance(self.truth, int) else self.truth(world, received)
