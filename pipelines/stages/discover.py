"""Stage discover: source line -> videos. Metadata only: nothing is fetched here.

Local files are known by their content, so that a renamed copy is the same video. Metadata of
`<stem>.mp4` is read from `<stem>.info.json` beside it, in yt-dlp's form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from ophvl.errors import ItemError
from ophvl.ids import channel_handle, file_id, sha256_file, site_id
from ophvl.ports import Chapter, Downloader, VideoMetadata
from ophvl.sources.licences import licence_class
from ophvl.stage import Scope, SourceLine, StageResult, StageSpec
from ophvl.text.concepts.matching import Matcher
from ophvl.text.titles.surgical import assess_listing
from pipelines.request_settings import RequestConfig
from schemas.videos import VIDEOS, VideoRow
from schemas.vocab import FailureKind


class DiscoverConfig(RequestConfig):
    """Settings of stage discover."""


VIDEO_SUFFIXES = frozenset(
    (
        ".3gp",
        ".avi",
        ".flv",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp4",
        ".mpeg",
        ".mpg",
        ".ogv",
        ".ts",
        ".webm",
        ".wmv",
        ".mts",
        ".m2ts",
        ".vob",
        ".mod",
    )
)
"""Files of a folder that count as videos. A file that the list names itself may have any suffix."""


def discover(
    line: SourceLine, *, config: DiscoverConfig, downloader: Downloader, matcher: Matcher
) -> StageResult:
    """Expand one source line to the videos behind it, each once.

    Raises:
        ItemError: the line leads to no video.
    """
    if line.is_url:
        listed = [
            (site_id(video.extractor, video.site_id, video.url), video)
            for video in downloader.expand(line.text)
        ]
    else:
        listed = [_local_video(path) for path in _local_files(line)]
    unique = dict(reversed(listed))  # The first of several with one id wins.
    rows = [
        _row(line, video_id, unique[video_id], matcher)
        for video_id in dict.fromkeys(i for i, _ in listed)
    ]
    return StageResult(tables={"videos": VIDEOS.table(rows)})


def _local_files(line: SourceLine) -> list[Path]:
    path = Path(line.target)
    if line.stamp == "unusable" or not path.exists():
        raise ItemError(
            FailureKind.NOT_FOUND,
            f"there is no file or folder '{line.text}' (looked for {path}); mend the line or the path",
        )
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()
    ]
    if not files:
        raise ItemError(
            FailureKind.NOT_FOUND,
            f"folder {path} holds no video file ({', '.join(sorted(VIDEO_SUFFIXES))})",
        )
    return files


def _local_video(path: Path) -> tuple[str, VideoMetadata]:
    try:
        str(path).encode()
    except UnicodeEncodeError as err:
        raise ItemError(
            FailureKind.UNREADABLE, f"the name of {path!r} is not UTF-8 text; rename the file"
        ) from err
    try:
        video_id = file_id(sha256_file(path))
    except OSError as err:
        raise ItemError(FailureKind.UNREADABLE, f"cannot read {path}: {err.strerror}") from err
    sidecar = path.with_suffix(".info.json")
    info = _read_sidecar(sidecar) if sidecar.exists() else {}
    metadata = VideoMetadata(
        url=str(path),
        webpage_url=_text(info, "webpage_url"),
        extractor="file",
        site_id=video_id,
        title=_text(info, "title") or path.stem,
        description=_text(info, "description"),
        channel=_text(info, "channel") or _text(info, "uploader"),
        channel_id=_text(info, "channel_id") or _text(info, "uploader_id"),
        channel_handle=channel_handle(_text(info, "uploader_id"), _text(info, "uploader_url")),
        upload_date=_text(info, "upload_date"),
        duration_s=_number(info, "duration"),
        chapters=_chapters(info),
        tags=tuple(tag for tag in _list(info, "tags") if isinstance(tag, str)),
        language=_text(info, "language"),
        licence=_text(info, "license"),
    )
    return video_id, metadata


def _read_sidecar(path: Path) -> Mapping[str, object]:
    try:
        info = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as err:
        raise ItemError(
            FailureKind.UNREADABLE,
            f"the metadata file {path} is not readable JSON ({err}); mend or remove it",
        ) from err
    if not isinstance(info, dict):
        raise ItemError(
            FailureKind.UNREADABLE,
            f"the metadata file {path} holds no JSON object; mend or remove it",
        )
    return info


def _text(info: Mapping[str, object], key: str) -> str | None:
    value = info.get(key)
    return value.strip() or None if isinstance(value, str) else None


def _number(info: Mapping[str, object], key: str) -> float | None:
    value = info.get(key)
    positive = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return float(value) if positive else None  # type: ignore[arg-type]


def _list(info: Mapping[str, object], key: str) -> list[object]:
    value = info.get(key)
    return value if isinstance(value, list) else []


def _chapters(info: Mapping[str, object]) -> tuple[Chapter, ...]:
    chapters = []
    for item in _list(info, "chapters"):
        if isinstance(item, dict):
            title, start = _text(item, "title"), _number(item, "start_time")
            end = _number(item, "end_time")
            if title is not None and start is not None and end is not None:
                chapters.append(Chapter(title=title, start_s=start, end_s=end))
    return tuple(chapters)


def _row(line: SourceLine, video_id: str, metadata: VideoMetadata, matcher: Matcher) -> VideoRow:
    return VideoRow(
        video_id=video_id,
        line_id=line.line_id,
        location=metadata.url,
        webpage_url=metadata.webpage_url,
        extractor=metadata.extractor,
        title=metadata.title,
        description=metadata.description,
        channel=metadata.channel,
        channel_id=metadata.channel_id,
        channel_handle=metadata.channel_handle,
        upload_date=metadata.upload_date,
        listed_duration_s=metadata.duration_s,
        chapters=metadata.chapters,
        tags=metadata.tags,
        language=metadata.language,
        licence=metadata.licence,
        licence_class=licence_class(metadata.licence),
        is_surgical=assess_listing(metadata.title, metadata.description, matcher).is_surgical,
    )


STAGE = StageSpec(
    name="discover",
    version=1,
    scope=Scope.LINE,
    run=discover,
    settings=DiscoverConfig,
    help="expand the lines of a source list to source videos; metadata only",
    writes=("sources", "line_videos", "videos"),
    ports={
        "downloader": "pipelines.wiring:downloader",
        "matcher": "pipelines.wiring:matcher",
    },
)
