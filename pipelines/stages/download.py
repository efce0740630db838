"""Stage download: videos -> media, publications, subtitles.

Local files stay where they are; URLs are fetched to `media/<video_id>.<ext>`, with the metadata of their own
pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import Field

from ophvl.config import EFFORT, Unit
from ophvl.download.sidecar_subtitles import read_sidecar_subtitles
from ophvl.errors import ItemError
from ophvl.ids import child_id, site_id
from ophvl.media.folder import MediaFolder
from ophvl.media.probe import TOLERANCE_S, probe
from ophvl.ports import Downloader, MediaFile, Probe, SpeechMeter, Subtitle, VideoMetadata
from ophvl.sources.blocklists import BlockLists, names_of_video
from ophvl.sources.licences import licence_class
from ophvl.stage import Drop, Scope, StageResult, StageSpec, StageWarning
from ophvl.unicode import normalise
from pipelines.request_settings import RequestConfig
from schemas.columns import column_names
from schemas.media import MEDIA, MediaRow
from schemas.publications import PUBLICATIONS, PublicationRow
from schemas.subtitles import SUBTITLES, SubtitleRow
from schemas.videos import Chapter, PublishedColumns
from schemas.vocab import DropReason, FailureKind, Pool, Surgical, WarningKind

if TYPE_CHECKING:
    import pyarrow as pa


class DownloadConfig(RequestConfig):
    """Settings of stage download."""

    assume_surgical: bool = Field(
        False, description="Fetch videos whose title says that they are not surgery."
    )
    max_height: Annotated[int, Unit("pixels"), EFFORT] = Field(
        720,
        ge=1,
        description="Largest picture height to fetch; files fetched before stay as they are.",
    )
    max_gb: Annotated[float, Unit("GB"), EFFORT] = Field(
        20.0, gt=0, description="Larger files are refused."
    )
    max_hours: Annotated[float, Unit("h"), EFFORT] = Field(
        12.0, gt=0, description="Longer videos are refused."
    )
    reserve_gb: Annotated[float, Unit("GB"), EFFORT] = Field(
        2.0, ge=0, description="Free disk space that a fetch must leave."
    )
    subtitles: Annotated[bool, EFFORT] = Field(
        True, description="Fetch a site's subtitles too, as a second source of text."
    )


Row = Mapping[str, Any]


def download(
    videos: pa.Table,
    *,
    config: DownloadConfig,
    downloader: Downloader,
    files: MediaFolder,
    lists: BlockLists,
    speech: SpeechMeter,
    previous: Mapping[str, pa.Table],
) -> StageResult:
    """Fetch one video if it is not a local file, and probe it. Videos that are not surgery are not fetched.

    A file that an earlier run fetched (`previous`) is not fetched again, whatever has changed since. A local
    file that has gone since keeps what was read of it.

    Raises:
        ItemError: it cannot be fetched, or is not a video that can be decoded.
        HostClosedError: its host takes no requests for now.
    """
    (video,) = videos.to_pylist()
    video_id = video["video_id"]
    if video["is_surgical"] == Surgical.NO and not config.assume_surgical:
        return _result(
            drop=Drop(
                row_id=video_id,
                reason=DropReason.NOT_SURGICAL,
                message="its title and description say so; --assume-surgical keeps it",
            )
        )
    if video["extractor"] == "file":
        path = Path(video["location"]).absolute()
        if previous["media"].num_rows and not path.exists():
            return StageResult(tables=dict(previous))
        probed = probe(path)
        media = _media(video_id, str(path), probed, f"PyAV {version('av')}", speech)
        lines, unusable = read_sidecar_subtitles(path)
        result = _result(media, publication(video), lines)
        unread = [
            StageWarning(kind=WarningKind.SUBTITLES_UNREADABLE, item=one.name, message=one.reason)
            for one in unusable
        ]
        return replace(result, warnings=(*_warnings(media, probed), *unread))
    if _is_fetched(previous, files):
        return StageResult(tables=dict(previous))
    files.make_room(config.reserve_gb, video["listed_duration_s"])
    fetched = downloader.fetch(video["location"], files.fetched, video_id)
    page = publication(video, fetched.metadata)
    names = names_of_video(video, [asdict(page)])
    drop = lists.judge(video_id, (*names.urls, fetched.metadata.url), names.channels, ids=names.ids)
    if drop is not None:  # Only the page names the channel of many videos.
        files.discard(video_id)
        # The row keeps the channel, by which lists know the video, and no text of its author.
        bare = replace(page, description=None, chapters=(), tags=())
        return _result(page=bare, drop=drop)
    try:
        probed = _not_too_long(_whole(probe(fetched.path)), config.max_hours)
    except ItemError:
        files.discard(video_id)  # Else the next try would take it for fetched.
        raise
    media = _media(video_id, files.name(fetched.path), probed, fetched.tool, speech)
    result = _result(media, page, fetched.subtitles)
    return replace(result, warnings=_warnings(media, probed))


def _media(video_id: str, path: str, probed: Probe, tool: str, speech: SpeechMeter) -> MediaRow:
    stream = _audio_stream(probed, speech)
    return MediaRow(
        video_id=video_id,
        path=path,
        bytes=probed.bytes,
        sha256=probed.sha256,
        duration_s=probed.duration_s,
        width=probed.width,
        height=probed.height,
        fps=probed.fps,
        has_audio=probed.has_audio,
        fetched_at=datetime.now(UTC).replace(microsecond=0),
        tool=tool,
        pictures_s=probed.pictures_s,
        sound_s=probed.sound_s[stream] if probed.has_audio else None,
        missing_s=probed.missing_s or None,
        audio_stream=stream if len(probed.sound_s) > 1 else None,
        clock_jumps=probed.clock_jumps or None,
    )


def _audio_stream(probed: Probe, speech: SpeechMeter) -> int:
    """Return the audio stream to hear: of those marked as default, else of all, that with most speech."""
    heard = [number for number, sound_s in enumerate(probed.sound_s) if sound_s]
    marked = [number for number in probed.default_audio if number in heard]
    candidates = marked or heard
    if len(candidates) < 2:
        return candidates[0] if candidates else 0
    files = {n: MediaFile(probed.path, n, probed.clock_jumps) for n in candidates}
    return max(candidates, key=lambda number: (speech.speech_s(files[number]), -number))


def _warnings(media: MediaRow, probed: Probe) -> tuple[StageWarning, ...]:
    """Return what the probe found that costs something of a file, or was mended in it."""
    pictures_s, sound_s = media.pictures_s or 0.0, media.sound_s
    found = {}
    if media.clock_jumps:
        found[WarningKind.CLOCK_JUMPS] = (
            f"its time stamps restart or jump {media.clock_jumps} time(s); sound and pictures were put on "
            f"one clock, on which it lasts {media.duration_s:.1f} s"
        )
    if media.missing_s:
        found[WarningKind.CUT_SHORT] = (
            f"{media.missing_s:.1f} s of what its header names are not there; {media.duration_s:.1f} s are. "
            "Fetch or copy it again, if the whole file exists"
        )
    if sound_s is not None and abs(sound_s - pictures_s) > TOLERANCE_S:
        found[WarningKind.LENGTHS_DIFFER] = (
            f"its pictures end after {pictures_s:.1f} s, its sound after {sound_s:.1f} s"
            + ("; the last picture stays" if sound_s > pictures_s else "")
        )
    if media.audio_stream is not None:
        found[WarningKind.AUDIO_STREAM_CHOSEN] = (
            f"of its {len(probed.sound_s)} audio streams number {media.audio_stream + 1} is heard: "
            + (
                "it is marked as default"
                if probed.default_audio == (media.audio_stream,)
                else "it has most speech"
            )
        )
    return tuple(
        StageWarning(kind=kind, item=media.video_id, message=message)
        for kind, message in found.items()
    )


def _result(
    media: MediaRow | None = None,
    page: PublicationRow | None = None,
    lines: Sequence[Subtitle] = (),
    drop: Drop | None = None,
) -> StageResult:
    """Return the rows of one video; a video dropped for its page keeps its row of `publications`."""
    subtitles = _subtitles(media.video_id, lines) if media else []
    return StageResult(
        tables={
            "media": MEDIA.table([media] if media else []),
            "publications": PUBLICATIONS.table([page] if page else []),
            "subtitles": SUBTITLES.table(subtitles),
        },
        dropped=() if drop is None else (drop,),
    )


def _is_fetched(previous: Mapping[str, pa.Table], files: MediaFolder) -> bool:
    return any(files.present(row["path"]) for row in previous["media"].to_pylist())


def publication(video: Row, page: VideoMetadata | None = None) -> PublicationRow:
    """Return what the video's own page says of it, else what its row of `videos` says.

    A title that only repeats the name of the file says less than that of a list or feed.
    """
    values = {name: video[name] for name in column_names(PublishedColumns)}
    values["chapters"] = [Chapter(**chapter) for chapter in video["chapters"]]
    if page is not None:
        own = {name: value for name in values if (value := getattr(page, name, None))}
        if values["title"] and _is_file_name(page):
            del own["title"]
        values |= own
    values["licence_class"] = licence_class(values["licence"])
    page_id = site_id(page.extractor, page.site_id, page.url) if page else None
    return PublicationRow(**values, page_id=page_id)


def _is_file_name(page: VideoMetadata) -> bool:
    """Return whether the title of a page is the name of its file or its id, as of a file without a page."""
    file = PurePosixPath(unquote(urlsplit(page.url).path))
    names = {normalise(name).casefold() for name in (file.name, file.stem, page.site_id)}
    return page.title.casefold() in names - {""}


def _whole(probed: Probe) -> Probe:
    """Return `probed` if all of the file is there: a transfer that broke off may go better next time.

    Raises:
        ItemError: it is cut.
    """
    if probed.missing_s:
        raise ItemError(
            FailureKind.TRUNCATED,
            f"the file that was fetched is cut: {probed.missing_s:.1f} s of its duration are missing",
        )
    return probed


def _not_too_long(probed: Probe, max_hours: float) -> Probe:
    """Return `probed` if the file is short enough: many hosts do not list a duration.

    Raises:
        ItemError: it is longer than `max_hours`.
    """
    if probed.duration_s > max_hours * 3600:
        raise ItemError(
            FailureKind.TOO_LARGE,
            f"it lasts {probed.duration_s / 3600:.1f} h, more than {max_hours:g} h; raise download.max_hours "
            "to allow it",
        )
    return probed


def _subtitles(video_id: str, lines: Sequence[Subtitle]) -> list[SubtitleRow]:
    ordered = sorted(lines, key=lambda line: (line.start_s, line.kind, line.language))
    return [
        SubtitleRow(subtitle_id=child_id(video_id, "c", number), video_id=video_id, **asdict(line))
        for number, line in enumerate(ordered)
    ]


STAGE = StageSpec(
    name="download",
    version=4,
    scope=Scope.UNIT,
    run=download,
    settings=DownloadConfig,
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
        "speech": "pipelines.wiring:speech_meter",
    },
    previous=("media", "publications", "subtitles"),
    pool=Pool.NETWORK,
)
