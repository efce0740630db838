"""The surgeon's hands: the pose of each instrument at any moment of a phase."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from demo.drawing.canvas import Point, between, ease, polar
from demo.drawing.instruments import Pose
from demo.drawing.look import Look
from demo.phases import STRANDS, EyeState, Instrument, Phase, PhasePart, instrument_uses, tear_angle

TRAVEL_S = 0.45
"""Time that an instrument takes to come in, and to leave."""


def poses(
    phase: Phase, part: PhasePart, look: Look, state: EyeState, time_s: float, length_s: float
) -> list[Pose]:
    """Return the poses of the visible instruments `time_s` after the start of a phase of `length_s`."""
    visible = []
    for use in instrument_uses(phase, part, look):
        start, end = use.start * length_s, use.end * length_s
        if not start <= time_s < end:
            continue
        inside = min(ease(time_s - start, 0, TRAVEL_S), ease(end - time_s, 0, TRAVEL_S))
        now = Moment(
            look=look, part=part, state=state, time_s=time_s, own=(time_s - start) / (end - start)
        )
        visible.append(_pose(use.instrument, _GRIPS[use.instrument](now), now, inside))
    return visible


def _pose(instrument: Instrument, grip: Grip, now: Moment, inside: float) -> Pose:
    """Add the hand's tremor to a grip, and slide it out along its shaft while it enters or leaves."""
    t, tremor = now.time_s, now.look.tremor
    phase = _tremor_phase(instrument)
    shake_x = tremor * (math.sin(9.1 * t + phase) + math.sin(5.3 * t))
    shake_y = tremor * (math.cos(7.7 * t + phase) + math.sin(4.1 * t))
    angle = _through(grip.port, grip.tip) if grip.angle is None else grip.angle
    slide_x, slide_y = polar(1.5 * (1 - inside), angle)
    return Pose(
        instrument=instrument,
        tip=(grip.tip[0] + slide_x + shake_x, grip.tip[1] + slide_y + shake_y),
        angle=angle,
        opening=grip.opening * inside,
        side=now.look.tear_sense,
    )


def _tremor_phase(instrument: Instrument) -> float:
    """Return a phase offset for the instrument's tremor, the same in every process."""
    return float(sum(map(ord, instrument)) % 7)


def _through(port: float, tip: Point) -> float:
    """Return the angle of a shaft that runs from the tip through the wound at angle `port`."""
    wound = polar(1.0, port)
    return math.atan2(wound[1] - tip[1], wound[0] - tip[0])


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The state of a video at one time. `own` is the elapsed share of the instrument's use, 0 to 1."""

    look: Look
    part: PhasePart
    state: EyeState
    time_s: float
    own: float


@dataclass(frozen=True, kw_only=True)
class Grip:
    """Tip of an instrument, and the wound that its shaft runs through, or else the shaft's angle."""

    tip: Point
    port: float
    angle: float | None = None
    opening: float = 0.0


def _cutting(now: Moment, port: float) -> Grip:
    depth = ease(now.own, 0.15, 0.6) - 0.8 * ease(now.own, 0.72, 0.95)
    return Grip(tip=polar(1.12 - 0.5 * depth, port), port=port, angle=port)


def _sideport(now: Moment) -> Grip:
    return _cutting(now, now.look.side_angle)


def _keratome(now: Moment) -> Grip:
    return _cutting(now, now.look.main_angle)


def _filling(now: Moment) -> Grip:
    port, own, t = now.look.main_angle, now.own, now.time_s
    x, y = polar(0.45 - 0.7 * ease(own, 0.0, 0.25) + 0.5 * ease(own, 0.3, 0.95), port)
    tip = (x + 0.1 * math.sin(1.9 * t), y + 0.1 * math.cos(1.3 * t))
    return Grip(tip=tip, port=port, opening=0.3 + 0.7 * abs(math.sin(2.2 * t)))


def _pricking(now: Moment) -> Grip:
    """Move the cystotome to the centre and draw the first cut outwards."""
    look = now.look
    start, end = polar(0.05, look.main_angle), polar(look.rhexis, look.tear_start)
    return Grip(tip=between(start, end, ease(now.own, 0.45, 0.85)), port=look.main_angle)


def _tearing(now: Moment) -> Grip:
    """Hold the flap near its root with the forceps, and let go at times to grasp it again."""
    look, torn = now.look, now.state.torn
    swept = look.tear_sense * min(2.0, math.tau * torn)
    tip = polar(look.rhexis * 0.62, tear_angle(look, torn) - 0.25 * swept)
    regrasp = max(0.0, math.sin(now.own * 5 * math.pi)) ** 6
    tip = between(tip, polar(0.1, look.main_angle), 0.25 * regrasp)
    return Grip(tip=tip, port=look.main_angle, opening=regrasp)


