"""Source videos as their source lists and sites list them, before anything is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches, within
from schemas.columns import column
from schemas.vocab import LicenceClass, Surgical


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A chapter as the publisher marked it."""

    title: Annotated[str, column("title as published")]
    start_s: Annotated[float, column("start of the chapter", unit="s")]
    end_s: Annotated[float, column("end, not included", unit="s")]


@dataclass(frozen=True, kw_only=True)
class PublishedColumns:
    """What a publisher says of a video: the columns that `videos` and `publications` share."""

    video_id: Annotated[
        str, column("youtube_<id>, url_<16 hex of the URL> or file_<16 hex of the content>")
    ]
    webpage_url: Annotated[str | None, column("page that shows it")]
    title: Annotated[str, column("title as published; the file's stem where there is none")]
    description: Annotated[str | None, column("description as published")]
    channel: Annotated[str | None, column("publisher's name")]
    channel_id: Annotated[str | None, column("publisher's id on its site")]
    channel_handle: Annotated[
        str | None, column("publisher's name in addresses of its site, with its @")
    ]
    upload_date: Annotated[str | None, column("day of publication, YYYYMMDD")]
    chapters: Annotated[Sequence[Chapter], column("chapters as published")]
    tags: Annotated[Sequence[str], column("keywords as published")]
    language: Annotated[str | None, column("language as published")]
    licence: Annotated[str | None, column("licence as published")]
    licence_class: Annotated[LicenceClass, column("what that licence allows")]


@dataclass(frozen=True, kw_only=True)
class VideoRow(PublishedColumns):
    """A source video, before anything is fetched."""

    line_id: Annotated[
        str,
        column(
            "of the source lines that lead to it, the one that named it first", after="video_id"
        ),
    ]
    location: Annotated[
        str, column("URL or absolute path that it is fetched from", after="line_id")
    ]
    extractor: Annotated[
        str, column("file, or the name of the site's extractor", after="webpage_url")
    ]
    listed_duration_s: Annotated[
        float | None, column("duration as published", unit="s", after="upload_date")
    ]
    is_surgical: Annotated[
        Surgical, column("verdict by title and description alone: yes, no or unknown")
    ]


VIDEOS = TableSpec(
    name="videos",
    version=2,
    meaning="source videos: where each comes from and how its publisher describes it",
    row=VideoRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="line_id", parent="sources", parent_column="line_id"),),
    rules=(
        matches("video_id"),
        within("listed_duration_s", 0.0),
    ),
)
