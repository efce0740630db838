"""The effect of each surgical phase on the eye, and the instruments that it uses.

The state of an eye is immutable; a phase maps the state at its start and its progress (0 to 1) to
the current state, so that any moment of a video can be drawn without drawing the ones before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from demo.drawing.canvas import ease
from demo.drawing.look import Look

STRANDS = 13
"""Strands of cortex that remain at the equator of the bag after the nucleus is removed."""


class Phase(StrEnum):
    """The phases, in the spelling of the labels."""

    INCISION = "incision"
    VISCOELASTIC = "viscoelastic injection"
    CAPSULORHEXIS = "capsulorhexis"
    HYDRODISSECTION = "hydrodissection"
    PHACO = "phacoemulsification"
    ASPIRATION = "irrigation-aspiration"
    IMPLANTATION = "lens implantation"
    HYDRATION = "wound hydration"


class Instrument(StrEnum):
    """The instruments, in the spelling of the labels."""

    SIDEPORT_KNIFE = "side-port knife"
    KERATOME = "keratome"
    VISCO_CANNULA = "viscoelastic cannula"
    CYSTOTOME = "cystotome"
    FORCEPS = "capsulorhexis forceps"
    HYDRO_CANNULA = "hydrodissection cannula"
    PHACO_HANDPIECE = "phaco handpiece"
    CHOPPER = "chopper"
    IRRIGATION_TIP = "irrigation handpiece"
    ASPIRATION_TIP = "irrigation-aspiration handpiece"
    INJECTOR = "lens injector"
    HOOK = "lens manipulator"
    HYDRATION_CANNULA = "hydration cannula"


class PhasePart(StrEnum):
    """Part of a phase that a video can contain twice."""

    WHOLE = "whole"
    SIDE_PORT = "side port"
    MAIN_WOUND = "main wound"
    AGAIN = "again"


@dataclass(frozen=True, kw_only=True)
class EyeState:
    """The state of the operation. Shares run from 0 to 1, turns are in radians."""

    side_cut: float = 0.0
    main_cut: float = 0.0
    gel: float = 0.0
    gel_moving: float = 0.0
    stain: float = 0.0
    hooks: float = 0.0
    torn: float = 0.0
    flap: float = 0.0
    wave: float | None = None
    nucleus_turn: float = 0.0
    groove: float = 0.0
    cracked: float = 0.0
    pieces: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    cortex: float = 1.0
    lens_out: float = 0.0
    lens_open: float = 0.0
    lens_turn: float = 0.0
    white_main: float = 0.0
    white_side: float = 0.0


@dataclass(frozen=True, kw_only=True)
class InstrumentUse:
    """The use of an instrument, from `start` to `end` in shares of its phase."""

    instrument: Instrument
    start: float
    end: float


_USES: dict[Phase, tuple[tuple[Instrument, float, float], ...]] = {
    Phase.INCISION: ((Instrument.SIDEPORT_KNIFE, 0.0, 0.42), (Instrument.KERATOME, 0.44, 1.0)),
    Phase.VISCOELASTIC: ((Instrument.VISCO_CANNULA, 0.0, 1.0),),
    Phase.CAPSULORHEXIS: ((Instrument.CYSTOTOME, 0.0, 0.3), (Instrument.FORCEPS, 0.31, 1.0)),
    Phase.HYDRODISSECTION: ((Instrument.HYDRO_CANNULA, 0.0, 1.0),),
    Phase.PHACO: ((Instrument.PHACO_HANDPIECE, 0.0, 1.0), (Instrument.CHOPPER, 0.12, 1.0)),
    Phase.ASPIRATION: (
        (Instrument.ASPIRATION_TIP, 0.0, 1.0),
        (Instrument.IRRIGATION_TIP, 0.0, 1.0),
    ),
    Phase.IMPLANTATION: ((Instrument.INJECTOR, 0.0, 0.62), (Instrument.HOOK, 0.64, 1.0)),
    Phase.HYDRATION: ((Instrument.HYDRATION_CANNULA, 0.0, 1.0),),
}
"""The instruments of each phase, with start and end of their use."""


def instrument_uses(phase: Phase, part: PhasePart, look: Look) -> tuple[InstrumentUse, ...]:
    """Return the uses of instruments in a phase."""
    if phase is Phase.INCISION and part is not PhasePart.WHOLE:
        knife = Instrument.SIDEPORT_KNIFE if part is PhasePart.SIDE_PORT else Instrument.KERATOME
        return (InstrumentUse(instrument=knife, start=0.0, end=1.0),)
    return tuple(
        InstrumentUse(instrument=instrument, start=start, end=end)
        for instrument, start, end in _USES[phase]
        if instrument is not Instrument.IRRIGATION_TIP or look.bimanual
    )


def advance(state: EyeState, phase: Phase, part: PhasePart, look: Look, u: float) -> EyeState:
    """Return the state at progress `u` (0 to 1) of a phase that began in `state`."""
    if phase is Phase.INCISION:
        return _cut(state, part, look, u)
    return _EFFECTS[phase](state, part, look, u)


def _cut(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    side, main = state.side_cut, state.main_cut
    if part is not PhasePart.MAIN_WOUND:
        side = max(side, ease(u, 0.3, 0.6) if part is PhasePart.SIDE_PORT else ease(u, 0.14, 0.26))
    if part is not PhasePart.SIDE_PORT:
        main = max(main, ease(u, 0.3, 0.6) if part is PhasePart.MAIN_WOUND else ease(u, 0.6, 0.8))
    return replace(state, side_cut=side, main_cut=main)


def _fill(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    first = part is not PhasePart.AGAIN
    return replace(
        state,
        gel=max(state.gel, ease(u, 0.12, 0.85)),
        gel_moving=ease(u, 0.1, 0.2) * (1 - 0.6 * ease(u, 0.85, 1.0)),
        stain=1.0 if first and look.stained else state.stain,
        hooks=1.0 if first and look.small_pupil else state.hooks,
    )


def _tear(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    torn = 0.05 * ease(u, 0.14, 0.24) + 0.95 * ease(u, 0.38, 0.9)
    return replace(
        state, torn=torn, flap=ease(u, 0.32, 0.42) * (1 - ease(u, 0.94, 0.98)), gel_moving=0.0
    )


def _hydrodissect(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    # Two fluid waves, then the freed nucleus is turned.
    wave = None
    if 0.15 < u < 0.45:
        wave = (u - 0.15) / 0.3
    elif 0.52 < u < 0.8:
        wave = (u - 0.52) / 0.28
    return replace(
        state, wave=wave, gel=min(state.gel, 1 - 0.5 * u), nucleus_turn=0.7 * ease(u, 0.8, 0.97)
    )


def _emulsify(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    first, later = 0.36, (0.0, 0.15, 0.3, 0.45)
    pieces = [1 - ease(u, first + wait, first + wait + 0.16) for wait in later]
    return replace(
        state,
        wave=None,
        groove=max(state.groove, ease(u, 0.08, 0.22)),
        cracked=max(state.cracked, ease(u, 0.24, 0.34)),
        pieces=(pieces[0], pieces[1], pieces[2], pieces[3]),
        gel=state.gel * (1 - ease(u, 0.0, 0.3)),
        gel_moving=0.0,
    )


def _aspirate(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    left = 1 - ease(u, 0.1, 0.92) if part is not PhasePart.AGAIN else 0.0
    return replace(
        state,
        cortex=min(state.cortex, left),
        gel=min(state.gel, 1 - ease(u, 0.1, 0.9)),
        gel_moving=0.0,
        lens_turn=state.lens_turn + (0.5 * u if part is PhasePart.AGAIN else 0.0),
    )


def _implant(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    return replace(
        state,
        lens_out=ease(u, 0.12, 0.5),
        lens_open=ease(u, 0.42, 0.78),
        lens_turn=1.2 * ease(u, 0.68, 0.97),
        gel_moving=0.0,
    )


def _hydrate(state: EyeState, part: PhasePart, look: Look, u: float) -> EyeState:
    return replace(
        state,
        white_main=max(state.white_main, ease(u, 0.1, 0.5)),
        white_side=max(state.white_side, ease(u, 0.62, 0.92)),
        gel=0.0,
        gel_moving=0.0,
    )


_EFFECTS: dict[Phase, Callable[[EyeState, PhasePart, Look, float], EyeState]] = {
    Phase.VISCOELASTIC: _fill,
    Phase.CAPSULORHEXIS: _tear,
    Phase.HYDRODISSECTION: _hydrodissect,
    Phase.PHACO: _emulsify,
    Phase.ASPIRATION: _aspirate,
    Phase.IMPLANTATION: _implant,
    Phase.HYDRATION: _hydrate,
}


def tear_angle(look: Look, torn: float) -> float:
    """Return the angle of the edge of the growing capsulorhexis (radians)."""
    return look.tear_start + look.tear_sense * math.tau * torn
