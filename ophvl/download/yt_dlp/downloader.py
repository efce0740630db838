"""yt-dlp, as a library. In: http(s) URLs. Out: the videos behind them, then their files.

The settings of the user's own yt-dlp and terminal output are left out; cookies are read from a file where
the user names one, and written nowhere. https://github.com/yt-dlp/yt-dlp
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
    as_found,
    entries_of,
    is_link,
    is_list,
    is_web_address,
    of_page,
    seconds_of,
    text_of,
)
from ophvl.download.yt_dlp.streams import prepare_streams
from ophvl.download.yt_dlp.subtitles import lines_of, offered_subtitles
from ophvl.download.yt_dlp.transfer import Transfer
from ophvl.errors import ItemError
from ophvl.ids import ID
from ophvl.media.audio import ffmpeg_binary
from ophvl.ports import Fetched, Found, Subtitle
from ophvl.sources.source_list import is_url
from schemas.vocab import RETRIED, TRANSIENT, CaptionKind, FailureKind

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL

    from ophvl.download.yt_dlp.session import Session

_MAX_DEPTH = 2
"""Lists in lists that are opened: a channel holds tabs, a tab holds videos."""


class _Quiet:
    """A logger that drops everything: what matters comes as an exception."""

    def debug(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...

    def error(self, message: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class YtDlpDownloader:
    """Finds and fetches videos (`ophvl.ports.Downloader`).

    Takes the picture of at most `max_height` pixels (the smallest there is, where all are larger) with
    its sound. `timeout_s` is for one answer of the server; a broken transfer is resumed `retries`
    times. What is larger than `max_bytes` or longer than `max_duration_s` is refused, before or while it
    is fetched, and so is what would leave less than `reserve_bytes` of the disk, or trickles: fewer than
    `slow_bytes_a_second` over `slow_s`. `cookies` is a file in Netscape form. With `subtitles`, those in
    `languages` and in the video's own come along, of automatic ones only what was heard, no translation.
    """

    max_height: int = 720
    timeout_s: float = 30.0
    retries: int = 3
    max_bytes: float | None = None
    max_duration_s: float | None = None
    reserve_bytes: float = 0.0
    slow_bytes_a_second: float = 1000.0
    slow_s: float = 300.0
    cookies: Path | None = None
    subtitles: bool = True
    languages: tuple[str, ...] = ("en",)
    retry_pause_s: float = 2.0
    """Pause before yt-dlp tries again what broke off; doubled after each further one."""
    request: Callable[[str], AbstractContextManager[object]] = contextlib.nullcontext
    """Entered with the address of each list in a list while it is opened; it may wait, and stop it."""

    @property
    def revision(self) -> str:
        return "yt-dlp-2"

    def expand(self, url: str) -> list[Found]:
        """The videos behind a URL; playlists, channels and feeds are opened, their videos are not.

        A URL that names a video within a playlist stands for the video alone. `ytsearch20:words` is
        opened as the list of the first 20 that are found. Entries without a web address are left out.

        Raises:
            ItemError: the URL leads to no video, with yt-dlp's own message.
        """
        _refuse_unfit(url)
        options = {
            "extract_flat": "in_playlist",
            "noplaylist": True,
            "lazy_playlist": False,
        }
        with self._session(url, options) as session:
            found = list(self._found(session, url, depth=0))
        if not found:
            message = f"{without_secrets(url)} leads to no video; check it in a browser"
            raise ItemError(FailureKind.NOT_FOUND, message)
        return list({video.url: video for video in found}.values())

    def fetch(self, url: str, directory: Path, video_id: str) -> Fetched:
        """Fetch one video to `directory/<video_id>.<ext>`; a part that an earlier try left is resumed.

        Raises:
            ItemError: with yt-dlp's own message. Parts stay only where another try may resume them.
            DiskFaultError: `directory` cannot be written to.
            ValueError: `video_id` is not an id.
        """
        _refuse_unfit(url)
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
            "match_filter": self._refuse_endless(url),
            "progress_hooks": [transfer.watch],
            "ffmpeg_location": ffmpeg_binary(),
        }
        try:
            with self._session(url, options, files.directory) as session:
                info = _extract(session, url)
                video = _only_video(info, url)
                path = files.whole() or files.settle(_download(session, video, url))
                refusals: list[ItemError] = []
                subtitles = tuple(self._subtitles(session, video, refusals))
        except ItemError as err:
            if err.kind is FailureKind.UNSUPPORTED and files.fill_the_disk():
                said = "the disk filled up while its picture and sound were joined"
                err = item_error(FailureKind.DISK_FULL, url, said)
            if err.kind not in RETRIED - {FailureKind.DISK_FULL}:
                files.drop_pieces()
            raise err from None
        files.keep_only(path)
        found = as_found(video, url) if video is info else of_page(video, info, url)
        refusal = refusals[0] if refusals else None
        return Fetched(path=path, tool=_tool(), found=found, subtitles=subtitles, refusal=refusal)

    def _found(self, session: Session, url: str, *, depth: int) -> Iterator[Found]:
        info = _extract(session, url)
        if info.get("_type") != "playlist":
            yield as_found(info, url)
            return
        entries = entries_of(info)
        if len(entries) == 1 and not is_link(entries[0]):
            yield of_page(entries[0], info, url)
            return
        for entry in entries:
            video = as_found(entry, url)
            if not is_web_address(video.url):
                continue
            if depth < _MAX_DEPTH and is_list(entry):
                yield from self._within(session, video, depth=depth + 1)
            else:
                yield video

    def _within(self, session: Session, entry: Found, *, depth: int) -> list[Found]:
        """The videos of a list in a list.

        One that is gone loses no other: it stands for itself, and fails by itself when it is to be fetched.
        """
        try:
            with self.request(entry.url), session.telling(entry.url):
                return list(self._found(session, entry.url, depth=depth))
        except ItemError as err:
            if err.kind in TRANSIENT | {FailureKind.BLOCKED, FailureKind.FORBIDDEN}:
                raise  # It may be had another time: the line fails as a whole, and loses nothing.
            return [entry]

    def _refuse_endless(self, url: str) -> Callable[..., None]:
        """A match filter of yt-dlp: stop before a stream without end, or one that is too long."""

        def refuse(info: Info, *, incomplete: bool = False) -> None:
            if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming"):
                raise item_error(FailureKind.LIVE, url, "this is a live stream, it has no end yet")
            duration_s, limit_s = seconds_of(info.get("duration")), self.max_duration_s
            if limit_s is not None and duration_s is not None and duration_s > limit_s:
                said = f"it lasts {duration_s / 3600:.1f} h, more than {limit_s / 3600:.1f} h"
                raise item_error(FailureKind.TOO_LARGE, url, said)

        return refuse

    def _subtitles(
        self, session: YoutubeDL, info: Info, refusals: list[ItemError]
    ) -> Iterator[Subtitle]:
        """The subtitles that the site offers; what cannot be had or read is left out.

        Once the site says that it is asked too much (noted in `refusals`), it is asked for no more.
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
        """A yt-dlp session that writes to `folder`, whose every error becomes an `ItemError` on `url`."""
        from yt_dlp.utils import YoutubeDLError

        from ophvl.download.yt_dlp.session import Session

        always: dict[str, object] = {
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            "logger": _Quiet(),
            "color": "never",
            "socket_timeout": self.timeout_s,
            "retries": self.retries,
            "fragment_retries": self.retries,
            "extractor_retries": self.retries,
            "geo_bypass": False,
            # As a stream of ours: yt-dlp writes back to where it reads from.
            "cookiefile": io.StringIO(read_cookies(self.cookies)) if self.cookies else None,
        }
        try:
            settings = {**always, **options}
            with (
                Session(settings, pause_s=self.retry_pause_s, slow_s=self.slow_s) as session,
                session.telling(url, folder),
            ):
                yield session
        except (YoutubeDLError, OSError) as err:  # Of its opening and closing.
            raise as_item_error(err, url, folder) from err


