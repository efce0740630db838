"""Valid rows for every table: one integer makes a full one, keywords change columns of it.

    MEDIA.table([media_row(1), media_row(2, duration_s=10.0)])

Rows of equal number belong together: `video_row(1)` names `source_row(1)`, `media_row(1)` names
`video_row(1)`, and so on. The file is long because every table has its row here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from schemas.catalogue import TABLES
from schemas.columns import column_names, columns_of
from schemas.guards import GUARDS
from schemas.narrations import Edit
from schemas.pairs import PairAttribute
from schemas.titles import Evidence
from schemas.transcripts import Word
from schemas.videos import Chapter, PublishedColumns
from schemas.vocab import Kind

SHA256 = "ab" * 32
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def table(name: str, *rows: Any) -> pa.Table:
    """A table of the catalogue with these rows."""
    return TABLES[name].table(rows)


def video_id(n: int) -> str:
    return f"youtube_{n:05d}"


def _row(name: str, changes: dict[str, object], **columns: object) -> Any:
    """A row of the table `name`; nullable columns that are not given are null."""
    row = TABLES[name].row
    nulls = {c.attribute: None for c in columns_of(row) if c.nullable}
    return row(**{**nulls, **columns, **changes})


def source_row(n: int, **changes: object) -> Any:
    return _row(
        "sources",
        changes,
        line_id=f"line_{n:016x}",
        list_path="/lists/list.txt",
        line_number=n + 1,
        text=f"https://example.org/{n}",
        outcome="expanded",
    )


def line_video_row(n: int, **changes: object) -> Any:
    return _row("line_videos", changes, line_id=f"line_{n:016x}", video_id=video_id(n))


def video_row(n: int, **changes: object) -> Any:
    return _row(
        "videos",
        changes,
        video_id=video_id(n),
        line_id=f"line_{n:016x}",
        location=f"https://example.org/{n}",
        webpage_url=f"https://example.org/{n}",
        extractor="youtube",
        title=f"Phaco case {n}",
        description="Cataract surgery of the right eye",
        channel="Eye clinic",
        channel_id="UC1",
        channel_handle="@eye-clinic",
        upload_date="20250102",
        listed_duration_s=60.0,
        chapters=[Chapter(title="Incision", start_s=0.0, end_s=10.0)],
        tags=["phaco", "cataract"],
        language="en",
        licence="Creative Commons Attribution",
        licence_class="open",
        is_surgical="yes",
    )


def media_row(n: int, **changes: object) -> Any:
    return _row(
        "media",
        changes,
        video_id=video_id(n),
        path=f"media/{video_id(n)}.mp4",
        bytes=1000 + n,
        sha256=SHA256,
        duration_s=60.0,
        width=640,
        height=360,
        fps=25.0,
        has_audio=True,
        fetched_at=NOON,
        tool="yt-dlp 2025.6.9",
    )


def identity_row(n: int, **changes: object) -> Any:
    return _row(
        "identities",
        changes,
        video_id=video_id(n),
        ids=[],
        urls=[f"https://example.org/{n}"],
        channels=[],
    )


def publication_row(n: int, **changes: object) -> Any:
    video = video_row(n)
    listed = {name: getattr(video, name) for name in column_names(PublishedColumns)}
    return _row("publications", changes, **listed)


def subtitle_row(n: int, **changes: object) -> Any:
    return _row(
        "subtitles",
        changes,
        subtitle_id=f"{video_id(n)}-c0001",
        video_id=video_id(n),
        kind="manual",
        language="en",
        start_s=1.0,
        end_s=2.0,
        text="the capsule",
    )


def availability_row(n: int, **changes: object) -> Any:
    return _row(
        "availability",
        changes,
        video_id=video_id(n),
        checked_at=NOON,
        state="available",
        licence="Creative Commons Attribution",
        message="",
    )


def transcript_row(n: int, **changes: object) -> Any:
    word = Word(word="the", start_s=1.0, end_s=1.5, probability=0.9, interpolated=False)
    return _row(
        "transcripts",
        changes,
        segment_id=f"{video_id(n)}-s0001",
        video_id=video_id(n),
        start_s=1.0,
        end_s=2.0,
        text="the capsule",
        words=[word, replace(word, word="capsule")],
        avg_logprob=-0.2,
        no_speech_prob=0.01,
        compression_ratio=1.2,
        **dict.fromkeys(GUARDS, False),
        language="en",
        recogniser="faster-whisper",
        model="tiny.en",
        model_sha256=SHA256,
    )


def spoken_words(text: str, *, start_s: float = 0.0, word_s: float = 0.5) -> list[Word]:
    """Return words of equal length without pauses, for `transcript_row(n, words=...)`."""
    return [
        Word(
            word=f" {word}",
            start_s=start_s + number * word_s,
            end_s=start_s + (number + 1) * word_s,
            probability=0.9,
            interpolated=False,
        )
        for number, word in enumerate(text.split())
    ]


def speech_row(n: int, **changes: object) -> Any:
    return _row(
        "speech",
        changes,
        video_id=video_id(n),
        speech_s=30.0,
        speech_ratio=0.5,
        words_per_minute=90.0,
        segments=12,
        flagged_segments=0,
        language="en",
        language_probability=0.98,
        language_source="base",
    )


def kept_row(n: int, **changes: object) -> Any:
    return _row(
        "kept",
        changes,
        video_id=video_id(n),
        form="all",
        path=f"media/{video_id(n)}.mp4",
        bytes=1000 + n,
    )


def narration_row(n: int, **changes: object) -> Any:
    return _row(
        "narrations",
        changes,
        narration_id=f"{video_id(n)}-n0001",
        video_id=video_id(n),
        start_s=1.0,
        end_s=6.0,
        text_asr="uh the capsule is opened",
        text="the capsule is opened",
        edits=[Edit(start=0, end=3, before="uh ", after="", rule="hesitation", score=1.0)],
        descriptive_score=0.8,
        confidence=0.9,
    )


def override_row(n: int, **changes: object) -> Any:
    return _row(
        "overrides",
        changes,
        override_id=f"{video_id(n)}-o0000",
        video_id=video_id(n),
        target="attribute",
        kind="anatomy",
        before="the",
        surface="capsule",
        after="is opened",
        value="lens capsule",
    )


def rewrite_row(n: int, **changes: object) -> Any:
    return _row(
        "rewrites",
        changes,
        narration_id=f"{video_id(n)}-n0001",
        video_id=video_id(n),
        outcome="accepted",
        text="The capsule is opened.",
        added=[],
        model="small",
    )


def attribute_row(n: int, **changes: object) -> Any:
    return _row(
        "attributes",
        changes,
        attribute_id=f"{video_id(n)}-n0001-a0001",
        video_id=video_id(n),
        text_id=f"{video_id(n)}-n0001",
        text_column="text",
        kind="anatomy",
        concept_id="anatomy:lens-capsule",
        label="lens capsule",
        surface="capsule",
        start=4,
        end=11,
        linked=[],
        negated=False,
        hypothetical=False,
        score=1.0,
        source="ontology",
    )


def video_attribute_row(n: int, **changes: object) -> Any:
    return _row(
        "video_attributes",
        changes,
        video_id=video_id(n),
        kind="anatomy",
        concept_id="anatomy:lens-capsule",
        label="lens capsule",
        clips=1,
        in_title=False,
        score=1.0,
        codes=[],
    )


def title_row(n: int, **changes: object) -> Any:
    evidence = Evidence(
        field="surgery", value="phacoemulsification", text_column="title", surface="Phaco"
    )
    return _row(
        "titles",
        changes,
        video_id=video_id(n),
        raw_title=f"Phaco case {n}",
        title="Phacoemulsification",
        is_surgical="yes",
        surgery=["phacoemulsification"],
        condition=[],
        technique=[],
        device=[],
        eye="right",
        evidence=[evidence],
    )


def split_row(n: int, **changes: object) -> Any:
    return _row("splits", changes, video_id=video_id(n), split="train")


def route_row(n: int, **changes: object) -> Any:
    return _row("routes", changes, video_id=video_id(n), route="narrated", reason="speech")


def pair_row(n: int, **changes: object) -> Any:
    return _row("pairs", changes, **_pair(n), frame_times_s=[1.0, 2.0])


def shard_row(n: int, **changes: object) -> Any:
    return _row(
        "shards", changes, **_pair(n), frames=[b"jpeg 1", b"jpeg 2"], frame_times_s=[1.0, 2.0]
    )


def _pair(n: int) -> dict[str, object]:
    attribute = PairAttribute(
        kind=Kind.ANATOMY, concept_id="anatomy:lens-capsule", label="lens capsule", negated=False
    )
    return {
        "pair_id": f"{video_id(n)}-n0001",
        "level": "clip",
        "kind": "narrated",
        "video_id": video_id(n),
        "channel_id": "UC1",
        "start_s": 1.0,
        "end_s": 6.0,
        "text": "the capsule is opened",
        "title": "Phacoemulsification",
        "narrations": [],
        "attributes": [attribute],
        "confidence": 0.9,
        "split": "train",
        "licence_class": "open",
    }


def frame_row(n: int, **changes: object) -> Any:
    return _row(
        "frames",
        changes,
        video_id=video_id(n),
        media_sha256=SHA256,
        time_s=1.0,
        width=455,
        height=256,
        short_side=256,
        quality=90,
        jpeg=b"jpeg 1",
    )


def label_row(n: int, **changes: object) -> Any:
    return _row(
        "labels",
        changes,
        video_id=video_id(n),
        start_s=0.0,
        end_s=10.0,
        task="phase",
        source="annotator",
        class_="Incision",
    )


def dropped_row(n: int, **changes: object) -> Any:
    return _row(
        "dropped",
        changes,
        row_id=f"{video_id(n)}-n0002",
        unit=video_id(n),
        stage="pair",
        reason="not_descriptive",
        message="score 0.1",
    )


def warning_row(n: int, **changes: object) -> Any:
    return _row(
        "warnings",
        changes,
        unit=video_id(n),
        stage="download",
        kind="cut_short",
        item=video_id(n),
        message="it ends early",
    )


def failure_row(n: int, **changes: object) -> Any:
    return _row(
        "failures",
        changes,
        unit=video_id(n),
        stage="download",
        kind="not_found",
        message="it is gone",
        attempt=1,
        failed_at=NOON,
    )


ROWS: dict[str, Callable[..., Any]] = {
    "sources": source_row,
    "line_videos": line_video_row,
    "videos": video_row,
    "media": media_row,
    "identities": identity_row,
    "publications": publication_row,
    "subtitles": subtitle_row,
    "availability": availability_row,
    "transcripts": transcript_row,
    "speech": speech_row,
    "kept": kept_row,
    "overrides": override_row,
    "narrations": narration_row,
    "rewrites": rewrite_row,
    "attributes": attribute_row,
    "video_attributes": video_attribute_row,
    "titles": title_row,
    "splits": split_row,
    "routes": route_row,
    "pairs": pair_row,
    "frames": frame_row,
    "shards": shard_row,
    "labels": label_row,
    "dropped": dropped_row,
    "warnings": warning_row,
    "failures": failure_row,
}
"""Table to the maker of its rows."""
