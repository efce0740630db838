"""Source videos as the catalogue knows them, before anything is fetched."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, one_of, within
from schemas.vocab import LicenceClass, Surgical

CHAPTER = pa.struct(
    [
        pa.field("title", pa.string()),
        pa.field("start_s", pa.float64()),
        pa.field("end_s", pa.float64()),
    ]
)

VIDEOS = TableSpec(
    name="videos",
    version=2,
    meaning="source videos: where each comes from and what its publisher says of it",
    columns=(
        Column(
            name="video_id",
            type=pa.string(),
            meaning="youtube_<id>, url_<16 hex of the URL> or file_<16 hex of the content>",
        ),
        Column(name="line_id", type=pa.string(), meaning="source line that named it first"),
        Column(
            name="location",
            type=pa.string(),
            meaning="URL or absolute path that it is fetched from",
        ),
        Column(name="webpage_url", type=pa.string(), meaning="page that shows it", nullable=True),
        Column(
            name="extractor", type=pa.string(), meaning="file, or the name of the site's extractor"
        ),
        Column(
            name="title",
            type=pa.string(),
            meaning="title as published; the file's stem where there is none",
        ),
        Column(
            name="description", type=pa.string(), meaning="description as published", nullable=True
        ),
        Column(name="channel", type=pa.string(), meaning="publisher's name", nullable=True),
        Column(
            name="channel_id", type=pa.string(), meaning="publisher's id on its site", nullable=True
        ),
        Column(
            name="channel_handle",
            type=pa.string(),
            meaning="publisher's name in addresses of its site, with its @",
            nullable=True,
        ),
        Column(
            name="upload_date",
            type=pa.string(),
            meaning="day of publication, YYYYMMDD",
            nullable=True,
        ),
        Column(
            name="listed_duration_s",
            type=pa.float64(),
            meaning="duration as published",
            unit="s",
            nullable=True,
        ),
        Column(name="chapters", type=pa.list_(CHAPTER), meaning="chapters as published"),
        Column(name="tags", type=pa.list_(pa.string()), meaning="keywords as published"),
        Column(name="language", type=pa.string(), meaning="language as published", nullable=True),
        Column(name="licence", type=pa.string(), meaning="licence as published", nullable=True),
        Column(name="licence_class", type=pa.string(), meaning="what that licence allows"),
        Column(
            name="is_surgical",
            type=pa.string(),
            meaning="verdict by title and description alone: yes, no or unknown",
        ),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="line_id", parent="sources", parent_column="line_id"),),
    rules=(
        matches("video_id"),
        within("listed_duration_s", 0.0),
        one_of("licence_class", list(LicenceClass)),
        one_of("is_surgical", list(Surgical)),
    ),
)
