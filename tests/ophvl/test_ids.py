"""Ids are stable, readable and fit for file names."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ophvl import ids


def test_file_id_is_sixteen_hex_of_the_content(tmp_path: Path) -> None:
    path = tmp_path / "case.v2.mp4"
    path.write_bytes(b"x" * (3 * 2**20 + 1))
    digest = ids.sha256_file(path)
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert ids.file_id(digest) == f"file_{digest[:16]}"


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Example.ORG/A.mp4", "https://example.org/A.mp4"),
        ("http://example.org:80/a?v=1&W=2#t=3", "http://example.org/a?v=1&W=2"),
        ("https://example.org:443", "https://example.org/"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        (" http://example.org/a ", "http://example.org/a"),
        ("http://[2001:DB8::1]:80/a", "http://[2001:db8::1]/a"),
        ("http://Anna:Pass@Example.org/a", "http://Anna:Pass@example.org/a"),
    ],
)
def test_canonical_url(url: str, canonical: str) -> None:
    assert ids.canonical_url(url) == canonical
    assert ids.url_id(url) == ids.url_id(canonical)


def test_query_and_path_case_tell_urls_apart() -> None:
    urls = ["http://e.org/a?v=1", "http://e.org/a?v=2", "http://e.org/A?v=1", "https://e.org/a?v=1"]
    assert len({ids.url_id(url) for url in urls}) == len(urls)


@pytest.mark.parametrize(
    ("extractor", "id", "expected"),
    [
        ("youtube", "dQw4w9WgXcQ", "youtube_dQw4w9WgXcQ"),
        ("Vimeo", "12345", "vimeo_12345"),
        ("youtube", "-_abc", "youtube_-_abc"),
    ],
)
def test_sites_keep_their_own_ids(extractor: str, id: str, expected: str) -> None:
    assert ids.site_id(extractor, id, "https://e.org/x") == expected


@pytest.mark.parametrize(
    ("extractor", "id"),
    [
        ("generic", "surgery1"),
        ("html5mediaembed", "page-1"),
        ("site", "a.b"),
        ("site", "../../etc"),
        ("site:album", "12"),
        ("site", "12\n"),
    ],
)
def test_ids_from_file_names_or_with_odd_signs_give_way_to_the_url(extractor: str, id: str) -> None:
    url = "https://e.org/x"
    assert ids.site_id(extractor, id, url) == ids.url_id(url)


def test_children_sort_by_number() -> None:
    assert ids.child_id("youtube_x", "n", 42) == "youtube_x-n0042"
    assert ids.ID.fullmatch(ids.child_id("file_0123456789abcdef", "s", 12345))
