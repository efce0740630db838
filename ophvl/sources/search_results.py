"""Search results as a source list, to look through before anything is fetched.

In: terms, and a downloader that opens the results of a search. Out: a text file that `ophvl ingest --source`
reads, one section a term:

    # == trabeculectomy
    # 3 found: 1 listed, 1 is no surgery, 1 stands above
    # [youtube_dQw4w9WgXcQ] Trabeculectomy, step by step | Eye Hospital | 12:34 | yes
    https://www.youtube.com/watch?v=dQw4w9WgXcQ
    # [youtube_7wtfhZwyrcc] Smoky eye tutorial | Glow | 4:02 | no: about make-up ("smoky eye")
    #https://www.youtube.com/watch?v=7wtfhZwyrcc

A section is added as soon as its search is done, the file being replaced as a whole, and terms that have one
are not searched again: so an interrupted or refused search goes on where it stopped. Edits of the user stay.
To take a video off, put a `#` before its line: a deleted line may be added again by another term. Titles come
from strangers: none can form a line of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from ophvl.atomic_io import write_text
from ophvl.errors import HostClosedError, ItemError, UsageError
from ophvl.faults import remedy
from ophvl.ids import site_id
from ophvl.ports import Downloader, VideoMetadata
from ophvl.sources.search_terms import Search, one_line
from ophvl.text.concepts.matching import Matcher
from ophvl.text.titles.surgical import assess_listing
from schemas.vocab import FailureKind, Surgical

_FIRST_LINE = (
    "# Videos that `ophvl discover` found, to look through before `ophvl ingest --source`."
)
_PREFACE = f"""{_FIRST_LINE}
# A line that begins with # is not fetched; put one before what you do not want. Terms that have a heading
# here (# == term) are not asked again.
"""
_HEADING = "# == "
_ID = re.compile(r"# \[([A-Za-z0-9_-]+)\]")
_LONGEST_TITLE = 200
_LONGEST_URL = 2000


@dataclass(frozen=True, kw_only=True)
class Section:
    """The results of one term. `listed` and `not_surgical` count videos that no earlier term had.

    `again` count videos of earlier terms, `unfit` those without a web address that a list could hold, and
    `beyond` those that exceed the number requested.
    """

    term: str
    found: int
    listed: int = 0
    not_surgical: int = 0
    again: int = 0
    unfit: int = 0
    beyond: int = 0

    def __str__(self) -> str:
        parts = [
            f"{count} {what}"
            for count, what in (
                (self.listed, "listed"),
                (self.not_surgical, "no surgery"),
                (self.again, "known from above"),
                (self.unfit, "without a usable address"),
                (self.beyond, "more than asked for"),
            )
            if count
        ]
        return f"{self.found} found" + (f": {', '.join(parts)}" if parts else "")


@dataclass(kw_only=True)
class SearchReport:
    """What became of the terms: searched now, in earlier calls, failed, or deferred."""

    sections: list[Section] = field(default_factory=list)
    earlier: int = 0
    """Terms that the list held already."""
    failed: list[tuple[str, ItemError]] = field(default_factory=list)
    closed: HostClosedError | None = None
    """The host that wants no more requests, if the search ended for that."""
    deferred: int = 0
    """Terms that were not searched because of `closed`."""


def start_list(path: Path, *, force: bool) -> list[str]:
    """Prepare `path` for sections; return the terms that it holds already.

    Raises:
        UsageError: it is a file that no search wrote, and `force` does not allow to replace it.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file with --to")
    if force or not path.exists():
        try:
            write_text(path, _PREFACE)
        except OSError as err:
            raise UsageError(f"cannot write the list {path}: {remedy(err)}") from err
        return []
    lines = _read(path).split("\n")
    if lines[0].strip() != _FIRST_LINE:
        raise UsageError(
            f"{path} exists and is no list that `ophvl discover` wrote; name another with --to, or "
            "replace it with --force"
        )
    return [line.removeprefix(_HEADING).strip() for line in lines if line.startswith(_HEADING)]


