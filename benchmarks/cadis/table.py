"""Format the figures as text and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from benchmarks.cadis.labels import LabelledFrame, videos
from benchmarks.cadis.scores import MIN_VIDEOS, Mean, Pair, mean
from benchmarks.cadis.study import (
    CHANCE,
    FREQUENCY,
    IMAGENET,
    METHODS,
    PROBE,
    RANDOM,
    TRAINED,
    UNTRAINED,
    Settings,
)

SETS: dict[str, Callable[[Pair], bool]] = {
    "trained on, on some frames": lambda pair: pair.informative and pair.trained > 0,
    "never trained on, on some frames": lambda pair: pair.informative and not pair.trained,
    "all, also those on every frame": lambda pair: True,
}
"""The pairs of instrument and video that are averaged. Where an instrument is on every frame, all score 1."""


_FLOORS = (FREQUENCY, CHANCE, UNTRAINED)
"""Baselines that a method is compared with, pair by pair: those before it in METHODS."""
_HEADS = {
    CHANCE: "chance",
    UNTRAINED: "untrained",
    TRAINED: "zero-shot",
    RANDOM: "p random",
    PROBE: "p ours",
    IMAGENET: "p ImageNet",
}


def lines(pairs: Sequence[Pair], settings: Settings) -> Iterator[str]:
    """Yield the lines of every instrument of every video, then those of the means."""
    methods = _methods(pairs)
    head = "".join(f"{_short(name):>11}" for name in methods)
    yield f"{'':<9}{'average precision':<32}{'shown':>9}{'trained':>9}{head}"
    for pair in pairs:
        figures = "".join(f"{pair.precision[name]:>11.3f}" for name in methods)
        shown = f"{pair.shown}/{pair.frames}"
        yield f"{pair.video:<9}{pair.instrument:<32}{shown:>9}{pair.trained:>9}{figures}"
    yield ""
    yield f"mAP with 95 % bootstrap interval over videos, where there are {MIN_VIDEOS} or more"
    for title, belongs in SETS.items():
        chosen = [pair for pair in pairs if belongs(pair)]
        if not chosen:
            yield f"{title}: none"
            continue
        yield f"{title}: {_counted(chosen)}"
        heads = "".join(f"{f'less {name}':<27}" for name in _FLOORS)
        yield f"  {'':<22}{'mAP':<24}{heads}".rstrip()
        for name in methods:
            gains = (_gain(chosen, name, floor, settings) for floor in _below(name))
            columns = "".join(f"{_format(gain, signed=True):<27}" for gain in gains)
            value = _format(_mean(chosen, name, settings))
            yield f"  {name:<22}{value:<24}{columns}".rstrip()


def as_json(
    pairs: Sequence[Pair], frames: Sequence[LabelledFrame], settings: Settings, wall_s: float
) -> dict[str, object]:
    """Collect the figures and the settings for the JSON file."""
    methods = _methods(pairs)
    return {
        "what": "instrument average precision on CaDIS frames, one video left out in turn",
        "frames": {video: sum(f.video == video for f in frames) for video in videos(frames)},
        "methods": {name: METHODS[name] for name in methods},
        "settings": dataclasses.asdict(settings),
        "means": {
            title: {
                "pairs": len(chosen),
                "videos": len({pair.video for pair in chosen}),
                "mAP": {name: _rounded(_mean(chosen, name, settings)) for name in methods},
                **{
                    f"mAP less {floor}": {
                        name: _rounded(_gain(chosen, name, floor, settings))
                        for name in methods
                        if floor in _below(name)
                    }
                    for floor in _FLOORS
                },
            }
            for title, belongs in SETS.items()
            if (chosen := [pair for pair in pairs if belongs(pair)])
        },
        "pairs": [
            {
                **dataclasses.asdict(pair),
                "precision": {name: round(value, 4) for name, value in pair.precision.items()},
            }
            for pair in pairs
        ],
        "wall_s": round(wall_s),
    }


def _below(name: str) -> list[str]:
    """Return the baselines that a method is compared with; none for an untrained baseline."""
    order = list(METHODS)
    floors = [floor for floor in _FLOORS if order.index(floor) < order.index(name)]
    return [] if name == CHANCE else floors


def _methods(pairs: Sequence[Pair]) -> list[str]:
    return [name for name in METHODS if name in pairs[0].precision]


def _mean(pairs: Sequence[Pair], name: str, settings: Settings) -> Mean:
    return mean(pairs, lambda pair: pair.precision[name], draws=settings.draws, seed=settings.seed)


def _gain(pairs: Sequence[Pair], name: str, floor: str, settings: Settings) -> Mean:
    return mean(
        pairs,
        lambda pair: pair.precision[name] - pair.precision[floor],
        draws=settings.draws,
        seed=settings.seed,
    )


def _counted(pairs: Sequence[Pair]) -> str:
    instruments = len({pair.instrument for pair in pairs})
    return (
        f"{len(pairs)} pairs of {instruments} instruments in {len({p.video for p in pairs})} videos"
    )


def _format(figure: Mean, *, signed: bool = False) -> str:
    form = "+.3f" if signed else ".3f"
    if figure.low is None or figure.high is None:
        return f"{figure.value:{form}}"
    return f"{figure.value:{form}} [{figure.low:{form}}, {figure.high:{form}}]"


def _rounded(figure: Mean) -> dict[str, float | None]:
    values = dataclasses.asdict(figure).items()
    return {name: None if value is None else round(value, 4) for name, value in values}


def _short(name: str) -> str:
    """Return the head of a method's column."""
    return _HEADS.get(name, name)
