"""The stages in the order of the flow. Strings only: nothing here is imported until it is called."""

from __future__ import annotations

from ophvl.stage import Scope, StageSpec
from schemas.columns import column_names
from schemas.guards import GUARDS
from schemas.overrides import OverrideRow
from schemas.pairs import PairRow
from schemas.videos import PublishedColumns
from schemas.vocab import Pool

STAGES: tuple[StageSpec, ...] = (
    StageSpec(
        name="discover",
        version=1,
        scope=Scope.LINE,
        entry="pipelines.stages.discover:discover",
        help="expand the lines of a source list to source videos; metadata only",
        writes=("videos", "sources"),
        ports={
            "downloader": "pipelines.wiring:downloader",
            "matcher": "pipelines.wiring:matcher",
        },
    ),
    StageSpec(
        name="admit",
        version=2,
        scope=Scope.UNIT,
        entry="pipelines.stages.admit:admit",
        help="keep out what stands on the folder's block list or exclusion list",
        reads={
            "videos": (
                "video_id",
                "location",
                "webpage_url",
                "channel",
                "channel_id",
                "channel_handle",
            )
        },
        writes=("identities",),
        ports={"lists": "pipelines.wiring:lists", "files": "pipelines.wiring:media_folder"},
        previous=("identities", "publications"),
    ),
    StageSpec(
        name="download",
        version=3,
        scope=Scope.UNIT,
        entry="pipelines.stages.download:download",
        help="fetch what is not a local file, and probe every file",
        reads={
            "videos": (
                *column_names(PublishedColumns),
                "location",
                "extractor",
                "is_surgical",
                "listed_duration_s",
            )
        },
        writes=("media", "publications", "subtitles"),
        ports={
            "downloader": "pipelines.wiring:downloader",
            "files": "pipelines.wiring:media_folder",
            "lists": "pipelines.wiring:lists_at_fetch",
        },
        previous=("media", "publications", "subtitles"),
        pool=Pool.NETWORK,
    ),
    StageSpec(
        name="transcribe",
        version=3,
        scope=Scope.UNIT,
        entry="pipelines.stages.transcribe:transcribe",
        help="recognise what is said, with word times",
        reads={"media": ("video_id", "path", "sha256", "duration_s", "has_audio")},
        writes=("transcripts", "speech"),
        ports={
            "files": "pipelines.wiring:media_folder",
            "audio": "pipelines.wiring:audio_reader",
            "recogniser": "pipelines.wiring:recogniser",
            "hot_words": "pipelines.wiring:hot_words",
        },
        pinned=("recogniser",),
    ),
    StageSpec(
        name="keep",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.stages.keep:keep",
        help="let a proxy, or the sound alone, take the place of fetched media, if that is wanted",
        reads={
            "media": ("video_id", "path", "sha256", "width", "height", "has_audio"),
            "speech": ("video_id",),
        },
        writes=("kept",),
        ports={"files": "pipelines.wiring:media_folder", "proxies": "pipelines.wiring:proxies"},
    ),
    StageSpec(
        name="review",
        version=2,
        scope=Scope.UNIT,
        entry="pipelines.stages.review:review",
        help="pass on what readers judged wrong, so that it is left out",
        reads={"videos": ("video_id",)},
        writes=("overrides",),
        ports={"overrides": "pipelines.wiring:overrides"},
    ),
    StageSpec(
        name="segment",
        version=3,
        scope=Scope.UNIT,
        entry="pipelines.stages.segment:segment",
        help="cut transcripts into narrations, correct them, and score how descriptive each is",
        reads={
            "media": ("video_id", "duration_s"),
            "transcripts": ("segment_id", "video_id", "start_s", "end_s", "text", "words", *GUARDS),
            "overrides": column_names(OverrideRow),
        },
        writes=("narrations",),
        ports={
            "sentences": "pipelines.wiring:sentence_splitter",
            "corrector": "pipelines.wiring:corrector",
            "tagger": "pipelines.wiring:tagger",
        },
    ),
    StageSpec(
        name="rewrite",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.stages.rewrite:rewrite",
        help="let a language model rewrite narrations, if one is set; refuse what adds anything",
        reads={"narrations": ("narration_id", "video_id", "text", "descriptive_score")},
        writes=("rewrites",),
        ports={"rewriter": "pipelines.wiring:rewriter", "tagger": "pipelines.wiring:tagger"},
    ),
    StageSpec(
        name="tag",
        version=3,
        scope=Scope.UNIT,
        entry="pipelines.stages.tag:tag",
        help="find surgical concepts and phrases in narrations, titles and descriptions",
        reads={
            "publications": ("video_id", "title", "description"),
            "narrations": ("narration_id", "video_id", "text"),
            "overrides": column_names(OverrideRow),
        },
        writes=("attributes", "video_attributes"),
        ports={"tagger": "pipelines.wiring:tagger", "codes": "pipelines.wiring:codes"},
    ),
    StageSpec(
        name="title",
        version=2,
        scope=Scope.UNIT,
        entry="pipelines.stages.title:title",
        help="make one structured title of each messy one; drop what is surely not surgery",
        reads={
            "publications": (
                "video_id",
                "webpage_url",
                "title",
                "description",
                "chapters",
                "channel",
                "channel_id",
                "channel_handle",
            ),
            "attributes": (
                "attribute_id",
                "video_id",
                "text_id",
                "text_column",
                "kind",
                "concept_id",
                "label",
                "surface",
                "start",
                "end",
                "negated",
                "hypothetical",
                "score",
                "source",
            ),
            "video_attributes": ("video_id", "kind", "concept_id", "label", "clips"),
        },
        writes=("titles",),
        ports={"matcher": "pipelines.wiring:matcher"},
    ),
    StageSpec(
        name="split",
        version=1,
        scope=Scope.CORPUS,
        entry="pipelines.stages.split:split",
        help="assign every source video to train, val or test",
        reads={"titles": ("video_id",)},
        writes=("splits",),
    ),
    StageSpec(
        name="pair",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.stages.pair:pair",
        help="route videos to narrated or silent, and pair spans with texts",
        reads={
            "publications": ("video_id", "channel_id", "licence_class"),
            "media": ("video_id", "duration_s", "has_audio"),
            "speech": (
                "video_id",
                "speech_ratio",
                "words_per_minute",
                "language",
                "language_probability",
            ),
            "narrations": (
                "narration_id",
                "video_id",
                "start_s",
                "end_s",
                "text",
                "descriptive_score",
                "confidence",
            ),
            "attributes": (
                "video_id",
                "text_id",
                "kind",
                "concept_id",
                "label",
                "negated",
                "hypothetical",
            ),
            "video_attributes": ("video_id", "kind", "concept_id", "label"),
            "rewrites": ("narration_id", "video_id", "text"),
            "titles": ("video_id", "title"),
            "splits": ("video_id", "split"),
        },
        writes=("routes", "pairs"),
    ),
    StageSpec(
        name="frames",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.stages.frames:frames",
        help="decode the pictures at the times that the pairs name",
        reads={
            "media": ("video_id", "path", "sha256"),
            "pairs": ("pair_id", "video_id", "frame_times_s"),
        },
        writes=("frames",),
        ports={
            "files": "pipelines.wiring:media_folder",
            "frame_reader": "pipelines.wiring:frame_reader",
        },
        previous=("frames",),
    ),
    StageSpec(
        name="shard",
        version=1,
        scope=Scope.EXPORT,
        entry="pipelines.stages.shard:shard",
        help="join pairs and frames into the training rows of shards/",
        reads={
            "pairs": column_names(PairRow),
            "frames": ("video_id", "time_s", "jpeg"),
        },
    ),
)

INGEST = ("discover", "keep")
"""First and last stage of `ophvl ingest`."""

BUILD_PAIRS = ("review", "shard")
"""First and last stage of `ophvl build-pairs`, which does stage admit once more before them."""
