"""Search terms, and how a site is searched for one.

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
from ophvl.faults import remedy
from ophvl.ontology import Ontology
from schemas.vocab import Kind

PLACEHOLDER = "{terms}"
"""Stands for the term in the address of a search page."""

_ALL = "kind:"


@dataclass(frozen=True, kw_only=True)
class Search:
    """How a site is searched: by YouTube's own search, or by the `address` of another site's search page.

    At most `per_term` videos are taken of a result. `suffix` is added to terms that do not contain it.

    Raises:
        UsageError: `address` is no http(s) URL, or has no placeholder for the term.
    """

    per_term: int = 20
    suffix: str = ""
    address: str | None = None

    def __post_init__(self) -> None:
        if self.per_term < 1:
            raise UsageError("the number of videos a term must be at least 1")
        if self.address is None:
            return
        if PLACEHOLDER not in self.address:
            raise UsageError(
                f"the search address does not say where the term goes; write {PLACEHOLDER} there, as in "
                f"https://host/search?q={PLACEHOLDER}"
            )
        try:
            parts = urlsplit(self.address)
            fit = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fit = False
        if not fit or PLACEHOLDER in parts.netloc:
            raise UsageError(
                f"the search address must be of the form https://host/search?q={PLACEHOLDER}"
            )

    def query(self, term: str) -> str:
        """Return the address that the downloader expands for a term."""
        suffix = one_line(self.suffix)
        words = term if suffix.casefold() in term.casefold() else f"{term} {suffix}"
        if self.address is None:
            # yt-dlp would take a term with :// in it for an address.
            return f"ytsearch{self.per_term}:{words.replace('://', ' ')}"
        return self.address.replace(PLACEHOLDER, quote(words, safe=""))


def one_line(text: str) -> str:
    """Return `text` on one line: unprintable characters become spaces, and repeated spaces one."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def read_terms(path: Path, ontology: Ontology) -> list[str]:
    """Read the terms of a file, in order, each once whatever its case.

    Raises:
        UsageError: the file cannot be read, names nothing, or names concepts that do not exist; the message
            lists every wrong line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as err:
        raise UsageError(f"cannot read the terms {path}: {remedy(err)}") from err
    except UnicodeDecodeError as err:
        raise UsageError(f"{path} is not UTF-8 text ({err.reason} at byte {err.start})") from err
    terms_by_key: dict[str, str] = {}
    errors = []
    for number, raw in enumerate(text.split("\n"), start=1):
        line = one_line(raw)
        if not line or line.startswith("#"):
            continue
        try:
            terms = list(_terms(line, ontology))
        except UsageError as err:
            errors.append(f"{path}:{number}: {err}")
            continue
        for term in terms:
            terms_by_key.setdefault(term.casefold(), term)
    if errors:
        raise UsageError("\n  ".join([f"{len(errors)} line(s) of {path} are wrong", *errors]))
    if not terms_by_key:
        raise UsageError(f"{path} names nothing: write one term a line (# begins a comment)")
    return list(terms_by_key.values())


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
