"""Videos -> media, publications, subtitles. Local files stay where they are; URLs are fetched to
`media/<video_id>.<ext>`, with what their own pages say of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ophvl.backends import captions
from ophvl.errors import ItemError
from ophvl.ids import child_id
from ophvl.licences import licence_class
from ophvl.lists import Lists
from ophvl.media.folder import MediaFolder
from ophvl.media.probe import probe
from ophvl.ports import Downloader, Found, Probe, Subtitle
from ophvl.stage import Drop, StageResult
from pipelines.config import DownloadConfig
from schemas.vocab import CaptionKind, DropReason, FailureKind, Surgical

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, object]

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*")
"""`en`, `pt-BR`: what a subtitle file's name may end with."""


@dataclass(frozen=True, kw_only=True)
class MediaRow:
    """A row of table `media`."""

    video_id: str
    path: str
    bytes: int
    sha256: str
    duration_s: float
    width: int
    height: int
    fps: float
    has_audio: bool
    fetched_at: datetime
    tool: str


@dataclass(frozen=True, kw_only=True)
class PublicationRow:
    """A row of table `publications`."""

    video_id: str
    webpage_url: str | None
    title: str
    description: str | None
    channel: str | None
    channel_id: str | None
    channel_handle: str | None
    upload_date: str | None
    chapters: list[dict[str, str | float]]
    tags: list[str]
    language: str | None
    licence: str | None
    licence_class: str


@dataclass(frozen=True, kw_only=True)
class SubtitleRow:
    """A row of table `subtitles`."""

    subtitle_id: str
    video_id: str
    kind: str
    language: str
    start_s: float
    end_s: float
    text: str


def download(
    videos: pa.Table,
    *,
    config: DownloadConfig,
    downloader: Downloader,
    files: MediaFolder,
    lists: Lists,
    previous: Mapping[str, pa.Table],
) -> StageResult:
    """Fetch one video if it is not a local file, and probe it. What is surely not surgery is not fetched.

    What an earlier run fetched (`previous`) stays, when the site does not give it any more.

    Raises:
        ItemError: it cannot be fetched, or is not a video that can be decoded.
        HostClosedError: its host wants no requests for now.
    """
    from schemas.media import MEDIA
    from schemas.publications import PUBLICATIONS
    from schemas.subtitles import SUBTITLES

    (video,) = videos.to_pylist()
    video_id = video["video_id"]
    if video["is_surgical"] == Surgical.NO and not config.assume_surgical:
        return _dropped(
            Drop(
                row_id=video_id,
                reason=DropReason.NOT_SURGICAL,
                message="its title and description say so; --assume-surgical keeps it",
            )
        )
    if video["extractor"] == "file":
        path, tool = Path(video["location"]).absolute(), f"PyAV {version('av')}"
        name, page, lines = str(path), None, _beside(path)
        seen = probe(path)
    else:
        files.make_room(config.reserve_gb, video["listed_duration_s"])
        try:
            fetched = downloader.fetch(video["location"], files.fetched, video_id)
        except ItemError as err:
            if err.kind is FailureKind.DISK_FULL or not _is_had(previous["media"], files):
                raise
            return _as_before(video, previous)
        path, tool, page, lines = fetched.path, fetched.tool, fetched.found, fetched.subtitles
        name = files.name(path)
        channels = (page.channel_id, page.channel_handle, page.channel)
        drop = lists.judge(video_id, (page.url, page.webpage_url), channels)
        if drop is not None:  # Lists of videos often do not say whose they are.
            files.discard(video_id)
            return _dropped(drop)
        try:
            seen = _not_too_long(probe(path), config.max_hours)
        except ItemError:
            files.discard(video_id)  # Else the next try would take it for fetched.
            raise
    row = MediaRow(
        video_id=video_id,
        path=name,
        bytes=seen.bytes,
        sha256=seen.sha256,
        duration_s=seen.duration_s,
        width=seen.width,
        height=seen.height,
        fps=seen.fps,
        has_audio=seen.has_audio,
        fetched_at=datetime.now(UTC).replace(microsecond=0),
        tool=tool,
    )
    return StageResult(
        tables={
            "media": MEDIA.table([row]),
            "publications": PUBLICATIONS.table([publication(video, page)]),
            "subtitles": SUBTITLES.table(_subtitles(video_id, lines)),
        }
    )


def _is_had(media: pa.Table, files: MediaFolder) -> bool:
    return any(files.present(row["path"]) for row in media.to_pylist())


def _as_before(video: Row, previous: Mapping[str, pa.Table]) -> StageResult:
    """What an earlier run fetched. A folder of an earlier version has no publications yet."""
    from schemas.publications import PUBLICATIONS

    tables = dict(previous)
    if not tables["publications"].num_rows:
        tables["publications"] = PUBLICATIONS.table([publication(video, None)])
    return StageResult(tables=tables)


def publication(video: Row, page: Found | None) -> PublicationRow:
    """What the video's own page says of it, else what the list said that led to it (a row of `videos`)."""
    values = {name: video[name] for name in PublicationRow.__dataclass_fields__}
    if page is not None:
        said = {name: value for name, value in asdict(page).items() if name in values and value}
        if "tags" in said:
            said["tags"] = list(page.tags)
        values |= said
    licence = values["licence"]
    values["licence_class"] = licence_class(str(licence) if licence else None)
    return PublicationRow(**values)  # type: ignore[arg-type]  # Columns of one schema.


def _not_too_long(seen: Probe, max_hours: float) -> Probe:
    """Many hosts do not say how long a video is: only the file tells."""
    if seen.duration_s > max_hours * 3600:
        raise ItemError(
            FailureKind.TOO_LARGE,
            f"it lasts {seen.duration_s / 3600:.1f} h, more than {max_hours:g} h; raise download.max_hours "
            "if it is wanted",
        )
    return seen


def _beside(video: Path) -> tuple[Subtitle, ...]:
    """Subtitles in files beside a local video: `<stem>.vtt`, `<stem>.en.vtt`, `<stem>.srt`."""
    found: list[Subtitle] = []
    for path in sorted(video.parent.glob("*")):
        format = path.suffix.lower().removeprefix(".")
        stem, _, language = path.stem.partition(f"{video.stem}.")
        named = path.stem == video.stem or (not stem and _LANGUAGE.fullmatch(language))
        if format not in captions.FORMATS or not named:
            continue
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # A folder, or a link to nothing: the video itself is had.
            continue
        found += [
            Subtitle(
                kind=CaptionKind.MANUAL,
                language=language or "und",
                start_s=line.start_s,
                end_s=line.end_s,
                text=line.text,
            )
            for line in captions.read(text, format)
        ]
    return tuple(found)


def _subtitles(video_id: str, lines: Sequence[Subtitle]) -> list[SubtitleRow]:
    ordered = sorted(lines, key=lambda line: (line.start_s, line.kind, line.language))
    return [
        SubtitleRow(subtitle_id=child_id(video_id, "c", number), video_id=video_id, **asdict(line))
        for number, line in enumerate(ordered)
    ]


def _dropped(drop: Drop) -> StageResult:
    from schemas.catalogue import TABLES

    empty = {name: TABLES[name].empty() for name in ("media", "publications", "subtitles")}
    return StageResult(tables=empty, dropped=(drop,))
