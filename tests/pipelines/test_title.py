"""Messy titles through the stages tag and title; what is dropped, and what stays."""

import pytest

from pipelines.config import TagConfig, TitleConfig
from pipelines.tag import tag
from pipelines.title import title
from schemas.titles import TITLES
from schemas.vocab import DropReason
from tests.pipelines.test_tag import VIDEO, narration_table, video_table


def run(matcher, *texts, assume_surgical=False, **video):
    videos = video_table(**video)
    tagged = tag(videos, narration_table(*texts), config=TagConfig(), matcher=matcher)
    result = title(videos, **tagged.tables, config=TitleConfig(assume_surgical=assume_surgical))
    assert TITLES.check(result.tables["titles"]) == []
    (row,) = result.tables["titles"].to_pylist()
    return row, result.dropped


def test_a_messy_title_becomes_fields_and_a_sentence(matcher):
    row, dropped = run(matcher, title="🔥 PHACO RE #viral case 12", description="Brown cataract.")
    assert row["title"] == "Phacoemulsification for brunescent cataract, right eye"
    assert row["raw_title"] == "🔥 PHACO RE #viral case 12"
    assert (row["is_surgical"], row["eye"]) == ("yes", "right")
    assert row["surgery"] == ["phacoemulsification"]
    assert dropped == ()


def test_make_up_is_dropped_and_its_row_stays(matcher):
    row, (drop,) = run(matcher, title="Smokey eye makeup")
    assert row["is_surgical"] == "no"
    assert (drop.row_id, drop.reason) == (VIDEO, DropReason.NOT_SURGICAL)
    assert "smokey eye" in drop.message


def test_assume_surgical_keeps_it(matcher):
    row, dropped = run(matcher, title="Smokey eye makeup", assume_surgical=True)
    assert (row["is_surgical"], dropped) == ("no", ())


def test_steps_stand_in_the_order_in_which_they_are_told(matcher):
    row, _ = run(
        matcher,
        "First the main incision.",
        "No suturing. Then hydrodissection.",
        "Capsulorhexis came before hydrodissection.",
        "If wound hydration is needed, wait.",
        title="case_4687",
    )
    assert row["title"] == "Steps: incision, hydrodissection, capsulorhexis."
    assert row["is_surgical"] == "yes"


@pytest.mark.parametrize("raw", ["case_4687", "eye", "", "的"])
def test_nothing_known_is_null_and_stays(matcher, raw):
    row, dropped = run(matcher, title=raw)
    assert (row["title"], row["is_surgical"], row["evidence"], dropped) == (None, "unknown", [], ())
