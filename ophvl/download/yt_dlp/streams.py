"""Check streams before the download. In: a record of yt-dlp with its formats selected. Out: the record with
its HLS playlists, if yt-dlp itself can download them.

An external program that yt-dlp would start does not know our limits, skips fragments silently, and shows
cookies to everybody on the machine.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, cast

from ophvl.download.yt_dlp.errors import item_error
from ophvl.download.yt_dlp.records import Info, text_of
from ophvl.errors import ItemError
from schemas.vocab import FailureKind

if TYPE_CHECKING:
    from yt_dlp import YoutubeDL


def prepare_streams(session: YoutubeDL, video: Info, url: str) -> None:
    """Put the HLS playlists into the record, so that they are not requested again.

    Raises:
        ItemError: UNSUPPORTED, it needs an external program; LIVE, it has no end yet.
    """
    from yt_dlp.downloader import get_suitable_downloader
    from yt_dlp.downloader.external import ExternalFD
    from yt_dlp.downloader.hls import HlsFD
    from yt_dlp.downloader.rtmp import RtmpFD
    from yt_dlp.downloader.websocket import WebSocketFragmentFD

    for selected in cast("list[Info]", video.get("requested_formats") or [video]):
        downloader = get_suitable_downloader({**video, **selected}, session.params)
        if issubclass(downloader, ExternalFD | RtmpFD | WebSocketFragmentFD):
            raise _needs_external_program(url)
        if issubclass(downloader, HlsFD):
            _prepare(session, cast("MutableMapping[str, object]", selected), url)


def _prepare(session: YoutubeDL, stream: MutableMapping[str, object], url: str) -> None:
    from yt_dlp.downloader.hls import HlsFD
    from yt_dlp.networking import Request

    playlist = text_of(stream, "hls_media_playlist_data")
    if playlist is None:
        response = session.urlopen(Request(stream["url"], headers=stream.get("http_headers")))
        playlist = response.read().decode(errors="replace")
        stream.update(hls_media_playlist_data=playlist, url=response.url)
    if "#EXT-X-STREAM-INF" in playlist or not HlsFD.can_download(playlist, stream):
        raise _needs_external_program(url)
    if "#EXT-X-ENDLIST" not in playlist:
        raise item_error(FailureKind.LIVE, url, "this is a live stream, it has no end yet")


def _needs_external_program(url: str) -> ItemError:
    reason = "it is a stream that yt-dlp would leave to another program, which may lose parts of it"
    return item_error(FailureKind.UNSUPPORTED, url, reason)
