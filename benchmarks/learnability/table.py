"""The table of a study in Markdown: means over seeds, and the gain of each variant over its control."""

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
"""The smallest gain of phase accuracy that the study should distinguish from zero."""

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
    """Yield the lines of the table, in the order in which bounds and variants are declared.

    There must be at least one row.
    """
    by_name: dict[str, dict[int, _Row]] = defaultdict(dict)
    for row in rows:
        by_name[row["variant"]][row["seed"]] = row
    yield _line(_HEAD)
    yield _line(["---"] * len(_HEAD))
    yield _line(["chance", "", f"{rows[0]['chance']:.3f}", *[""] * 8])
    halves: dict[int, list[float]] = defaultdict(list)
    for name in (*BOUNDS, *VARIANTS):
        own = by_name.get(name, {})
        if not own:
            continue
        cells = [name, str(len(own)), *(_mean(own.values(), figure) for figure in _FIGURES)]
        control = VARIANTS[name].control if name in VARIANTS else name
        before = by_name.get(control, {})
        if control != name and own.keys() & before.keys():
            phase = gain(own, before, "phase_accuracy")
            if phase.half is not None:
                halves[phase.seeds].append(phase.half)
            surgery = gain(own, before, "surgery_accuracy")
            cells += [control, _with_interval(phase), _by_video(own, before)]
            cells.append(_with_interval(surgery))
        else:
            cells += [""] * 4
        yield _line(cells)
    for name, other in COMPARISONS:
        own, before = by_name.get(name, {}), by_name.get(other, {})
        if own.keys() & before.keys():
            phase, surgery = (
                _with_interval(gain(own, before, figure))
                for figure in ("phase_accuracy", "surgery_accuracy")
            )
            yield ""
            yield f"`{name}` over `{other}`: phase gain {phase}, surgery gain {surgery}."
    yield ""
    yield from _resolution(halves)


def gain(variant: Mapping[int, _Row], control: Mapping[int, _Row], figure: str) -> Gain:
    """Compute the gain of a variant over its control in `figure`; both are rows by seed."""
    seeds = variant.keys() & control.keys()
    differences = [variant[seed][figure] - control[seed][figure] for seed in seeds]
    half = None
    if len(differences) > 1:
        error = statistics.stdev(differences) / len(differences) ** 0.5
        half = float(student.ppf(0.975, len(differences) - 1)) * error
    return Gain(seeds=len(differences), mean=statistics.fmean(differences), half=half)


def interval_by_video(
    variant: Mapping[int, _Row], control: Mapping[int, _Row]
) -> tuple[float, float]:
    """Return the 95 % interval of the gain in phase accuracy for other test videos and the same models.

    The bounds are percentiles of a paired bootstrap of the test videos within each seed.
    """
    seeds = sorted(variant.keys() & control.keys())
    random = np.random.default_rng(0)
    replicates = np.zeros(_REPLICATES)
    for seed in seeds:
        right, frames = np.array(variant[seed]["videos"]).T
        right_before, frames_before = np.array(control[seed]["videos"]).T
        if not np.array_equal(frames, frames_before):
            raise ValueError(f"seed {seed}: variant and control were tested on other frames")
        draws = random.integers(len(frames), size=(_REPLICATES, len(frames)))
        better = (right - right_before)[draws].sum(1) / frames[draws].sum(1)
        replicates += better / len(seeds)
    low, high = np.quantile(replicates, [0.025, 0.975])
    return float(low), float(high)


def _by_video(variant: Mapping[int, _Row], control: Mapping[int, _Row]) -> str:
    low, high = interval_by_video(variant, control)
    return f"[{low:+.3f}, {high:+.3f}]"


def _with_interval(gain: Gain) -> str:
    if gain.half is None:
        return f"{gain.mean:+.3f}"
    low, high = gain.mean - gain.half, gain.mean + gain.half
    return f"{gain.mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def _resolution(halves: Mapping[int, Sequence[float]]) -> Iterator[str]:
    """Describe the half widths of intervals, by their number of seeds."""
    if not halves:
        yield "One seed: no conclusion about other seeds."
    for seeds, widths in sorted(halves.items(), reverse=True):
        resolved = sum(half <= RESOLUTION for half in widths)
        yield (
            f"Half widths of the phase gain over {seeds} seeds: {min(widths):.3f} to {max(widths):.3f}; "
            f"{resolved} of {len(widths)} comparisons can distinguish {RESOLUTION:.2f} from zero."
        )


def _mean(rows: Iterable[_Row], figure: str) -> str:
    values = [row[figure] for row in rows if row[figure] is not None]
    return f"{statistics.fmean(values):.3f}" if values else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