def _hydrodissecting(now: Moment) -> Grip:
    """Move the cannula under the rim of the capsule, then onto the nucleus to turn it."""
    port, turned = now.look.main_angle, now.state.nucleus_turn
    if turned == 0.0:
        return Grip(tip=polar(now.look.rhexis + 0.06, port + 0.35), port=port)
    return Grip(tip=polar(0.3, port + 0.35 - 2 * turned), port=port)


def _emulsifying(now: Moment) -> Grip:
    port, t = now.look.main_angle, now.time_s
    sculpting = now.state.cracked < 0.1
    push = 0.28 * math.sin(4.4 * t) if sculpting else 0.1 * math.sin(3 * t)
    tip = polar(0.12 + push, port + 0.2 * math.sin(1.1 * t))
    return Grip(tip=tip, port=port, opening=0.4 + 0.6 * abs(math.sin(6.3 * t)))


def _chopping(now: Moment) -> Grip:
    port = now.look.side_angle
    chop = 0.22 * math.sin(3.7 * now.time_s) if now.state.cracked > 0 else 0.05
    (x, y), (dx, dy) = polar(0.2, port), polar(chop, port + 1.6)
    return Grip(tip=(x + dx, y + dy), port=port)


def _aspirating(now: Moment) -> Grip:
    """Move the port out to the next strand and back with it; later move it over the implant."""
    look, t = now.look, now.time_s
    opening = 0.5 + 0.5 * math.sin(4 * t)
    if now.part is PhasePart.AGAIN:
        tip = (0.34 * math.sin(1.5 * t), 0.3 * math.cos(1.1 * t))
    else:
        position = now.state.cortex * STRANDS
        strand = min(STRANDS - 1, int(position))
        reach = 0.2 + 0.36 * (position - strand)
        tip = polar(reach, look.tear_start + math.tau * strand / STRANDS)
    return Grip(tip=tip, port=look.main_angle, opening=opening)


def _irrigating(now: Moment) -> Grip:
    port, t = now.look.side_angle, now.time_s
    tip = polar(0.3, port + 0.4 * math.sin(0.8 * t))
    return Grip(tip=tip, port=port, opening=0.5 + 0.5 * math.sin(5 * t))


def _injecting(now: Moment) -> Grip:
    port = now.look.main_angle
    tip = polar(0.86 - 0.12 * ease(now.own, 0.1, 0.3), port)
    return Grip(tip=tip, port=port, angle=port, opening=now.state.lens_out)


def _dialling(now: Moment) -> Grip:
    look = now.look
    return Grip(tip=polar(0.4, look.main_angle + now.state.lens_turn + 0.4), port=look.side_angle)


def _hydrating(now: Moment) -> Grip:
    """Hold the cannula in the corner of the main wound, then in the side port."""
    look, own = now.look, now.own
    move = ease(own, 0.5, 0.62)
    corner = math.sin(own * 20) * 0.1
    main, side = polar(0.98, look.main_angle + 0.12 + corner), polar(0.98, look.side_angle + 0.05)
    x, y = between(main, side, move)
    start, end = look.main_angle + 0.55, look.side_angle + 0.35
    angle = start + math.remainder(end - start, math.tau) * move
    # On its way between the wounds the cannula is lifted off the eye.
    dx, dy = polar(0.35 * math.sin(math.pi * move), angle)
    opening = 0.4 + 0.6 * abs(math.sin(3 * now.time_s))
    return Grip(tip=(x + dx, y + dy), port=look.main_angle, angle=angle, opening=opening)


_GRIPS: dict[Instrument, Callable[[Moment], Grip]] = {
    Instrument.SIDEPORT_KNIFE: _sideport,
    Instrument.KERATOME: _keratome,
    Instrument.VISCO_CANNULA: _filling,
    Instrument.CYSTOTOME: _pricking,
    Instrument.FORCEPS: _tearing,
    Instrument.HYDRO_CANNULA: _hydrodissecting,
    Instrument.PHACO_HANDPIECE: _emulsifying,
    Instrument.CHOPPER: _chopping,
    Instrument.ASPIRATION_TIP: _aspirating,
    Instrument.IRRIGATION_TIP: _irrigating,
    Instrument.INJECTOR: _injecting,
    Instrument.HOOK: _dialling,
    Instrument.HYDRATION_CANNULA: _hydrating,
}
