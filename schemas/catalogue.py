"""All tables, in the order of the flow."""

from __future__ import annotations

from schemas.attributes import ATTRIBUTES
from schemas.availability import AVAILABILITY
from schemas.base import TableSpec
from schemas.frames import FRAMES
from schemas.identities import IDENTITIES
from schemas.kept import KEPT
from schemas.labels import LABELS
from schemas.line_videos import LINE_VIDEOS
from schemas.media import MEDIA
from schemas.narrations import NARRATIONS
from schemas.outcomes import DROPPED, FAILURES, WARNINGS
from schemas.overrides import OVERRIDES
from schemas.pairs import PAIRS
from schemas.publications import PUBLICATIONS
from schemas.rewrites import REWRITES
from schemas.routes import ROUTES
from schemas.shards import SHARDS
from schemas.sources import SOURCES
from schemas.speech import SPEECH
from schemas.splits import SPLITS
from schemas.subtitles import SUBTITLES
from schemas.titles import TITLES
from schemas.transcripts import TRANSCRIPTS
from schemas.video_attributes import VIDEO_ATTRIBUTES
from schemas.videos import VIDEOS

TABLES: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        SOURCES,
        VIDEOS,
        LINE_VIDEOS,
        IDENTITIES,
        MEDIA,
        PUBLICATIONS,
        SUBTITLES,
        AVAILABILITY,
        TRANSCRIPTS,
        SPEECH,
        KEPT,
        OVERRIDES,
        NARRATIONS,
        REWRITES,
        ATTRIBUTES,
        VIDEO_ATTRIBUTES,
        TITLES,
        SPLITS,
        ROUTES,
        PAIRS,
        FRAMES,
        SHARDS,
        LABELS,
        DROPPED,
        WARNINGS,
        FAILURES,
    )
}
"""Name to table. `shards` and `labels` lie in folders of their own, all others in `tables/`."""
