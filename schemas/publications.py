"""Fetched videos as their publishers describe them: the fullest metadata that there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from schemas.base import ForeignKey, TableSpec, matches
from schemas.columns import column
from schemas.videos import PublishedColumns


@dataclass(frozen=True, kw_only=True)
class PublicationRow(PublishedColumns):
    """A fetched video as its own page describes it."""

    page_id: Annotated[str | None, column("id of the video by its own page, made as video_id is")]


PUBLICATIONS = TableSpec(
    name="publications",
    version=2,
    meaning="fetched videos as their own pages describe them; what a page leaves out is taken from `videos`",
    row=PublicationRow,
    primary_key=("video_id",),
    foreign_keys=(ForeignKey(column="video_id", parent="videos", parent_column="video_id"),),
    rules=(matches("video_id"),),
)
