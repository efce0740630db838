"""Errors carry what they know, also across processes."""

from __future__ import annotations

import pickle

from ophvl.errors import ConfigError, ItemError, SchemaError, UsageError
from schemas.base import Violation
from schemas.vocab import FailureKind


def test_item_error_survives_the_way_back_from_a_worker() -> None:
    error = ItemError(FailureKind.RATE_LIMITED, "e.org asks to wait", retry_after_s=30.0)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.kind, copy.message, copy.retry_after_s) == (
        FailureKind.RATE_LIMITED,
        "e.org asks to wait",
        30.0,
    )
    assert str(copy) == "e.org asks to wait"


def test_schema_error_names_every_violation() -> None:
    violations = [
        Violation(table="pairs", rule=rule, column="text", expects="some text", count=2)
        for rule in ("null", "blank")
    ]
    error = SchemaError("table pairs breaks its schema", violations)
    assert str(error).splitlines() == [
        "table pairs breaks its schema",
        *(f"  {violation}" for violation in violations),
    ]
    assert pickle.loads(pickle.dumps(error)).violations == tuple(violations)


def test_faults_of_the_user_end_with_code_two() -> None:
    assert {UsageError.exit_code, ConfigError.exit_code, SchemaError.exit_code} == {2}
