"""Which streams yt-dlp fetches by itself; the others are refused before anything is fetched."""

from __future__ import annotations

import pytest
import yt_dlp

from ophvl.download.yt_dlp.streams import prepare_streams
from ophvl.errors import ItemError
from ophvl.media.audio import ffmpeg_binary
from schemas.vocab import FailureKind
from tests.web_site import Site

PIECES = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\ns.ts\n"
END = "#EXT-X-ENDLIST\n"


def prepared(site: Site, playlist: str, **fields: object) -> dict[str, object]:
    (site.root / "v.m3u8").write_text(playlist)
    video = {"url": f"{site.url}/v.m3u8", "ext": "mp4", "protocol": "m3u8", **fields}
    options = {"hls_prefer_native": True, "ffmpeg_location": ffmpeg_binary(), "quiet": True}
    with yt_dlp.YoutubeDL(options) as session:
        prepare_streams(session, video, "http://e.org/v")
    return video


@pytest.mark.parametrize("protocol", ["m3u8", "m3u8_native"])
def test_the_playlist_is_stored_in_the_record(site: Site, protocol: str) -> None:
    assert (
        prepared(site, PIECES + END, protocol=protocol)["hls_media_playlist_data"] == PIECES + END
    )


@pytest.mark.parametrize(
    ("playlist", "fields", "kind"),
    [
        (PIECES, {}, FailureKind.LIVE),
        (f'#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"\n{PIECES}{END}', {}, FailureKind.UNSUPPORTED),
        ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n", {}, FailureKind.UNSUPPORTED),
        ("", {"url": "rtmp://e.org/v", "protocol": "rtmp_ffmpeg"}, FailureKind.UNSUPPORTED),
        ("", {"url": "rtmp://e.org/v", "protocol": "rtmp"}, FailureKind.UNSUPPORTED),
    ],
)
def test_what_has_no_end_or_would_go_to_another_program_is_refused(
    site: Site, playlist: str, fields: dict[str, object], kind: FailureKind
) -> None:
    with pytest.raises(ItemError, match=r"^http://e.org/v: ") as caught:
        prepared(site, playlist, **fields)
    assert caught.value.kind is kind
    sound = {"url": "http://e.org/a.m4a", "ext": "m4a", "protocol": "http"}
    picture = {"url": f"{site.url}/v.m3u8", "ext": "mp4", "protocol": "m3u8", **fields}
    with pytest.raises(ItemError) as caught:
        prepared(site, playlist, **fields, requested_formats=[sound, picture])
    assert caught.value.kind is kind
