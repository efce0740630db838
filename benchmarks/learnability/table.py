"""The table of a study: means over seeds, and what each variant gains over its control, in Markdown."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t as student

from benchmarks.learnability.bounds import BOUNDS
from benchmarks.learnability.variants import COMPARISONS, VARIANTS

RESOLUTION = 0.03
"""The study should tell so large a gain of phase accuracy from none."""

_REPLICATES = 2000
_HEAD = (
    "variant",
    "seeds",
    "phase accuracy",
    "macro-F1",
    "surgery accuracy",
    "instrument mAP",
    "R@1",
    "control",
    "phase gain [95 % by seed]",
    "[95 % by video]",
    "surgery gain [95 % by seed]",
)
_FIGURES = ("phase_accuracy", "phase_f1", "surgery_accuracy", "instrument_map", "recall_at_1")

_Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Mean difference to a control over the seeds that both have, with the half width of its 95 % interval.

    Seeds differ in the corpus, the test videos and all that training draws, so that the interval (Student's
    t over the differences) holds for another seed. With one seed there is none.
    """

    seeds: int
    mean: float
    half: float | None


def table(rows: Sequence[_Row]) -> Iterator[str]:
    """Lines of Markdown, in the order in which bounds and variants are declared. There must be a row."""
    by_name: dict[str, dict[int, _Row]] = defaultdict(dict)
    for row in rows:
        by_name[row["variant"]][row["seed"]] = row
    yield _line(_HEAD)
    yield _line(["---"] * len(_HEAD))
    yield _line(["chance", "", f"{rows[0]['chance']:.3f}", *[""] * 8])
    halves: dict[int, list[float]] = defaultdict(list)
    for name in (*BOUNDS, *VARIANTS):
        found = by_name.get(name, {})
        if not found:
            continue
        cells = [name, str(len(found)), *(_mean(found.values(), figure) for figure in _FIGURES)]
        control = VARIANTS[name].control if name in VARIANTS else name
        before = by_name.get(control, {})
        if control != name and found.keys() & before.keys():
            phase = gain(found, before, "phase_accuracy")
            if phase.half is not None:
                halves[phase.seeds].append(phase.half)
            surgery = gain(found, before, "surgery_accuracy")
            cells += [control, _with_interval(phase), _by_video(found, before)]
            cells.append(_with_interval(surgery))
        else:
            cells += [""] * 4
        yield _line(cells)
    for name, other in COMPARISONS:
        found, before = by_name.get(name, {}), by_name.get(other, {})
        if found.keys() & before.keys():
            phase, surgery = (
                _with_interval(gain(found, before, figure))
                for figure in ("phase_accuracy", "surgery_accuracy")
            )
            yield ""
            yield f"`{name}` beside `{other}`: phase gain {phase}, surgery gain {surgery}."
    yield ""
    yield from _resolution(halves)


def gain(found: Mapping[int, _Row], control: Mapping[int, _Row], figure: str) -> Gain:
    """What a variant gains over its control in `figure`; both are rows by seed."""
    seeds = found.keys() & control.keys()
    differences = [found[seed][figure] - control[seed][figure] for seed in seeds]
    half = None
    if len(differences) > 1:
        error = statistics.stdev(differences) / len(differences) ** 0.5
        half = float(student.ppf(0.975, len(differences) - 1)) * error
    return Gain(seeds=len(differences), mean=statistics.fmean(differences), half=half)


def interval_by_video(
    found: Mapping[int, _Row], control: Mapping[int, _Row]
) -> tuple[float, float]:
    """95 % interval of the gain in phase accuracy for other test videos, but the same trained models.

    Percentiles of a paired bootstrap of the test videos within each seed.
    """
    seeds = sorted(found.keys() & control.keys())
    random = np.random.default_rng(0)
    replicates = np.zeros(_REPLICATES)
    for seed in seeds:
        right, shown = np.array(found[seed]["videos"]).T
        right_before, shown_before = np.array(control[seed]["videos"]).T
        if not np.array_equal(shown, shown_before):
            raise ValueError(f"seed {seed}: variant and control were judged on other pictures")
        draws = random.integers(len(shown), size=(_REPLICATES, len(shown)))
        better = (right - right_before)[draws].sum(1) / shown[draws].sum(1)
        replicates += better / len(seeds)
    low, high = np.quantile(replicates, [0.025, 0.975])
    return float(low), float(high)


def _by_video(found: Mapping[int, _Row], control: Mapping[int, _Row]) -> str:
    low, high = interval_by_video(found, control)
    return f"[{low:+.3f}, {high:+.3f}]"


def _with_interval(gained: Gain) -> str:
    if gained.half is None:
        return f"{gained.mean:+.3f}"
    low, high = gained.mean - gained.half, gained.mean + gained.half
    return f"{gained.mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def _resolution(halves: Mapping[int, Sequence[float]]) -> Iterator[str]:
    """Half widths by the number of seeds behind them."""
    if not halves:
        yield "One seed: nothing is said of other seeds."
    for seeds, found in sorted(halves.items(), reverse=True):
        told = sum(half <= RESOLUTION for half in found)
        yield (
            f"Half widths of the phase gain over {seeds} seeds: {min(found):.3f} to {max(found):.3f}; "
            f"{told} of {len(found)} comparisons tell {RESOLUTION:.2f} from nothing."
        )


def _mean(rows: Iterable[_Row], figure: str) -> str:
    values = [row[figure] for row in rows if row[figure] is not None]
    return f"{statistics.fmean(values):.3f}" if values else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
