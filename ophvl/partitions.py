"""Partitions: fixed hash buckets of units, by which results are compacted and jobs share the work."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ophvl.errors import UsageError

PARTITIONS = 128
"""A partition of 44,290 videos holds about 350."""


@dataclass(frozen=True, kw_only=True)
class Partitions:
    """A share of the partitions. `name` is how a user writes it: `3/16` is the third of sixteen shares."""

    name: str
    numbers: frozenset[int]

    def __contains__(self, number: int) -> bool:
        return number in self.numbers

    def __and__(self, other: Partitions) -> frozenset[int]:
        return self.numbers & other.numbers

    @staticmethod
    def only(number: int) -> Partitions:
        """Return the share of one partition."""
        return Partitions(name=str(number), numbers=frozenset({number}))

    @staticmethod
    def share(text: str) -> Partitions:
        """Return the share that a text such as `3/16` names.

        Raises:
            UsageError: it names none.
        """
        index, slash, count = text.partition("/")
        if not (slash and index.isdecimal() and count.isdecimal()):
            raise UsageError(f"--parts {text}: write it as 3/16, the third of sixteen shares")
        k, n = int(index), int(count)
        if not 1 <= k <= n <= PARTITIONS:
            raise UsageError(
                f"--parts {text}: there is no share {k} of {n}; shares are counted from 1, and at most "
                f"{PARTITIONS} are made"
            )
        return Partitions(name=f"{k}/{n}", numbers=frozenset(range(k - 1, PARTITIONS, n)))


ALL_PARTITIONS = Partitions(name="1/1", numbers=frozenset(range(PARTITIONS)))


def partition_of(unit: str) -> int:
    """Return the partition of a unit; it never changes."""
    return int.from_bytes(hashlib.sha256(unit.encode()).digest()[:4], "big") % PARTITIONS
