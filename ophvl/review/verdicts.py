"""What judged sheets say: precision by stratum, agreement of readers, and the overrides that follow."""

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
        return self.right / self.judged


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How two readers judge the items that both judged right or wrong.

    `kappa` is Cohen's (1960, https://doi.org/10.1177/001316446002000104): agreement beyond chance; None
    where chance alone would agree always.
    """

    readers: tuple[str, str]
    items: int
    share: float
    kappa: float | None


@dataclass(frozen=True, kw_only=True)
class Review:
    """All that follows from the judgements.

    `overall` weighs each stratum by the readings it was drawn from; None where nothing was judged.
    `disputed` are items that some reader judged right and another wrong, or that cannot be told from one
    that was judged otherwise: they change nothing.
    """

    precision: tuple[Precision, ...]
    overall: float | None
    agreement: tuple[Agreement, ...]
    wrong: tuple[Override, ...]
    right: tuple[Override, ...]
    disputed: tuple[Item, ...]


def review(judged: Iterable[Item]) -> Review:
    """Gather the judgements of one or more sheets. A reader's last word on an item counts."""
    by_item: dict[str, dict[str, Item]] = defaultdict(dict)
    for item in judged:
        if item.judgement in (Judgement.RIGHT, Judgement.WRONG):
            by_item[item.item_id][item.reader] = item
    wrong: list[Item] = []
    right: list[Item] = []
    disputed: list[Item] = []
    for said in by_item.values():
        items = list(said.values())
        judgements = {item.judgement for item in items}
        if len(judgements) > 1:
            disputed.append(items[0])
        else:
            (right if judgements == {Judgement.RIGHT} else wrong).append(items[0])
    both = {item.override() for item in right} & {item.override() for item in wrong}
    disputed += [item for item in (*right, *wrong) if item.override() in both]
    sizes = {i.stratum: i.stratum_size for said in by_item.values() for i in said.values()}
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
    """95 % interval of a share (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953)."""
    share, z2 = right / judged, _Z**2
    middle = (share + z2 / (2 * judged)) / (1 + z2 / judged)
    spread = share * (1 - share) / judged + z2 / (4 * judged**2)
    half = _Z * math.sqrt(spread) / (1 + z2 / judged)
    return max(0.0, middle - half), min(1.0, middle + half)


def _precision(by_item: Mapping[str, Mapping[str, Item]]) -> tuple[Precision, ...]:
    """Each item counts once: its readers share it, and half a vote rounds down."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for said in by_item.values():
        items = list(said.values())
        votes = sum(item.judgement is Judgement.RIGHT for item in items)
        counts[items[0].stratum][0] += 2 * votes > len(items)
        counts[items[0].stratum][1] += 1
    found = []
    for stratum, (right, judged) in sorted(counts.items()):
        low, high = wilson(right, judged)
        found.append(Precision(stratum=stratum, right=right, judged=judged, low=low, high=high))
    return tuple(found)


def _agreement(by_item: Mapping[str, Mapping[str, Item]]) -> tuple[Agreement, ...]:
    readers = sorted({reader for said in by_item.values() for reader in said})
    found = []
    for first, second in combinations(readers, 2):
        both = [
            (said[first].judgement is Judgement.RIGHT, said[second].judgement is Judgement.RIGHT)
            for said in by_item.values()
            if first in said and second in said
        ]
        if both:
            found.append(_agree((first, second), both))
    return tuple(found)


def _agree(readers: tuple[str, str], both: Sequence[tuple[bool, bool]]) -> Agreement:
    same = sum(a == b for a, b in both) / len(both)
    first, second = (sum(pair[i] for pair in both) / len(both) for i in (0, 1))
    chance = first * second + (1 - first) * (1 - second)
    kappa = (same - chance) / (1 - chance) if chance < 1 else None
    return Agreement(readers=readers, items=len(both), share=same, kappa=kappa)
