"""Surgeries as sequences of phases, and what each phase shows. Names are those of the ontology.

Surgeries share phases, so that a phase does not give the surgery away. Two pairs of phases look alike and are
told apart by what has happened before: viscoelastic injection and wound hydration show the same cannula,
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
class Phase:
    """`tools` are shown most of the time, `sometimes` now and then; `dark`: the room light is off."""

    name: str
    tools: tuple[str, ...]
    sometimes: tuple[str, ...] = ()
    dark: bool = False


PHASES = (
    Phase("incision", ("keratome",), ("forceps",)),
    Phase("viscoelastic injection", ("cannula",)),
    Phase("capsulorhexis", ("cystotome",), ("forceps",)),
    Phase("phacoemulsification", ("phaco tip", "chopper")),
    Phase("cortex removal", ("irrigation aspiration handpiece",), ("chopper",)),
    Phase("lens implantation", ("lens injector",), ("chopper",)),
    Phase("viscoelastic removal", ("irrigation aspiration handpiece",), ("chopper",)),
    Phase("wound hydration", ("cannula",)),
    Phase("scleral flap dissection", ("keratome", "forceps")),
    Phase("vitrectomy", ("vitreous cutter", "light pipe"), dark=True),
    Phase("descemet stripping", ("cystotome",), ("forceps",)),
    Phase("graft insertion", ("lens injector",), ("cannula",)),
)
PHASE_NAMES = tuple(phase.name for phase in PHASES)


@dataclass(frozen=True)
class Surgery:
    """`share` of all videos. `concept_id` is what the attributes of a title would carry."""

    name: str
    share: float
    phases: tuple[str, ...]

    @property
    def concept_id(self) -> str:
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
class Step:
    """One phase of a video, from `start_s` to `end_s`, and the phases done `before` it, shown or not."""

    phase: str
    before: frozenset[str]
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One video: its surgery and its steps, without a gap."""

    surgery: Surgery
    steps: tuple[Step, ...]

    @property
    def duration_s(self) -> float:
        return self.steps[-1].end_s


PHASE_S = (8.0, 20.0)
"""Shortest and longest time of a phase: real ones, made short."""
LEFT_OUT = 0.08
"""Share of the steps that a film does not show, though they were done."""


def operate(random: np.random.Generator) -> Operation:
    """Draw a video."""
    surgery = SURGERIES[random.choice(len(SURGERIES), p=[s.share for s in SURGERIES])]
    shown = [n for n in range(len(surgery.phases)) if random.random() > LEFT_OUT] or [0]
    steps, start_s = [], 0.0
    for n in shown:
        end_s = start_s + float(random.uniform(*PHASE_S))
        steps.append(
            Step(
                phase=surgery.phases[n],
                before=frozenset(surgery.phases[:n]),
                start_s=round(start_s, 1),
                end_s=round(end_s, 1),
            )
        )
        start_s = end_s
    return Operation(surgery=surgery, steps=tuple(steps))
