"""Terms to search for, and how a site is asked for one.

In: a text file, one term a line; `#` begins a comment. A line may also name a concept of the ontology
(`surgery:phacoemulsification`, its preferred term) or all of a kind (`kind:surgery`). Out: terms, each once,
and for each the address that the downloader is given.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from ophvl.errors import UsageError
from ophvl.ontology import Ontology
from schemas.vocab import Kind

PLACE = "{terms}"
"""What stands for the term in the address of a search page."""

_ALL = "kind:"


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a site is asked: the largest video site's own search, or the address of another's search page.

    At most `per_term` videos are taken of an answer. `suffix` is added to terms that do not hold it.

    Raises:
        UsageError: `address` is no http(s) URL, or does not say where the term goes.
    """

    per_term: int = 20
    suffix: str = ""
    address: str | None = None

    def __post_init__(self) -> None:
        if self.per_term < 1:
            raise UsageError("at least one video a term must be asked for")
        if self.address is None:
            return
        if PLACE not in self.address:
            raise UsageError(
                f"the search address does not say where the term goes; write {PLACE} there, as in "
                f"https://host/search?q={PLACE}"
            )
        try:
            parts = urlsplit(self.address)
            fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fit = False
        if not fit or PLACE in parts.netloc:
            raise UsageError(
                f"the search address must be of the form https://host/search?q={PLACE}"
            )

    def question(self, term: str) -> str:
        """What the downloader is asked for a term."""
        suffix = one_line(self.suffix)
        held = suffix.casefold() in term.casefold()
        words = term if held else f"{term} {suffix}"
        if self.address is None:
            # yt-dlp would take a term with :// in it for an address.
            return f"ytsearch{self.per_term}:{words.replace('://', ' ')}"
        return self.address.replace(PLACE, quote(words, safe=""))


def one_line(text: str) -> str:
    """`text` on one line: what cannot be printed becomes a blank, and blanks in a row become one."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def read_terms(path: Path, ontology: Ontology) -> list[str]:
    """The terms of a file in order, each once whatever its case.

    Raises:
        UsageError: the file cannot be read, names nothing, or names concepts that there are not; the message
            lists every line at fault.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as err:
        raise UsageError(f"cannot read the terms {path}: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise UsageError(f"{path} is not UTF-8 text ({err.reason} at byte {err.start})") from err
    found: dict[str, str] = {}
    faults = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = one_line(raw)
        if not line or line.startswith("#"):
            continue
        try:
            terms = list(_terms(line, ontology))
        except UsageError as err:
            faults.append(f"{path}:{number}: {err}")
            continue
        for term in terms:
            found.setdefault(term.casefold(), term)
    if faults:
        raise UsageError("\n  ".join([f"{len(faults)} line(s) of {path} are at fault", *faults]))
    if not found:
        raise UsageError(f"{path} names nothing: write one term a line (# begins a comment)")
    return list(found.values())


def _terms(line: str, ontology: Ontology) -> Iterator[str]:
    kinds = [str(kind) for kind in Kind]
    if line.startswith(_ALL):
        kind = line.removeprefix(_ALL).strip()
        if kind not in kinds:
            raise UsageError(f"there is no kind '{kind}'; kinds are {', '.join(kinds)}")
        yield from (c.label for c in ontology.concepts.values() if c.kind == kind)
    elif " " not in line and line.partition(":")[0] in kinds and ":" in line:
        if line not in ontology.concepts:
            near = difflib.get_close_matches(line, ontology.concepts, n=3)
            known = f"; near are {', '.join(near)}" if near else ""
            raise UsageError(f"the ontology has no concept '{line}'{known}")
        yield ontology.concepts[line].label
    else:
        yield line