def search(
    terms: Sequence[str],
    path: Path,
    *,
    by: Search,
    downloader: Downloader,
    matcher: Matcher,
    force: bool = False,
    on_result: Callable[[str, Section | ItemError], None] = lambda term, result: None,
) -> SearchReport:
    """Search for every term that the list at `path` does not hold yet, and add the results to it.

    A term that fails gets no section, so that the next call searches for it again. A host that wants no
    more requests ends the search. `on_result` is called with each term and its section or error.

    Raises:
        UsageError: `path` cannot be written, or is no such list and `force` is not set.
    """
    listed = {term.casefold() for term in start_list(path, force=force)}
    report = SearchReport()
    for number, term in enumerate(terms):
        if one_line(term).casefold() in listed:
            report.earlier += 1
            continue
        try:
            results = _expand(downloader, by.query(term))
        except HostClosedError as err:
            report.closed, report.deferred = err, _missing(terms[number:], listed)
            break
        except ItemError as err:
            report.failed.append((term, err))
            on_result(term, err)
            continue
        section = _add(path, term, results, by.per_term, matcher)
        listed.add(one_line(term).casefold())
        report.sections.append(section)
        on_result(term, section)
    return report


def _missing(terms: Sequence[str], listed: set[str]) -> int:
    return len({one_line(term).casefold() for term in terms} - listed)


def _expand(downloader: Downloader, query: str) -> list[VideoMetadata]:
    try:
        return downloader.expand(query)
    except ItemError as err:
        # A result without videos. If the page itself is missing, the server's error is the cause.
        if err.kind is FailureKind.NOT_FOUND and err.__cause__ is None:
            return []
        raise


def _add(
    path: Path, term: str, results: Sequence[VideoMetadata], per_term: int, matcher: Matcher
) -> Section:
    """Add the section of a term to the list as it is now: the user may be editing it."""
    text = _read(path)
    lines = text.split("\n")
    ids = {match[1] for line in lines if (match := _ID.match(line))}
    urls = {line.lstrip("# ").strip() for line in lines if "://" in line}
    counts = {"listed": 0, "not_surgical": 0, "again": 0, "unfit": 0}
    entries: list[str] = []
    for video in results[:per_term]:
        url, video_id = _address(video)
        if not url or not video_id:
            counts["unfit"] += 1
        elif video_id in ids or url in urls:
            counts["again"] += 1
        else:
            verdict, of_surgery = _verdict(video, matcher)
            counts["listed" if of_surgery else "not_surgical"] += 1
            entries += [_comment(video, video_id, verdict), url if of_surgery else f"#{url}"]
            ids.add(video_id)
            urls.add(url)
    section = Section(
        term=term, found=len(results), beyond=max(0, len(results) - per_term), **counts
    )
    heading = ["", f"{_HEADING}{one_line(term)}", f"# {section}"]
    try:
        write_text(path, "\n".join([text.rstrip("\n"), *heading, *entries, ""]))
    except OSError as err:
        raise UsageError(f"cannot write the list {path}: {remedy(err)}") from err
    return section


def _address(video: VideoMetadata) -> tuple[str, str]:
    """Return the video's URL as a line of a list, and its id; empty if a list cannot hold the URL."""
    url = "".join(
        c if c.isprintable() and not c.isspace() else quote(c, errors="replace")
        for c in video.url.strip()
    )
    try:
        parts = urlsplit(url)
        fit = parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
        if not fit or len(url) > _LONGEST_URL:
            return "", ""
        return url, site_id(video.extractor, video.site_id, url)
    except ValueError:
        return "", ""


def _verdict(video: VideoMetadata, matcher: Matcher) -> tuple[str, bool]:
    """Return the title's assessment in words, and whether the video may show surgery."""
    verdict = assess_listing(video.title, video.description, matcher)
    if verdict.is_surgical is Surgical.NO:
        return f'no: {verdict.reason} ("{one_line(verdict.surface)}")', False
    return str(verdict.is_surgical), True


def _comment(video: VideoMetadata, video_id: str, verdict: str) -> str:
    def parts() -> Iterator[str]:
        yield _cut(one_line(video.title)) or "(no title)"
        if video.channel:
            yield _cut(one_line(video.channel))
        if video.duration_s is not None and math.isfinite(video.duration_s):
            yield _clock(video.duration_s)
        yield verdict

    return f"# [{video_id}] {' | '.join(parts())}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1] + "\u2026"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as err:
        raise UsageError(f"cannot read the list {path}: {remedy(err)}") from err
    except UnicodeDecodeError as err:
        raise UsageError(f"{path} is not UTF-8 text ({err.reason} at byte {err.start})") from err
