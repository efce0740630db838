"""Parts: fixed hash buckets of units, so that results are compacted and shared out by part."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ophvl.errors import UsageError

PARTS = 128
"""A part of 44,290 videos holds about 350."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A share of the parts. `name` is how a user writes it: `3/16` is the third of sixteen shares."""

    name: str
    numbers: frozenset[int]

    def __contains__(self, part: int) -> bool:
        return part in self.numbers

    def __and__(self, other: Parts) -> frozenset[int]:
        return self.numbers & other.numbers

    @staticmethod
    def only(part: int) -> Parts:
        """One part alone."""
        return Parts(name=str(part), numbers=frozenset({part}))

    @staticmethod
    def share(text: str) -> Parts:
        """The share that `3/16` names.

        Raises:
            UsageError: it names none.
        """
        index, slash, count = text.partition("/")
        if not (slash and index.isdecimal() and count.isdecimal()):
            raise UsageError(f"--parts {text}: write it as 3/16, the third of sixteen shares")
        k, n = int(index), int(count)
        if not 1 <= k <= n <= PARTS:
            raise UsageError(
                f"--parts {text}: there is no share {k} of {n}; shares are counted from 1, and at most "
                f"{PARTS} are made"
            )
        return Parts(name=f"{k}/{n}", numbers=frozenset(range(k - 1, PARTS, n)))


ALL_PARTS = Parts(name="1/1", numbers=frozenset(range(PARTS)))


def part_of(unit: str) -> int:
    """The part that a unit belongs to, for ever."""
    return int.from_bytes(hashlib.sha256(unit.encode()).digest()[:4], "big") % PARTS
