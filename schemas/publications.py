"""What publishers say of the videos that were fetched: the fullest metadata that there is."""

from __future__ import annotations

import pyarrow as pa

from schemas.base import Column, ForeignKey, TableSpec, matches, one_of
from schemas.videos import VIDEOS
from schemas.vocab import LicenceClass

_AS_LISTED = (
    "video_id",
    "webpage_url",
    "title",
    "description",
    "channel",
    "channel_id",
    "channel_handle",
    "upload_date",
    "chapters",
    "tags",
    "language",
    "licence",
    "licence_class",
)

PUBLICATIONS = TableSpec(
    name="publications",
    version=2,
    meaning="fetched videos as their own pages describe them; what a page leaves out is that of `videos`",
    columns=(
        *(column for column in VIDEOS.columns if column.name in _AS_LISTED),
        Column(
            name="page_id",
            type=pa.string(),
            meaning="id of the video by its own page, made as video_id is",
            nullable=True,
        ),
    ),
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(matches("video_id"), one_of("licence_class", list(LicenceClass))),
)
