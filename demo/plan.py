"""The plan of a video: its appearance, its steps in time, and its spoken lines.

A plan follows from seed, kind and index alone. Only a narrated one is lengthened afterwards, by the
measured length of its spoken lines (`fit_to_speech`), so that each line is spoken during its own phase.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from demo.drawing.look import Look, make_look
from demo.phases import EyeState, Instrument, Phase, PhasePart, advance, instrument_uses
from demo.script import CLOSINGS, GREETINGS, MAKEUP, SPONSORS, spoken_line

LEAD_S = 0.5
"""Silence between the start of a phase and its sentence."""

TAIL_S = 0.5
"""Least time between the end of a sentence and the end of its phase."""


MOST_PHASES_SAID = 8
"""Most phases that a narrator comments on; with greeting and closing these are ten sentences."""


class VideoKind(StrEnum):
    """The kinds of videos in the corpus."""

    NARRATED = "narrated"
    SILENT = "silent"
    OTHER = "other"


class Sound(StrEnum):
    """The contents of a video's audio stream."""

    SPEECH = "speech"
    HUM = "hum"
    NONE = "none"


_SOUNDS = (Sound.NONE, Sound.HUM, Sound.NONE)
"""The sounds of silent videos, by turns."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A span of a video: a phase, or an idle view (phase None). Times in seconds."""

    phase: Phase | None
    part: PhasePart
    start_s: float
    end_s: float
    line: str
    before: EyeState
    jump: tuple[float, float]

    @property
    def length_s(self) -> float:
        """Length of the step in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, kw_only=True)
class InstrumentSpan:
    """An instrument is visible during [start_s, end_s)."""

    instrument: Instrument
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class VideoPlan:
    """Everything that determines the pixels and the words of one video."""

    seed: int
    kind: VideoKind
    index: int
    look: Look
    steps: tuple[Step, ...]
    sound: Sound

    @property
    def stem(self) -> str:
        """File name without suffix."""
        return f"{self.kind}_{self.index + 1:02d}"

    @property
    def duration_s(self) -> float:
        """Length of the video in seconds."""
        return self.steps[-1].end_s

    def rng(self, topic: str) -> random.Random:
        """Return the random generator of this video for a topic."""
        return stream(self.seed, self.kind, self.index, topic)

    def instruments(self) -> list[InstrumentSpan]:
        """Return the spans during which each instrument is visible."""
        return [
            InstrumentSpan(
                instrument=use.instrument,
                start_s=step.start_s + use.start * step.length_s,
                end_s=step.start_s + use.end * step.length_s,
            )
            for step in self.steps
            if step.phase is not None
            for use in instrument_uses(step.phase, step.part, self.look)
        ]


def stream(seed: int, kind: VideoKind, index: int, topic: str) -> random.Random:
    """Return a random generator that is seeded by the arguments alone."""
    return random.Random(f"{seed}/{kind}/{index}/{topic}")


def make_plan(seed: int, kind: VideoKind, index: int) -> VideoPlan:
    """Plan one video of the corpus of `seed`."""
    look = make_look(stream(seed, kind, index, "look"))
    rng = stream(seed, kind, index, "steps")
    if kind is VideoKind.OTHER:
        steps = _makeup_steps(rng)
    else:
        steps = _surgery_steps(rng, look, narrated=kind is VideoKind.NARRATED)
    if kind is VideoKind.NARRATED:
        steps = _with_lines(seed, index, look, steps)
    sound = _SOUNDS[index % len(_SOUNDS)] if kind is VideoKind.SILENT else Sound.SPEECH
    return VideoPlan(seed=seed, kind=kind, index=index, look=look, steps=steps, sound=sound)


def fit_to_speech(plan: VideoPlan, lengths_s: Sequence[float]) -> VideoPlan:
    """Lengthen the steps so that each fits its spoken line; `lengths_s` has one entry per step."""
    steps: list[Step] = []
    now = 0.0
    for step, spoken_s in zip(plan.steps, lengths_s, strict=True):
        shortest_s = spoken_s + LEAD_S + TAIL_S if step.line else 0.0
        length = max(step.length_s, shortest_s)
        steps.append(replace(step, start_s=now, end_s=now + length))
        now += length
    return replace(plan, steps=tuple(steps))


def _order(rng: random.Random) -> list[tuple[Phase, PhasePart, bool]]:
    """Draw the phases of one operation: phase, part, and whether the video shows it."""
    order: list[tuple[Phase, PhasePart]] = []
    if rng.random() < 0.35:
        order += [(Phase.INCISION, PhasePart.SIDE_PORT), (Phase.VISCOELASTIC, PhasePart.WHOLE)]
        order += [(Phase.INCISION, PhasePart.MAIN_WOUND)]
    else:
        order += [(Phase.INCISION, PhasePart.WHOLE), (Phase.VISCOELASTIC, PhasePart.WHOLE)]
    order += [
        (Phase.CAPSULORHEXIS, PhasePart.WHOLE),
        (Phase.HYDRODISSECTION, PhasePart.WHOLE),
        (Phase.PHACO, PhasePart.WHOLE),
        (Phase.ASPIRATION, PhasePart.WHOLE),
        (Phase.VISCOELASTIC, PhasePart.AGAIN),
        (Phase.IMPLANTATION, PhasePart.WHOLE),
        (Phase.ASPIRATION, PhasePart.AGAIN),
        (Phase.HYDRATION, PhasePart.WHOLE),
    ]
    # A video is edited: repeats are often cut out, and now and then a step that others show.
    return [
        (phase, part, rng.random() < (0.25 if part is PhasePart.AGAIN else 0.94))
        for phase, part in order
    ]


def _surgery_steps(rng: random.Random, look: Look, *, narrated: bool) -> tuple[Step, ...]:
    steps: list[Step] = []
    state = EyeState()
    now = 0.0
    jump = (0.0, 0.0)

    def add(phase: Phase | None, part: PhasePart, length: float) -> None:
        nonlocal now
        steps.append(
            Step(
                phase=phase,
                part=part,
                start_s=now,
                end_s=now + length,
                line="",
                before=state,
                jump=jump,
            )
        )
        now += length

    add(None, PhasePart.WHOLE, rng.uniform(1.0, 2.5))
    for phase, part, shown in _order(rng):
        if shown:
            # The share of each phase differs from video to video, as surgeons and editors do.
            short = part in (PhasePart.AGAIN, PhasePart.SIDE_PORT, PhasePart.MAIN_WOUND)
            length = rng.uniform(3.0, 4.2 if short else 6.0)
            if not narrated and not short and rng.random() < 0.12:
                length *= 1.8
            jump = (rng.uniform(-0.05, 0.05), rng.uniform(-0.04, 0.04))
            add(phase, part, length)
        state = advance(state, phase, part, look, 1.0)
        if shown and rng.random() < 0.5:
            add(None, PhasePart.WHOLE, rng.uniform(0.4, 1.2))
    add(None, PhasePart.WHOLE, rng.uniform(1.0, 2.0))
    return tuple(steps)


def _with_lines(seed: int, index: int, look: Look, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Give a greeting, one sentence for most phases, and a closing or some sponsor talk."""
    rng = stream(seed, VideoKind.NARRATED, index, "lines")
    phases = [i for i, step in enumerate(steps) if step.phase is not None]
    count = min(len(phases) - rng.randint(0, 1), MOST_PHASES_SAID)
    commented = set(rng.sample(phases, count))
    with_lines: list[Step] = []
    for i, step in enumerate(steps):
        line = ""
        if i == 0:
            line = GREETINGS[(seed + index) % len(GREETINGS)]
        elif i == len(steps) - 1:
            talk = SPONSORS if index % 2 else CLOSINGS
            line = talk[(seed + index) % len(talk)]
        elif step.phase is not None and i in commented:
            line = spoken_line(seed, index, step.phase, step.part, look)
        with_lines.append(replace(step, line=line))
    return tuple(with_lines)


def _makeup_steps(rng: random.Random) -> tuple[Step, ...]:
    steps = []
    now = 0.0
    for line in MAKEUP:
        length = rng.uniform(5.0, 7.0)
        steps.append(
            Step(
                phase=None,
                part=PhasePart.WHOLE,
                start_s=now,
                end_s=now + length,
                line=line,
                before=EyeState(),
                jump=(0.0, 0.0),
            )
        )
        now += length
    return tuple(steps)
