"""Entries survive the ledger; fingerprints change with what counts, and with nothing else."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from ophvl.config import Settings
from ophvl.dataset.ledger import Entry, EntryOutcome, fingerprint, hash_columns, input_hashes
from ophvl.stage import Scope, StageResult, StageSpec
from schemas.vocab import FailureKind
from tests.factories import media_row, narration_row, source_row, table


class Config(Settings):
    words: tuple[str, ...] = ("a",)
    share: float = 0.5
    limit: int | None = None


def run(*, config: Config) -> StageResult:
    return StageResult(tables={})


SPEC = StageSpec(name="s", version=1, scope=Scope.UNIT, run=run, settings=Config, help="do it")


@pytest.mark.parametrize("kind", [None, FailureKind.NETWORK])
def test_an_entry_survives_json_on_one_line(kind: FailureKind | None) -> None:
    entry = Entry(
        stage="s",
        unit="a",
        fingerprint="f",
        outcome=EntryOutcome.FAILED,
        at="2026-01-01T00:00:00+00:00",
        rows={"media": 1},
        hashes={"media": {"a": {"path": "00"}}},
        kind=kind,
        message='"quoted"\n\u2028 \x85 \udcff ä 眼',
    )
    text = entry.to_json()
    assert len(text.splitlines()) == 1
    text.encode()
    assert Entry.from_json(text) == entry


def test_a_fingerprint_changes_with_everything_that_counts() -> None:
    base = fingerprint(SPEC, Config(), {"tool": "1"}, {"t": {"c": "0"}})
    assert base == fingerprint(
        replace(SPEC, help="other"), Config(), {"tool": "1"}, {"t": {"c": "0"}}
    )
    others = [
        fingerprint(replace(SPEC, version=2), Config(), {"tool": "1"}, {"t": {"c": "0"}}),
        fingerprint(replace(SPEC, name="z"), Config(), {"tool": "1"}, {"t": {"c": "0"}}),
        fingerprint(SPEC, Config(share=0.6), {"tool": "1"}, {"t": {"c": "0"}}),
        fingerprint(SPEC, Config(words=("a", "b")), {"tool": "1"}, {"t": {"c": "0"}}),
        fingerprint(SPEC, Config(limit=1), {"tool": "1"}, {"t": {"c": "0"}}),
        fingerprint(SPEC, Config(), {"tool": "2"}, {"t": {"c": "0"}}),
        fingerprint(SPEC, Config(), {"tool": "1"}, {"t": {"c": "1"}}),
    ]
    assert len({base, *others}) == 8


def test_hashes_are_by_video_and_column() -> None:
    rows = [narration_row(1), narration_row(2), narration_row(1, narration_id="youtube_00001-n2")]
    before = hash_columns("narrations", table("narrations", *rows), ["text", "start_s"])
    assert set(before) == {"youtube_00001", "youtube_00002"}
    rows[1] = narration_row(2, text="another")
    after = hash_columns("narrations", table("narrations", *rows), ["text", "start_s"])
    assert after["youtube_00001"] == before["youtube_00001"]
    assert after["youtube_00002"]["start_s"] == before["youtube_00002"]["start_s"]
    assert after["youtube_00002"]["text"] != before["youtube_00002"]["text"]


@pytest.mark.parametrize("name", ["transcripts", "titles", "videos", "frames", "media", "pairs"])
def test_hashes_do_not_depend_on_where_the_rows_stood(name: str) -> None:
    """Nor on chunks, nor on other videos in the table, nor on a way through Parquet or IPC."""
    from tests.factories import ROWS, video_id

    columns = table(name).column_names
    nullable = {c: None for c in ("title", "channel_id", "eye") if c in columns}
    nullable.pop("title", None) if name == "videos" else None
    one, two = ROWS[name](1), ROWS[name](2, **nullable)
    alone = {n: hash_columns(name, table(name, row), columns) for n, row in ((1, one), (2, two))}
    wanted = {video_id(n): alone[n][video_id(n)] for n in (1, 2)}
    together = table(name, two, one)
    chunked = pa.concat_tables([table(name, two), table(name), table(name, one)])
    sliced = table(name, ROWS[name](3), two, one).slice(1)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, together.schema) as writer:
        writer.write_table(together)
    back = pa.ipc.open_stream(sink.getvalue()).read_all()
    for rows in (together, chunked, sliced, back):
        assert hash_columns(name, rows, columns) == wanted


def test_order_counts_and_null_is_not_empty() -> None:
    a, b = narration_row(1, text="a"), narration_row(1, text="b")
    assert hash_columns("narrations", table("narrations", a, b), ["text"]) != hash_columns(
        "narrations", table("narrations", b, a), ["text"]
    )
    empty, null = narration_row(1, text=""), narration_row(1, text=None)
    assert hash_columns("narrations", table("narrations", empty), ["text"]) != hash_columns(
        "narrations", table("narrations", null), ["text"]
    )


def test_no_rows_and_tables_without_videos_have_no_hashes() -> None:
    assert hash_columns("narrations", table("narrations"), ["text"]) == {}
    assert hash_columns("sources", table("sources", source_row(1)), ["text"]) == {}


def test_a_later_column_counts_only_where_it_has_a_value() -> None:
    columns = ["sha256", "audio_stream"]
    plain = hash_columns("media", table("media", media_row(1)), columns)["youtube_00001"]
    chosen = hash_columns("media", table("media", media_row(1, audio_stream=0)), columns)
    assert input_hashes("media", columns, plain) == {"sha256": plain["sha256"]}
    assert set(input_hashes("media", columns, chosen["youtube_00001"])) == set(columns)
    assert input_hashes("media", columns, {}) == {"sha256": ""}
