"""Stage discover: source line -> videos. Metadata only: nothing is fetched here.

Local files are known by their content, so that a renamed copy is the same video. Metadata of
`<stem>.mp4` is read from `<stem>.info.json` beside it, in yt-dlp's form.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from ophvl.errors import ItemError
from ophvl.ids import site_id
from ophvl.ports import Downloader, VideoMetadata
from ophvl.sources.licences import licence_class
from ophvl.sources.local_files import SUFFIXES, LocalVideo, Unusable, read_video, videos_in
from ophvl.stage import Scope, SourceLine, StageResult, StageSpec, StageWarning
from ophvl.text.concepts.matching import Matcher
from ophvl.text.titles.surgical import assess_listing
from pipelines.request_settings import RequestConfig
from schemas.videos import VIDEOS, VideoRow
from schemas.vocab import FailureKind, WarningKind


class DiscoverConfig(RequestConfig):
    """Settings of stage discover."""


_MAX_MESSAGE_CHARACTERS = 2_000
_MAX_ADDRESS_CHARACTERS = 8_000
"""Servers refuse longer ones."""


def discover(
    line: SourceLine, *, config: DiscoverConfig, downloader: Downloader, matcher: Matcher
) -> StageResult:
    """Expand one source line to the videos behind it, each once.

    Raises:
        ItemError: the line leads to no video.
    """
    unusable: list[Unusable] = []
    if line.is_url:
        if len(line.text) > _MAX_ADDRESS_CHARACTERS:
            raise ItemError(
                FailureKind.UNSUPPORTED,
                f"the address has {len(line.text)} characters, and {_MAX_ADDRESS_CHARACTERS} are read at "
                "most; mend the line",
            )
        listed = [
            (site_id(video.extractor, video.site_id, video.url), video)
            for video in downloader.expand(line.text)
        ]
    else:
        local, unusable = _local_videos(line)
        listed = [(video.video_id, video.metadata) for video in local]
    unique = dict(reversed(listed))  # The first of several with one id wins.
    rows = [
        _row(line, video_id, unique[video_id], matcher)
        for video_id in dict.fromkeys(i for i, _ in listed)
    ]
    return StageResult(tables={"videos": VIDEOS.table(rows)}, warnings=tuple(_warnings(unusable)))


def _warnings(unusable: Iterable[Unusable]) -> Iterator[StageWarning]:
    """Yield one warning for each name; files of several folders may share one."""
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for one in unusable:
        reasons[one.name].append(one.reason)
    for name, of_name in reasons.items():
        message = of_name[0] if len(of_name) == 1 else f"{len(of_name)} files: {'; '.join(of_name)}"
        yield StageWarning(
            kind=WarningKind.FILE_UNUSABLE, item=name, message=message[:_MAX_MESSAGE_CHARACTERS]
        )


def _local_videos(line: SourceLine) -> tuple[list[LocalVideo], list[Unusable]]:
    """Return the videos of a file or folder, and the files that cost something.

    Raises:
        ItemError: there is no such file or folder, or no video in it.
    """
    path = Path(line.target)
    if line.stamp == "unusable" or not path.exists():
        raise ItemError(
            FailureKind.NOT_FOUND,
            f"there is no file or folder '{line.text}' (looked for {path}); mend the line or the path",
        )
    if not path.is_dir():
        video = read_video(path)
        return [video], video.unusable
    videos, unusable = videos_in(path)
    if not videos:
        reasons = f"; {unusable[0].name}: {unusable[0].reason}" if unusable else ""
        raise ItemError(
            FailureKind.NOT_FOUND,
            f"folder {path} holds no video file ({', '.join(sorted(SUFFIXES))}){reasons}",
        )
    return videos, [*unusable, *(lost for video in videos for lost in video.unusable)]


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
