"""Edits apply in any order, side by side, and never over one another."""

import pytest

from ophvl.text.edits import apply
from schemas.columns import as_dict
from schemas.narrations import Edit


def edit(start: int, before: str, after: str) -> Edit:
    return Edit(
        start=start, end=start + len(before), before=before, after=after, rule="r", score=0.5
    )


def test_edits_apply_in_any_order_and_may_touch() -> None:
    edits = [edit(4, "cd", "x"), edit(0, "ab", ""), edit(2, "..", "-")]
    assert apply("ab..cd", edits) == "-x"
    assert apply("ab..cd", []) == "ab..cd"


@pytest.mark.parametrize("edits", [[edit(0, "ab", "x"), edit(1, "b.", "y")], [edit(0, "xx", "y")]])
def test_edits_that_overlap_or_do_not_fit_are_refused(edits: list[Edit]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        apply("ab..cd", edits)


def test_an_edit_in_tables() -> None:
    assert as_dict(edit(2, "a", "b")) == {
        **{"start": 2, "end": 3, "from": "a", "to": "b"},
        **{"rule": "r", "score": 0.5},
    }