def _refuse_unfit(url: str) -> None:
    """Stop before what is neither a web address nor a search: a local path, an option, another scheme."""
    if not (is_web_address(url) if "://" in url else is_url(url)):
        message = f"{without_secrets(url)} is not a web address; give a URL that begins with http:// or https://"
        raise ItemError(FailureKind.UNSUPPORTED, message)


def _extract(session: YoutubeDL, url: str) -> Info:
    """What yt-dlp makes of a URL. Nothing is fetched."""
    with _faults_of_the_page(url):
        return cast("Info", session.extract_info(url, download=False))


def _download(session: YoutubeDL, video: Info, url: str) -> Path:
    """Fetch what `_extract` found; the file, as yt-dlp names it."""
    with _faults_of_the_page(url):
        prepare_streams(session, video, url)
        session.process_info(video)
    path = text_of(video, "filepath")
    if path is None or not Path(path).is_file():
        raise item_error(FailureKind.UNSUPPORTED, url, "yt-dlp fetched nothing")
    return Path(path)


@contextlib.contextmanager
def _faults_of_the_page(url: str) -> Iterator[None]:
    """A page that yt-dlp's own code stumbles over becomes an `ItemError`: it says nothing of the next one."""
    from yt_dlp.utils import YoutubeDLError

    try:
        yield
    except (YoutubeDLError, OSError, ItemError, MemoryError):
        raise
    except Exception as err:
        said = f"yt-dlp cannot read this page ({type(err).__name__}: {err})"
        raise item_error(FailureKind.UNSUPPORTED, url, said) from err


def _only_video(info: Info, url: str) -> Info:
    """The record of the one video behind `url`, also where a page gives it as a list of one."""
    while info.get("_type") in ("playlist", "multi_video"):
        entries = entries_of(info)
        if len(entries) != 1:
            count = "no video" if not entries else "several videos"
            told = f"{without_secrets(url)} holds {count}"
            message = f"{told}; put it on the source list, it will be opened there"
            raise ItemError(FailureKind.UNSUPPORTED, message)
        (info,) = entries
    return info


def _tool() -> str:
    from yt_dlp.version import __version__

    return f"yt-dlp {__version__}"
