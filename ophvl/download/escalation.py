"""The table of escalation: what a host answered, and how long the rate limiter leaves it alone for that.

| answer       | what it is                        | pause           | as the worst of N refusals in a row |
|--------------|-----------------------------------|-----------------|-------------------------------------|
| success      | what was requested                | none            | ends the row                        |
| other error  | a fault of the item or network    | none            | leaves the row as it is             |
| forbidden    | a 403: of this page, or of us     | none            | N = 5: 1 h                          |
| rate limited | 429, 412 or the like, no time     | 1, 2, 4 x pause | N = 3: 15 min, N = 5: 1 h           |
| retry after  | any other that names a time       | that time       | N = 3: 15 min, N = 5: 1 h           |
| blocked      | a bot check, a sign-in, a ban     | 1 x pause       | N = 2: 6 h                          |

"pause" is the setting `pause_s`. Refusals of all kinds count together. A time that the host names is always
waited for, and of several pauses the longest holds. One of more than `LONGEST_WAIT_S` closes the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ophvl.errors import ItemError
from schemas.vocab import FailureKind

_HOUR_S = 3600.0

LONGEST_WAIT_S = 60.0
"""The longest pause that a run waits for. After a longer one the host's items are left to a later run."""


class HostAnswer(StrEnum):
    """What a host answered to a request, as the table of this module tells apart."""

    SUCCESS = "success"
    OTHER_ERROR = "other error"
    FORBIDDEN = "forbidden"
    RATE_LIMITED = "rate limited"
    RETRY_AFTER = "retry after"
    BLOCKED = "blocked"


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """What one answer leads to; answers of severity 0 are no refusals.

    `pause_factors`, times `pause_s`, are the pauses after the first, second, ... refusal in a row; the last
    stands for all further ones. `closed_s` says for how long a host is closed after so many refusals in a
    row, of which this is the worst.
    """

    severity: int = 0
    pause_factors: tuple[float, ...] = (0.0,)
    closed_s: Mapping[int, float] = field(default_factory=dict)


ESCALATION: Mapping[HostAnswer, Escalation] = {
    HostAnswer.SUCCESS: Escalation(),
    HostAnswer.OTHER_ERROR: Escalation(),
    HostAnswer.FORBIDDEN: Escalation(severity=1, closed_s={5: _HOUR_S}),
    HostAnswer.RATE_LIMITED: Escalation(
        severity=2, pause_factors=(1.0, 2.0, 4.0), closed_s={3: 900.0, 5: _HOUR_S}
    ),
    HostAnswer.RETRY_AFTER: Escalation(severity=2, closed_s={3: 900.0, 5: _HOUR_S}),
    # One page may be guarded for itself; two are the host. How long a block lasts no host says, and further
    # requests prolong it.
    HostAnswer.BLOCKED: Escalation(severity=3, pause_factors=(1.0,), closed_s={2: 6 * _HOUR_S}),
}

_REFUSALS: Mapping[str, HostAnswer] = {
    FailureKind.FORBIDDEN: HostAnswer.FORBIDDEN,
    FailureKind.RATE_LIMITED: HostAnswer.RATE_LIMITED,
    FailureKind.BLOCKED: HostAnswer.BLOCKED,
}
"""Failures that are refusals whether they name a time or not."""


def answer_of(error: ItemError) -> HostAnswer:
    """Return what a request that failed was answered."""
    answer = _REFUSALS.get(error.kind, HostAnswer.OTHER_ERROR)
    if error.retry_after_s is not None and answer in (
        HostAnswer.OTHER_ERROR,
        HostAnswer.RATE_LIMITED,
    ):
        return HostAnswer.RETRY_AFTER
    return answer


def recorded_answer(kind: str | None) -> HostAnswer:
    """Return the answer behind the kind of a recorded refusal; None stands for no refusal."""
    if kind is None:
        return HostAnswer.SUCCESS
    return _REFUSALS.get(kind, HostAnswer.RETRY_AFTER)


def is_refusal(answer: HostAnswer) -> bool:
    """Return whether a host that answered so refuses us, whatever it is asked for."""
    return ESCALATION[answer].severity > 0


def seconds_closed(error: ItemError, worst: HostAnswer, refusals: int, pause_s: float) -> float:
    """Return how long a host is left alone after the refusal `error`, by the table.

    Args:
        error: the latest refusal.
        worst: the worst of the refusals in a row, this one included.
        refusals: how many these are.
        pause_s: the pause after a first refusal, from the settings.
    """
    factors = ESCALATION[answer_of(error)].pause_factors
    return max(
        error.retry_after_s or 0.0,
        pause_s * factors[min(refusals, len(factors)) - 1],
        *(closed_s for least, closed_s in ESCALATION[worst].closed_s.items() if refusals >= least),
    )
