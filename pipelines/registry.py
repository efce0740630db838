"""The stages in the order of the flow. Strings only: nothing here is imported until it is called."""

from __future__ import annotations

from ophvl.stage import Scope, StageSpec

STAGES: tuple[StageSpec, ...] = (
    StageSpec(
        name="discover",
        version=1,
        scope=Scope.LINE,
        entry="pipelines.discover:discover",
        help="expand the lines of a source list to source videos; metadata only",
        writes=("videos", "sources"),
        ports={
            "downloader": "pipelines.ports:downloader",
            "matcher": "pipelines.ports:matcher",
        },
    ),
    StageSpec(
        name="download",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.download:download",
        help="fetch what is not a local file, and probe every file",
        reads={"videos": ("video_id", "location", "extractor", "is_surgical")},
        writes=("media",),
        ports={
            "downloader": "pipelines.ports:downloader",
            "files": "pipelines.ports:media_folder",
        },
    ),
    StageSpec(
        name="transcribe",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.transcribe:transcribe",
        help="recognise what is said, with word times",
        reads={"media": ("video_id", "path", "sha256", "duration_s", "has_audio")},
        writes=("transcripts", "speech"),
        ports={
            "files": "pipelines.ports:media_folder",
            "audio": "pipelines.ports:audio_reader",
            "recogniser": "pipelines.ports:recogniser",
        },
        pinned=("recogniser",),
    ),
    StageSpec(
        name="segment",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.segment:segment",
        help="cut transcripts into narrations, and score how descriptive each is",
        reads={
            "media": ("video_id", "duration_s"),
            "transcripts": ("segment_id", "video_id", "start_s", "end_s", "text", "words"),
        },
        writes=("narrations",),
        ports={
            "sentences": "pipelines.ports:sentence_splitter",
            "matcher": "pipelines.ports:matcher",
        },
    ),
    StageSpec(
        name="tag",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.tag:tag",
        help="find surgical concepts in narrations, titles and descriptions",
        reads={
            "videos": ("video_id", "title", "description"),
            "narrations": ("narration_id", "video_id", "text"),
        },
        writes=("attributes", "video_attributes"),
        ports={"matcher": "pipelines.ports:matcher"},
    ),
    StageSpec(
        name="title",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.title:title",
        help="make one structured title of each messy one; drop what is surely not surgery",
        reads={
            "videos": ("video_id", "title", "description"),
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
            ),
            "video_attributes": ("video_id", "kind", "concept_id", "label", "clips"),
        },
        writes=("titles",),
    ),
    StageSpec(
        name="split",
        version=1,
        scope=Scope.CORPUS,
        entry="pipelines.split:split",
        help="assign every source video to train, val or test",
        reads={"titles": ("video_id",)},
        writes=("splits",),
    ),
    StageSpec(
        name="pair",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.pair:pair",
        help="route videos to narrated or silent, and pair spans with texts",
        reads={
            "videos": ("video_id", "channel_id", "licence_class"),
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
            "titles": ("video_id", "title"),
            "splits": ("video_id", "split"),
        },
        writes=("routes", "pairs"),
    ),
    StageSpec(
        name="frames",
        version=1,
        scope=Scope.UNIT,
        entry="pipelines.frames:frames",
        help="decode the pictures at the times that the pairs name",
        reads={
            "media": ("video_id", "path", "sha256"),
            "pairs": ("pair_id", "video_id", "frame_times_s"),
        },
        writes=("frames",),
        ports={
            "files": "pipelines.ports:media_folder",
            "frame_reader": "pipelines.ports:frame_reader",
        },
        reuses_output=True,
    ),
    StageSpec(
        name="shard",
        version=1,
        scope=Scope.EXPORT,
        entry="pipelines.shard:shard",
        help="join pairs and frames into the training rows of shards/",
        reads={
            "pairs": (
                "pair_id",
                "video_id",
                "level",
                "kind",
                "text",
                "title",
                "narrations",
                "attributes",
                "confidence",
                "split",
                "licence_class",
                "channel_id",
                "start_s",
                "end_s",
                "frame_times_s",
            ),
            "frames": ("video_id", "time_s", "jpeg"),
        },
    ),
)

INGEST = ("discover", "transcribe")
"""First and last stage of `ophvl ingest`."""

BUILD_PAIRS = ("segment", "shard")
"""First and last stage of `ophvl build-pairs`."""
