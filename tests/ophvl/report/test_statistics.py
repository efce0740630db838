"""The statistics count what the tables hold, and show it without trusting it."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from ophvl.dataset.ledger import Entry, EntryOutcome
from ophvl.dataset.store import Store
from ophvl.report.page import render
from ophvl.report.statistics import gather
from ophvl.report.terminal import statistics_lines
from tests.factories import ROWS, table, video_id


def test_statistics_count_the_tables(store: Store) -> None:
    s = gather(store)
    assert s.hours == pytest.approx(3 / 60)
    assert s.speech_hours == pytest.approx(1.5 / 60)
    assert (s.narrated_videos, s.silent_videos) == (2, 1)
    assert s.silent_reasons == {"little_speech": 1}
    assert (s.clip_pairs, s.clip_mean_s, s.words_per_narration) == (2, 5.0, 4.0)
    assert (s.video_rows, s.titled_videos, s.frames) == (1, 1, 3)
    assert s.splits == {"train": 1}
    assert s.licences == {"open": 3}
    anatomy = s.attributes["anatomy"]
    assert (anatomy.mentions, anatomy.concepts, anatomy.negated) == (2, 1, 0)
    assert anatomy.top == {"lens capsule": 2}
    assert len(s.attributes) == 12
    assert s.funnel.units.emitted == 3
    assert json.loads(json.dumps(s.to_plain()))["account"]["units"]["listed"] == 3
    text = "\n".join(statistics_lines(s))
    assert "2 narrated, 1 silent (little_speech 1)" in text
    assert "clip pairs  2, mean 5.0 s and 4.0 words" in text


def test_an_empty_folder_has_statistics(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from pipelines.registry import load_stages

    s = gather(Store(tmp_path, load_stages()))
    assert (s.hours, s.clip_mean_s, s.words_per_narration, s.splits) == (0.0, 0.0, 0.0, {})
    assert "splits      none" in "\n".join(statistics_lines(s))
    assert "<h2>Funnel</h2>" in render(s)


def test_the_page_escapes_what_others_wrote(store: Store) -> None:
    row = ROWS["attributes"](1, label="<script>alert(1)</script>")
    unit = video_id(1)
    entry = Entry(stage="tag", unit=unit, fingerprint="f", outcome=EntryOutcome.EMITTED, at="x")
    store.commit(entry, {"attributes": table("attributes", row)})
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.append(tag)
            assert not {name for name, _ in attrs} & {"src", "href", "onload"}

    page = render(gather(store))
    Reader().feed(page)
    assert "script" not in tags
    assert "&lt;script&gt;" in page
    assert {"table", "h2"} <= set(tags)
