"""Subtitles that a site offers. In: a record of yt-dlp. Out: which of them are taken, and their lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, cast

from ophvl.download import subtitle_files
from ophvl.download.yt_dlp.errors import as_item_error, says_later
from ophvl.download.yt_dlp.records import Info, is_web_address, text_of, whole
from schemas.vocab import CaptionKind

if TYPE_CHECKING:
    from ophvl.download.yt_dlp.session import Session

_SUBTITLE_BYTES = 5 * 2**20
"""More than the words of any video take."""

_TIMED_TEXT = ("ttml", "dfxp")
"""Read after `subtitle_files.FORMATS`, by way of yt-dlp's own conversion to SRT."""


def offered_subtitles(
    info: Info, languages: Collection[str]
) -> Iterator[tuple[CaptionKind, str, list[Info]]]:
    """The subtitles of a video in `languages` or its own: who made them, their language, their files.

    Sites offer automatic ones in every language, translated by a machine. Only those in the language that
    was heard are taken: marked as original, or in the video's own language, or the only ones.
    """
    spoken = (text_of(info, "language") or "").partition("-")[0]
    wanted = {*languages, spoken} - {""}
    manual = cast("Mapping[str, list[Info]]", info.get("subtitles") or {})
    automatic = cast("Mapping[str, list[Info]]", info.get("automatic_captions") or {})
    heard = [language for language in automatic if language.endswith("-orig")]
    if not heard:
        heard = [language for language in automatic if language.partition("-")[0] == spoken]
    if not heard and len(automatic) == 1:
        heard = list(automatic)
    for kind, offered, fit in (
        (CaptionKind.MANUAL, manual, sorted(manual)),
        (CaptionKind.AUTOMATIC, automatic, sorted(heard)),
    ):
        for language in fit:
            if language.partition("-")[0] in wanted:
                yield kind, whole(language).removesuffix("-orig"), offered[language]


def lines_of(session: Session, files: list[Info], *, rolling: bool) -> list[subtitle_files.Line]:
    """The lines of the best of several files that hold the same subtitles.

    Raises:
        ItemError: the site says that it is asked too much.
    """
    for format in (*subtitle_files.FORMATS, *_TIMED_TEXT):
        for file in files:
            if file.get("ext") != format:
                continue
            try:
                lines = _read(session, file, format, rolling=rolling)
            except Exception as err:  # Whatever a site sends: another file may do.
                fault = as_item_error(err, text_of(file, "url") or "")
                if says_later(fault):
                    raise fault from err
                continue
            if lines:
                return lines
    return []


def _read(session: Session, file: Info, format: str, *, rolling: bool) -> list[subtitle_files.Line]:
    from yt_dlp.utils import dfxp2srt

    content = _content(session, file)
    if content is None:
        return []
    if format in _TIMED_TEXT:
        return subtitle_files.read(dfxp2srt(content), "srt", rolling=rolling)
    return subtitle_files.read(content.decode(errors="replace"), format, rolling=rolling)


def _content(session: Session, file: Info) -> bytes | None:
    """A subtitle file: some extractors have its text, most its address; lists of pieces are left out."""
    if text := text_of(file, "data"):
        return text.encode()[:_SUBTITLE_BYTES]
    url = text_of(file, "url") or ""
    if not is_web_address(url) or (text_of(file, "protocol") or "").startswith("m3u8"):
        return None
    return cast("bytes", session.urlopen(url).read())
