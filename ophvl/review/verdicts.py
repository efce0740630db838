"""Results of judged sheets: precision by stratum, agreement of readers, and overrides."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ophvl.dataset.overrides import Override
from ophvl.review.sheet import Item, Judgement

_Z = 1.959964
"""Two-sided 95 % of the normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Share of right readings among those judged right or wrong, with a 95 % Wilson interval."""

    stratum: str
    right: int
    judged: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Return the share of right readings."""
        return self.right / self.judged


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of two readers on the items that both judged right or wrong.

    `kappa` is Cohen's (1960, https://doi.org/10.1177/001316446002000104): agreement beyond chance; None
    where chance alone would always agree.
    """

    readers: tuple[str, str]
    items: int
    share: float
    kappa: float | None


@dataclass(frozen=True, kw_only=True)
class Review:
    """All results of the judgements.

    `overall` weighs each stratum by the readings it was sampled from; None where nothing was judged.
    `disputed` are items that some reader judged right and another wrong, or that are identical to one that
    was judged otherwise: they change nothing.
    """

    precision: tuple[Precision, ...]
    overall: float | None
    agreement: tuple[Agreement, ...]
    wrong: tuple[Override, ...]
    right: tuple[Override, ...]
    disputed: tuple[Item, ...]


def review(judged: Iterable[Item]) -> Review:
    """Combine the judgements of one or more sheets. A reader's last judgement of an item counts."""
    by_item: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in judged:
        if item.judgement in (Judgement.RIGHT, Judgement.WRONG):
            by_item[item.item_id][item.reader] = item
    wrong: list[Item] = []
    right: list[Item] = []
    disputed: list[Item] = []
    for by_reader in by_item.values():
        items = list(by_reader.values())
        judgements = {item.judgement for item in items}
        if len(judgements) > 1:
            disputed.append(items[0])
        else:
            (right if judgements == {Judgement.RIGHT} else wrong).append(items[0])
    both = {item.override() for item in right} & {item.override() for item in wrong}
    disputed += [item for item in (*right, *wrong) if item.override() in both]
    sizes = {
        i.stratum: i.stratum_size for by_reader in by_item.values() for i in by_reader.values()
    }
    precision = _precision(by_item)
    weight = sum(sizes[p.stratum] for p in precision)
    return Review(
        precision=precision,
        overall=sum(p.share * sizes[p.stratum] for p in precision) / weight if weight else None,
        agreement=_agreement(by_item),
        wrong=tuple(row for row in (item.override() for item in wrong) if row not in both),
        right=tuple(row for row in (item.override() for item in right) if row not in both),
        disputed=tuple(disputed),
    )


def wilson(right: int, judged: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953)."""
    share, z2 = right / judged, _Z**2
    middle = (share + z2 / (2 * judged)) / (1 + z2 / judged)
    spread = share * (1 - share) / judged + z2 / (4 * judged**2)
    half = _Z * math.sqrt(spread) / (1 + z2 / judged)
    return max(0.0, middle - half), min(1.0, middle + half)


def _precision(by_item: Mapping[str, Mapping[str, Item]]) -> tuple[Precision, ...]:
    """Count each item once by the majority of its readers; half a vote rounds down."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for by_reader in by_item.values():
        items = list(by_reader.values())
        votes = sum(item.judgement is Judgement.RIGHT for item in items)
        counts[items[0].stratum][0] += 2 * votes > len(items)
        counts[items[0].stratum][1] += 1
    results = []
    for stratum, (right, judged) in sorted(counts.items()):
        low, high = wilson(right, judged)
        results.append(Precision(stratum=stratum, right=right, judged=judged, low=low, high=high))
    return tuple(results)


def _agreement(by_item: Mapping[str, Mapping[str, Item]]) -> tuple[Agreement, ...]:
    readers = sorted({reader for by_reader in by_item.values() for reader in by_reader})
    results = []
    for first, second in combinations(readers, 2):
        both = [
            (
                by_reader[first].judgement is Judgement.RIGHT,
                by_reader[second].judgement is Judgement.RIGHT,
            )
            for by_reader in by_item.values()
            if first in by_reader and second in by_reader
        ]
        if both:
            results.append(_agree((first, second), both))
    return tuple(results)


def _agree(readers: tuple[str, str], both: Sequence[tuple[bool, bool]]) -> Agreement:
    same = sum(a == b for a, b in both) / len(both)
    first, second = (sum(pair[i] for pair in both) / len(both) for i in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    kappa = (same - chance) / (1 - chance) if chance < 1 else None
    return Agreement(readers=readers, items=len(both), share=same, kappa=kappa)
