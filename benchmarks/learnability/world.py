"""Surgeries as sequences of phases, and the instruments of each phase. Names are those of the ontology.

Surgeries share phases, so that a phase does not identify the surgery. Two pairs of phases look alike and
differ only in what happened before: viscoelastic injection and wound hydration show the same cannula,
cortex removal and viscoelastic removal the same handpiece.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

INSTRUMENTS = (
    "keratome",
    "cannula",
    "cystotome",
    "forceps",
    "phaco tip",
    "irrigation aspiration handpiece",
    "chopper",
    "lens injector",
    "vitreous cutter",
    "light pipe",
)


@dataclass(frozen=True)
class PhaseSpec:
    """A phase: `tools` are visible most of the time, `sometimes` rarely; `dark`: the room light is off."""

    name: str
    tools: tuple[str, ...]
    sometimes: tuple[str, ...] = ()
    dark: bool = False


PHASES = (
    PhaseSpec("incision", ("keratome",), ("forceps",)),
    PhaseSpec("viscoelastic injection", ("cannula",)),
    PhaseSpec("capsulorhexis", ("cystotome",), ("forceps",)),
    PhaseSpec("phacoemulsification", ("phaco tip", "chopper")),
    PhaseSpec("cortex removal", ("irrigation aspiration handpiece",), ("chopper",)),
    PhaseSpec("lens implantation", ("lens injector",), ("chopper",)),
    PhaseSpec("viscoelastic removal", ("irrigation aspiration handpiece",), ("chopper",)),
    PhaseSpec("wound hydration", ("cannula",)),
    PhaseSpec("scleral flap dissection", ("keratome", "forceps")),
    PhaseSpec("vitrectomy", ("vitreous cutter", "light pipe"), dark=True),
    PhaseSpec("descemet stripping", ("cystotome",), ("forceps",)),
    PhaseSpec("graft insertion", ("lens injector",), ("cannula",)),
)
PHASE_NAMES = tuple(phase.name for phase in PHASES)


@dataclass(frozen=True)
class Surgery:
    """A surgery and its `share` of all videos."""

    name: str
    share: float
    phases: tuple[str, ...]

    @property
    def concept_id(self) -> str:
        """The concept id that the attributes of a title hold."""
        return f"surgery:{self.name.replace(' ', '_')}"


_CATARACT = (
    "incision",
    "viscoelastic injection",
    "capsulorhexis",
    "phacoemulsification",
    "cortex removal",
    "viscoelastic injection",
    "lens implantation",
    "viscoelastic removal",
)

SURGERIES = (
    Surgery("phacoemulsification", 0.32, (*_CATARACT, "wound hydration")),
    Surgery(
        "trabeculectomy",
        0.12,
        ("scleral flap dissection", "incision", "viscoelastic injection", "wound hydration"),
    ),
    Surgery("vitrectomy", 0.14, ("incision", "vitrectomy", "vitrectomy", "wound hydration")),
    Surgery(
        "endothelial keratoplasty",
        0.12,
        (
            "incision",
            "viscoelastic injection",
            "descemet stripping",
            "viscoelastic removal",
            "graft insertion",
            "wound hydration",
        ),
    ),
    Surgery("phacovitrectomy", 0.1, (*_CATARACT[:7], "vitrectomy", "wound hydration")),
    Surgery(
        "phakic lens implantation",
        0.1,
        (
            "incision",
            "viscoelastic injection",
            "lens implantation",
            "viscoelastic removal",
            "wound hydration",
        ),
    ),
    Surgery("phacotrabeculectomy", 0.1, ("scleral flap dissection", *_CATARACT, "wound hydration")),
)


@dataclass(frozen=True, kw_only=True)
class OperationStep:
    """One phase of a video, from `start_s` to `end_s`, and the phases `before` it, shown or not."""

    phase: str
    before: frozenset[str]
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One video: its surgery and its steps, without gaps."""

    surgery: Surgery
    steps: tuple[OperationStep, ...]

    @property
    def duration_s(self) -> float:
        """Length of the video in seconds."""
        return self.steps[-1].end_s


PHASE_S = (8.0, 20.0)
"""Shortest and longest time of a phase, shorter than real ones."""
LEFT_OUT = 0.08
"""Share of the steps that were done but that a video does not show."""


def operate(random: np.random.Generator) -> Operation:
    """Draw the surgery and the steps of a video."""
    surgery = SURGERIES[random.choice(len(SURGERIES), p=[s.share for s in SURGERIES])]
    shown = [n for n in range(len(surgery.phases)) if random.random() > LEFT_OUT] or [0]
    steps, start_s = [], 0.0
    for n in shown:
        end_s = start_s + float(random.uniform(*PHASE_S))
        steps.append(
            OperationStep(
                phase=surgery.phases[n],
                before=frozenset(surgery.phases[:n]),
                start_s=round(start_s, 1),
                end_s=round(end_s, 1),
            )
        )
        start_s = end_s
    return Operation(surgery=surgery, steps=tuple(steps))
