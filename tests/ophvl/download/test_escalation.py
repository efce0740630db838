"""The table of escalation says how long a host is left alone after each answer."""

from __future__ import annotations

import pytest

from ophvl.download.escalation import (
    HostAnswer,
    answer_of,
    is_refusal,
    recorded_answer,
    seconds_closed,
)
from ophvl.errors import ItemError
from schemas.vocab import FailureKind

PAUSE_S = 20.0
HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("kind", "retry_after_s", "answer"),
    [
        ("not_found", None, HostAnswer.OTHER_ERROR),
        ("timeout", None, HostAnswer.OTHER_ERROR),
        ("server_error", None, HostAnswer.OTHER_ERROR),
        ("server_error", 5.0, HostAnswer.RETRY_AFTER),
        ("not_found", 0.0, HostAnswer.RETRY_AFTER),
        ("rate_limited", None, HostAnswer.RATE_LIMITED),
        ("rate_limited", 5.0, HostAnswer.RETRY_AFTER),
        ("forbidden", None, HostAnswer.FORBIDDEN),
        ("forbidden", 5.0, HostAnswer.FORBIDDEN),
        ("blocked", None, HostAnswer.BLOCKED),
        ("blocked", 5.0, HostAnswer.BLOCKED),
    ],
)
def test_the_answer_behind_an_error(
    kind: str, retry_after_s: float | None, answer: HostAnswer
) -> None:
    assert answer_of(ItemError(FailureKind(kind), "no", retry_after_s)) is answer
    assert is_refusal(answer) is (answer is not HostAnswer.OTHER_ERROR)


def test_a_recorded_refusal_of_another_kind_had_named_a_time() -> None:
    assert recorded_answer("server_error") is HostAnswer.RETRY_AFTER
    assert recorded_answer("blocked") is HostAnswer.BLOCKED
    assert recorded_answer(None) is HostAnswer.SUCCESS
    assert not is_refusal(HostAnswer.SUCCESS)


@pytest.mark.parametrize(
    ("kind", "worst", "closed_s"),
    [
        ("forbidden", HostAnswer.FORBIDDEN, [0, 0, 0, 0, HOUR_S, HOUR_S]),
        ("rate_limited", HostAnswer.RATE_LIMITED, [20, 40, 900, 900, HOUR_S, HOUR_S]),
        ("blocked", HostAnswer.BLOCKED, [20, 6 * HOUR_S, 6 * HOUR_S, 6 * HOUR_S]),
        ("forbidden", HostAnswer.RATE_LIMITED, [0, 0, 900, 900, HOUR_S]),
        ("forbidden", HostAnswer.RETRY_AFTER, [0, 0, 900, 900, HOUR_S]),
        ("rate_limited", HostAnswer.BLOCKED, [20, 6 * HOUR_S]),
    ],
)
def test_seconds_after_each_refusal_in_a_row(
    kind: str, worst: HostAnswer, closed_s: list[float]
) -> None:
    error = ItemError(FailureKind(kind), "no")
    counts = range(1, len(closed_s) + 1)
    assert [seconds_closed(error, worst, count, PAUSE_S) for count in counts] == closed_s


@pytest.mark.parametrize(
    ("kind", "retry_after_s", "refusals", "closed_s"),
    [
        ("rate_limited", 5.0, 1, 5.0),
        ("server_error", 5.0, 2, 5.0),
        ("server_error", 5.0, 3, 900.0),
        ("forbidden", 5.0, 1, 5.0),
        ("blocked", 5.0, 1, PAUSE_S),
        ("blocked", 7 * HOUR_S, 2, 7 * HOUR_S),
    ],
)
def test_a_time_that_the_host_names_is_waited_for(
    kind: str, retry_after_s: float, refusals: int, closed_s: float
) -> None:
    error = ItemError(FailureKind(kind), "no", retry_after_s)
    assert seconds_closed(error, answer_of(error), refusals, PAUSE_S) == closed_s


def test_pauses_double_no_further_than_to_the_fourth() -> None:
    error = ItemError(FailureKind.RATE_LIMITED, "no")
    pauses = [
        seconds_closed(error, HostAnswer.RATE_LIMITED, n, 2 * HOUR_S) for n in (1, 2, 3, 4, 9)
    ]
    assert pauses == [2 * HOUR_S, 4 * HOUR_S, 8 * HOUR_S, 8 * HOUR_S, 8 * HOUR_S]
