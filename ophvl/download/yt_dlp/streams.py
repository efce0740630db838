"""Streams, before they are fetched. In: a record of yt-dlp whose formats are chosen. Out: the record, with
the lists of their pieces, if yt-dlp itself can fetch them.

A program that yt-dlp would start knows no limit of ours, leaves out pieces in silence, and shows cookies to
everybody on the machine.
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
    """Put the lists of pieces into the record, so that they are not asked for again.

    Raises:
        ItemError: UNSUPPORTED, another program would have to fetch it; LIVE, it has no end yet.
    """
    from yt_dlp.downloader import get_suitable_downloader
    from yt_dlp.downloader.external import ExternalFD
    from yt_dlp.downloader.hls import HlsFD
    from yt_dlp.downloader.rtmp import RtmpFD
    from yt_dlp.downloader.websocket import WebSocketFragmentFD

    for chosen in cast("list[Info]", video.get("requested_formats") or [video]):
        downloader = get_suitable_downloader({**video, **chosen}, session.params)
        if issubclass(downloader, ExternalFD | RtmpFD | WebSocketFragmentFD):
            raise _unfit(url)
        if issubclass(downloader, HlsFD):
            _prepare(session, cast("MutableMapping[str, object]", chosen), url)


def _prepare(session: YoutubeDL, stream: MutableMapping[str, object], url: str) -> None:
    from yt_dlp.downloader.hls import HlsFD
    from yt_dlp.networking import Request

    pieces = text_of(stream, "hls_media_playlist_data")
    if pieces is None:
        response = session.urlopen(Request(stream["url"], headers=stream.get("http_headers")))
        pieces = response.read().decode(errors="replace")
        stream.update(hls_media_playlist_data=pieces, url=response.url)
    if "#EXT-X-STREAM-INF" in pieces or not HlsFD.can_download(pieces, stream):
        raise _unfit(url)
    if "#EXT-X-ENDLIST" not in pieces:
        raise item_error(FailureKind.LIVE, url, "this is a live stream, it has no end yet")


def _unfit(url: str) -> ItemError:
    said = "it is a stream that yt-dlp would leave to another program, which may lose parts of it"
    return item_error(FailureKind.UNSUPPORTED, url, said)
