"""Download with yt-dlp as a library. In: http(s) URLs. Out: the videos behind them, then their files.

The user's own yt-dlp settings and its terminal output are not used; cookies are read from a file if the
user names one, and never written. https://github.com/yt-dlp/yt-dlp
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ophvl.download.cookies import read_cookies
from ophvl.download.yt_dlp.errors import as_item_error, item_error, without_secrets
from ophvl.download.yt_dlp.files import VideoFiles
from ophvl.download.yt_dlp.records import (
    Info,
    as_video,
    entries_of,
    is_link,
    is_list,
    is_web_address,
    number_of,
    page_video,
    text_of,
)
from ophvl.download.yt_dlp.streams import prepare_streams
from ophvl.download.yt_dlp.subtitles import lines_of, offered_subtitles
from ophvl.download.yt_dlp.transfer import Transfer
from ophvl.errors import ItemError
from ophvl.ids import ID
from ophvl.media.audio import ffmpeg_binary
from ophvl.ports import FetchedVideo, Subtitle, VideoMetadata
from ophvl.sources.source_list import is_url
from schemas.vocab import RETRIED, TRANSIENT, CaptionKind, FailureKind

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL

    from ophvl.download.yt_dlp.session import Session

_MAX_DEPTH = 2
"""How deep nested lists are opened: a channel holds tabs, a tab holds videos."""


class _NullLogger:
    """A logger for yt-dlp that drops everything: errors come as exceptions."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class YtDlpDownloader:
    """Finds and fetches videos (`ophvl.ports.Downloader`).

    Takes video of at most `max_height` pixels (the smallest there is, if all are larger) with its sound.
    `timeout_s` is for one answer of the server; a broken transfer is resumed `retries` times. A video that
    is larger than `max_bytes` or longer than `max_duration_s` is refused, before or during the transfer, and
    so is one that would leave less than `reserve_bytes` of disk space, or that is slower than
    `slow_bytes_a_second` over `slow_s`. `cookies` is a file in Netscape format. With `subtitles`, those in
    `languages` and in the video's own language are fetched too, but no automatic translations.
    """

    max_height: int = 720
    timeout_s: float = 30.0
    retries: int = 3
    max_bytes: float | None = None
    max_duration_s: float | None = None
    reserve_bytes: float = 0.0
    slow_bytes_a_second: float = 1000.0
    slow_s: float = 300.0
    most_pages: int = 5_000
    """Pages that an address may lead to; a channel lists some thirty videos on each."""
    pages_s: float = 3600.0
    """How long the requests for them may take in total."""
    cookies: Path | None = None
    subtitles: bool = True
    languages: tuple[str, ...] = ("en",)
    retry_pause_s: float = 2.0
    """Pause before yt-dlp retries a request; doubled after each further one."""
    request: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext
    """Context entered with the URL of each nested list while it is opened; it may wait or raise."""

    @property
    def revision(self) -> str:
        """Changes when the same URL would give other results."""
        return "yt-dlp-2"

    def expand(self, url: str) -> list[VideoMetadata]:
        """Return the videos behind a URL; playlists, channels and feeds are opened, their videos are not.

        A URL that names a video within a playlist stands for the video alone. `ytsearch20:words` is
        opened as the list of the first 20 results. Entries without a web address are left out.

        Raises:
            ItemError: the URL leads to no video; the message is yt-dlp's own.
        """
        _refuse_other_schemes(url)
        options = {
            "extract_flat": "in_playlist",
            "noplaylist": True,
            "lazy_playlist": False,
        }
        with self._session(url, options) as session, self._pages_limited(session):
            videos = list(self._videos(session, url, depth=0))
        if not videos:
            message = f"{without_secrets(url)} leads to no video; check it in a browser"
            raise ItemError(FailureKind.NOT_FOUND, message)
        return list({video.url: video for video in videos}.values())

    def fetch(self, url: str, directory: Path, video_id: str) -> FetchedVideo:
        """Fetch one video to `directory/<video_id>.<ext>`; a partial file of an earlier attempt is resumed.

        Raises:
            ItemError: with yt-dlp's own message. Partial files stay only if another attempt may resume them.
            DiskFaultError: `directory` cannot be written to.
            ValueError: `video_id` is not an id.
        """
        _refuse_other_schemes(url)
        if not ID.fullmatch(video_id):
            raise ValueError(f"not an id: {video_id!r}")
        files = VideoFiles(directory.absolute(), video_id)
        transfer = Transfer(
            url=url,
            directory=files.directory,
            max_bytes=self.max_bytes,
            reserve_bytes=self.reserve_bytes,
            slow_bytes_a_second=self.slow_bytes_a_second,
            slow_s=self.slow_s,
        )
        options = {
            "outtmpl": {"default": files.template},
            "paths": {"home": str(files.directory)},
            "format": "bv*+ba/b/bv*",
            "format_sort": [f"res:{self.max_height}"],
            "noplaylist": True,
            "playlist_items": "1:2",
            "hls_prefer_native": True,
            "skip_unavailable_fragments": False,
            "overwrites": False,
            "match_filter": self._refuse_unbounded(url),
            "progress_hooks": [transfer.on_progress],
            "ffmpeg_location": ffmpeg_binary(),
        }
        try:
            with self._session(url, options, files.directory) as session:
                with self._pages_limited(session):
                    info = _extract(session, url)
                    video = _only_video(info, url)
                path = files.complete() or files.rename_complete(_download(session, video, url))
                refusals: list[ItemError] = []
                subtitles = tuple(self._subtitles(session, video, refusals))
        except ItemError as err:
            if err.kind is FailureKind.UNSUPPORTED and files.exceed_free_space():
                reason = "the disk filled up while its picture and sound were joined"
                err = item_error(FailureKind.DISK_FULL, url, reason)
            if err.kind not in RETRIED - {FailureKind.DISK_FULL}:
                files.remove_partial()
            raise err from None
        files.remove_all_but(path)
        record = as_video(video, url) if video is info else page_video(video, info, url)
        refusal = refusals[0] if refusals else None
        return FetchedVideo(
            path=path, tool=_tool(), metadata=record, subtitles=subtitles, refusal=refusal
        )

    def _pages_limited(self, session: Session) -> AbstractContextManager[None]:
        return session.pages_limited(self.most_pages, self.pages_s)

    def _videos(self, session: Session, url: str, *, depth: int) -> Iterator[VideoMetadata]:
        info = _extract(session, url)
        if info.get("_type") != "playlist":
            yield as_video(info, url)
            return
        entries = entries_of(info)
        if len(entries) == 1 and not is_link(entries[0]):
            yield page_video(entries[0], info, url)
            return
        for entry in entries:
            video = as_video(entry, url)
            if not is_web_address(video.url):
                continue
            if depth < _MAX_DEPTH and is_list(entry):
                yield from self._nested_videos(session, video, depth=depth + 1)
            else:
                yield video

    def _nested_videos(
        self, session: Session, entry: VideoMetadata, *, depth: int
    ) -> list[VideoMetadata]:
        """Return the videos of a nested list.

        If it is gone the other lists are still opened: it stands for itself, and fails when it is fetched.
        """
        try:
            with self.request(entry.url), session.item_errors(entry.url):
                return list(self._videos(session, entry.url, depth=depth))
        except ItemError as err:
            if err.kind in TRANSIENT | {FailureKind.BLOCKED, FailureKind.FORBIDDEN}:
                raise  # It may work later: the line fails as a whole, so that none of its videos is missed.
            return [entry]

    def _refuse_unbounded(self, url: str) -> Callable[..., None]:
        """Return a match filter for yt-dlp that refuses live streams and videos that are too long."""

        def refuse(info: Info, *, incomplete: bool = False) -> None:
            if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
                raise item_error(FailureKind.LIVE, url, "this is a live stream, it has no end yet")
            duration_s, limit_s = number_of(info.get("duration")), self.max_duration_s
            if limit_s is not None and duration_s is not None and duration_s > limit_s:
                reason = f"it lasts {duration_s / 3600:.1f} h, more than {limit_s / 3600:.1f} h"
                raise item_error(FailureKind.TOO_LARGE, url, reason)

        return refuse

    def _subtitles(
        self, session: YoutubeDL, info: Info, refusals: list[ItemError]
    ) -> Iterator[Subtitle]:
        """Yield the subtitles that the site offers; what cannot be fetched or read is left out.

        Once the site refuses one, no more are requested; the refusal is appended to `refusals`.
        """
        offered = offered_subtitles(info, self.languages) if self.subtitles else ()
        for kind, language, files in offered:
            try:
                lines = lines_of(session, files, rolling=kind is CaptionKind.AUTOMATIC)
            except ItemError as err:
                refusals.append(err)
                return
            for line in lines:
                yield Subtitle(
                    kind=kind,
                    language=language,
                    start_s=line.start_s,
                    end_s=line.end_s,
                    text=line.text,
                )

    @contextlib.contextmanager
    def _session(
        self, url: str, options: Mapping[str, object], folder: Path | None = None
    ) -> Iterator[Session]:
        """Open a yt-dlp session that writes to `folder`; all its errors become an `ItemError` about `url`."""
        from yt_dlp.utils import YoutubeDLError

        from ophvl.download.yt_dlp.session import Session

        common: dict[str, object] = {
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            "logger": _NullLogger(),
            "color": "never",
            "socket_timeout": self.timeout_s,
            "retries": self.retries,
            "fragment_retries": self.retries,
            "extractor_retries": self.retries,
            "geo_bypass": False,
            # As a stream: yt-dlp would write to the file that it reads.
            "cookiefile": io.StringIO(read_cookies(self.cookies)) if self.cookies else None,
        }
        try:
            settings = {**common, **options}
            with (
                Session(settings, pause_s=self.retry_pause_s, slow_s=self.slow_s) as session,
                session.item_errors(url, folder),
            ):
                yield session
        except (YoutubeDLError, OSError) as err:  # From opening and closing the session.
            raise as_item_error(err, url, folder) from err


