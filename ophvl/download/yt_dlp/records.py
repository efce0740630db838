"""Read the records of yt-dlp. In: one as a mapping, in which any field may be absent or of any type. Out: a
`VideoMetadata`, or a value of the type that a table holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast
from urllib.parse import urlsplit

from ophvl.ids import channel_handle
from ophvl.ports import Chapter, VideoMetadata
from ophvl.unicode import normalise

Info = Mapping[str, object]
"""A record of yt-dlp: any field may be absent or None."""


def is_web_address(url: str) -> bool:
    """Return whether `url` is a well-formed http(s) URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # A malformed one raises.
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def entries_of(info: Info) -> list[Info]:
    """Return the entries of a playlist's record."""
    return [entry for entry in cast("Iterator[Info | None]", info.get("entries") or ()) if entry]


def is_link(entry: Info) -> bool:
    """Return whether an entry is just a URL to open."""
    return entry.get("_type") in ("url", "url_transparent")


def is_list(entry: Info) -> bool:
    """Return whether an entry of a list is a list itself, as far as its extractor tells."""
    from yt_dlp.extractor import get_info_extractor

    key = text_of(entry, "ie_key")
    if not is_link(entry) or key in (None, "Generic"):
        return False
    return get_info_extractor(key).is_single_video(entry["url"]) is not True


def as_video(info: Info, url: str) -> VideoMetadata:
    """Convert the record of a video that was requested at `url`."""
    from yt_dlp.utils import unsmuggle_url

    listed = is_link(info) or info.get("playlist_index") is not None
    # A record with separate video and audio streams has no URL of its own.
    address = text_of(info, "url") or text_of(info, "original_url") or text_of(info, "webpage_url")
    own, _ = unsmuggle_url((address or url) if listed else url)
    extractor = text_of(info, "extractor_key") or text_of(info, "ie_key") or "Generic"
    title = text_of(info, "title") or ""
    upload_date = text_of(info, "upload_date") or _day(info.get("timestamp"))
    bare_tag = extractor == "HTML5MediaEmbed"
    if bare_tag and not listed:
        title = title.removesuffix(" (1)")  # yt-dlp numbers the video tags of a page.
    if bare_tag or (info.get("direct") and info.get("url") == info.get("webpage_url")):
        upload_date = None  # yt-dlp took the server's Last-Modified for it.
    return VideoMetadata(
        url=own or url,
        webpage_url=text_of(info, "webpage_url") if not listed else url,
        extractor=extractor.lower(),
        site_id=text_of(info, "id") or "",
        title=title,
        description=text_of(info, "description"),
        channel=text_of(info, "channel") or text_of(info, "uploader"),
        channel_id=text_of(info, "channel_id") or text_of(info, "uploader_id"),
        channel_handle=channel_handle(text_of(info, "uploader_id"), text_of(info, "uploader_url")),
        upload_date=upload_date,
        duration_s=number_of(info.get("duration")),
        chapters=_chapters(info),
        tags=tuple(valid_text(tag) for tag in cast("list[object]", info.get("tags") or [])),
        language=text_of(info, "language"),
        licence=text_of(info, "license"),
    )


def page_video(video: Info, page: Info, url: str) -> VideoMetadata:
    """Convert the only video of a page; the page identifies it, as the address of its file may change."""
    title = text_of(page, "title") or text_of(video, "title") or ""
    return replace(as_video(video, url), url=url, title=title)


def _chapters(info: Info) -> tuple[Chapter, ...]:
    chapters = []
    for chapter in cast("list[Info]", info.get("chapters") or []):
        start_s, end_s = number_of(chapter.get("start_time")), number_of(chapter.get("end_time"))
        if start_s is not None and end_s is not None:
            title = text_of(chapter, "title") or ""
            chapters.append(Chapter(title=title, start_s=start_s, end_s=end_s))
    return tuple(chapters)


def text_of(info: Info, key: str) -> str | None:
    """Return a field as text; None if it is absent or empty."""
    value = info.get(key)
    return valid_text(value) if value not in (None, "") else None


def valid_text(value: object) -> str:
    """Return a value as text in its one spelling: JSON allows half a surrogate pair, tables do not."""
    return normalise(str(value))


def number_of(value: object) -> float | None:
    """Return a number such as a duration; None if the value is no finite number of 0 or more."""
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return float(value)


def _day(timestamp: object) -> str | None:
    if not isinstance(timestamp, int | float):
        return None
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y%m%d")
    except (ValueError, OverflowError, OSError):  # Out of the range of dates.
        return None
