"""Subtitles that a site offers. In: a record of yt-dlp. Out: the selected ones and their lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from ophvl.download import subtitle_files
from ophvl.download.yt_dlp.errors import as_item_error, is_rate_limit
from ophvl.download.yt_dlp.records import Info, is_web_address, text_of, valid_text
from schemas.vocab import CaptionKind

if TYPE_CHECKING:
    from ophvl.download.yt_dlp.session import Session

_SUBTITLE_BYTES = 5 * 2**20
"""More than the text of any video."""

_TIMED_TEXT = ("ttml", "dfxp")
"""Tried after `subtitle_files.FORMATS`; yt-dlp converts them to SRT."""


def offered_subtitles(
    info: Info, languages: Collection[str]
) -> Iterator[tuple[CaptionKind, str, list[Info]]]:
    """Yield kind, language and files of a video's subtitles in `languages` or its own language.

    Sites offer automatic ones in every language, translated by a machine. Only those in the spoken language
    are taken: marked as original, or in the video's own language, or the only ones.
    """
    spoken = (text_of(info, "language") or "").partition("-")[0]
    selected = {*languages, spoken} - {""}
    manual = cast("Mapping[str, list[Info]]", info.get("subtitles") or {})
    automatic = cast("Mapping[str, list[Info]]", info.get("automatic_captions") or {})
    original = [language for language in automatic if language.endswith("-orig")]
    if not original:
        original = [language for language in automatic if language.partition("-")[0] == spoken]
    if not original and len(automatic) == 1:
        original = list(automatic)
    for kind, offered, candidates in (
        (CaptionKind.MANUAL, manual, sorted(manual)),
        (CaptionKind.AUTOMATIC, automatic, sorted(original)),
    ):
        for language in candidates:
            if language.partition("-")[0] in selected:
                yield kind, valid_text(language).removesuffix("-orig"), offered[language]


def lines_of(
    session: Session, files: list[Info], *, rolling: bool
) -> list[subtitle_files.SubtitleLine]:
    """Return the lines of the best readable one of several files with the same subtitles.

    Raises:
        ItemError: the site is rate limiting us.
    """
    for format in (*subtitle_files.FORMATS, *_TIMED_TEXT):
        for file in files:
            if file.get("ext") != format:
                continue
            try:
                lines = _read(session, file, format, rolling=rolling)
            except Exception as err:  # Whatever a site sends: another file may be readable.
                error = as_item_error(err, text_of(file, "url") or "")
                if is_rate_limit(error):
                    raise error from err
                continue
            if lines:
                return lines
    return []


def _read(
    session: Session, file: Info, format: str, *, rolling: bool
) -> list[subtitle_files.SubtitleLine]:
    from yt_dlp.utils import dfxp2srt

    content = _content(session, file)
    if content is None:
        return []
    if format in _TIMED_TEXT:
        return subtitle_files.read(dfxp2srt(content), rolling=rolling)
    return subtitle_files.read(subtitle_files.decode(content) or "", rolling=rolling)


def _content(session: Session, file: Info) -> bytes | None:
    """Return the content of a subtitle file, given as text or URL; HLS playlists are left out."""
    if text := text_of(file, "data"):
        return text.encode()[:_SUBTITLE_BYTES]
    url = text_of(file, "url") or ""
    if not is_web_address(url) or (text_of(file, "protocol") or "").startswith("m3u8"):
        return None
    return cast("bytes", session.urlopen(url).read())