def _refuse_other_schemes(url: str) -> None:
    """Refuse what is neither a web address nor a search: a local path, an option, another scheme."""
    if not (is_web_address(url) if "://" in url else is_url(url)):
        message = f"{without_secrets(url)} is not a web address; give a URL that begins with http:// or https://"
        raise ItemError(FailureKind.UNSUPPORTED, message)


def _extract(session: YoutubeDL, url: str) -> Info:
    """Return yt-dlp's record of a URL, without downloading anything."""
    with _extractor_errors(url):
        return cast("Info", session.extract_info(url, download=False))


def _download(session: YoutubeDL, video: Info, url: str) -> Path:
    """Download the video of a record; return the file, as yt-dlp names it."""
    with _extractor_errors(url):
        prepare_streams(session, video, url)
        session.process_info(video)
    path = text_of(video, "filepath")
    if path is None or not Path(path).is_file():
        raise item_error(FailureKind.UNSUPPORTED, url, "yt-dlp fetched nothing")
    return Path(path)


@contextlib.contextmanager
def _extractor_errors(url: str) -> Iterator[None]:
    """Turn any exception of yt-dlp's own code into an `ItemError`: other pages may be readable."""
    from yt_dlp.utils import YoutubeDLError

    try:
        yield
    except (YoutubeDLError, OSError, ItemError, MemoryError):
        raise
    except Exception as err:
        reason = f"yt-dlp cannot read this page ({type(err).__name__}: {err})"
        raise item_error(FailureKind.UNSUPPORTED, url, reason) from err


def _only_video(info: Info, url: str) -> Info:
    """Return the record of the one video behind `url`, also if a page gives it as a list of one."""
    while info.get("_type") in ("playlist", "multi_video"):
        entries = entries_of(info)
        if len(entries) != 1:
            count = "no video" if not entries else "several videos"
            message = (
                f"{without_secrets(url)} holds {count}; put it on the source list to have it opened"
            )
            raise ItemError(FailureKind.UNSUPPORTED, message)
        (info,) = entries
    return info


def _tool() -> str:
    from yt_dlp.version import __version__

    return f"yt-dlp {__version__}"
