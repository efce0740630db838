"""Precision, agreement and overrides follow from the judgements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ophvl.review.sheet import Item, Judgement
from ophvl.review.verdicts import review, wilson

ITEM = Item(
    item_id="0",
    stratum="anatomy",
    stratum_size=100,
    video_id="file_a",
    start_s=0.0,
    end_s=3.0,
    text="the bag",
    surface="bag",
    value="capsular bag",
    note="",
    start=4,
    end=7,
)


def judged(item_id: str, judgement: Judgement, reader: str = "Ada", **changes: object) -> Item:
    return replace(ITEM, item_id=item_id, judgement=judgement, reader=reader, **changes)


def test_precision_is_the_share_of_right_by_stratum() -> None:
    result = review(
        [
            *(judged(f"a{n}", Judgement.RIGHT) for n in range(3)),
            judged("a3", Judgement.WRONG),
            judged("a4", Judgement.UNSURE),
            judged("e", Judgement.WRONG, stratum="edit", stratum_size=300),
        ]
    )
    assert [(p.stratum, p.right, p.judged) for p in result.precision] == [
        ("anatomy", 3, 4),
        ("edit", 0, 1),
    ]
    assert result.overall == pytest.approx((0.75 * 100 + 0.0 * 300) / 400)


@pytest.mark.parametrize(
    ("right", "judged", "interval"),
    [(81, 263, (0.2553, 0.3662)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_interval(right: int, judged: int, interval: tuple[float, float]) -> None:
    # Newcombe 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
    assert wilson(right, judged) == pytest.approx(interval, abs=1e-4)


def test_agreement_of_two_readers_beyond_chance() -> None:
    says = {"a": "rr", "b": "rr", "c": "ww", "d": "rw"}
    words = {"r": Judgement.RIGHT, "w": Judgement.WRONG}
    items = [
        judged(item_id, words[letter], reader)
        for item_id, letters in says.items()
        for letter, reader in zip(letters, ("Ada", "Bo"), strict=True)
    ]
    (agreement,) = review(items).agreement
    assert agreement.readers == ("Ada", "Bo")
    assert (agreement.items, agreement.share) == (4, 0.75)
    assert agreement.kappa == pytest.approx(0.5)  # chance (3*2 + 1*2) / 16 = 0.5


def test_what_readers_dispute_changes_nothing() -> None:
    result = review(
        [
            judged("a", Judgement.WRONG),
            judged("a", Judgement.RIGHT, "Bo"),
            judged("b", Judgement.WRONG, value="bag"),
            judged("c", Judgement.RIGHT, value="sac"),
        ]
    )
    assert [item.item_id for item in result.disputed] == ["a"]
    assert [override.value for override in result.wrong] == ["bag"]
    assert [override.value for override in result.right] == ["sac"]


def test_half_of_the_readers_is_no_majority() -> None:
    both = [judged("a", Judgement.RIGHT), judged("a", Judgement.WRONG, "Bo")]
    assert [(p.right, p.judged) for p in review(both).precision] == [(0, 1)]
    three = [*both, judged("a", Judgement.RIGHT, "Cy")]
    assert [(p.right, p.judged) for p in review(three).precision] == [(1, 1)]


def test_equal_items_judged_differently_are_disputed() -> None:
    result = review([judged("a", Judgement.WRONG), judged("b", Judgement.RIGHT, start_s=9.0)])
    assert [item.item_id for item in result.disputed] == ["b", "a"]
    assert result.wrong == () == result.right


def test_the_last_judgement_of_a_reader_counts() -> None:
    result = review([judged("a", Judgement.WRONG), judged("a", Judgement.RIGHT)])
    assert result.disputed == () == result.wrong


def test_readers_who_always_agree_by_necessity_have_no_kappa() -> None:
    both = [judged("a", Judgement.RIGHT), judged("a", Judgement.RIGHT, "Bo")]
    assert review(both).agreement[0].kappa is None


def test_nothing_judged_gives_no_figure() -> None:
    assert review([ITEM]).overall is None
