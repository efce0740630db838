"""`ophvl discover` as a user runs it: a list, what failed, and a search that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ophvl.sources.source_list import read_source_list
from tests.commands import run
from tests.ophvl.search_site import SearchSite, serving

COMMAND = ("ophvl", "discover", "--terms", "terms.txt")


@pytest.fixture
def site() -> Iterator[SearchSite]:
    known = {
        "DMEK surgery": [("DMEK \x9b31m step by step", "http://videos.example/a.mp4")],
        "phaco surgery": [("Phaco chop", "http://videos.example/b.mp4")],
    }
    with serving(SearchSite(known)) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "terms.txt").write_text("DMEK\nphaco\n")
    return tmp_path


def discover(folder: Path, *arguments: str, code: int = 0, **environment: str):
    variables = {**os.environ, **environment}
    result = run(*COMMAND, *arguments, code=code, cwd=folder, env=variables)
    assert all(c.isprintable() or c == "\n" for c in result.stdout + result.stderr)
    return result


def urls(folder: Path) -> list[str]:
    return [line.text for line in read_source_list(folder / "list.txt")]


def test_a_list_and_what_to_do_with_it(site: SearchSite, folder: Path) -> None:
    result = discover(folder, "--search", site.address)
    assert "DMEK: 1 found: 1 listed\n" in result.stdout
    assert (
        "list.txt: 2 term(s) answered; 2 new video(s), and 0 that are no surgery" in result.stdout
    )
    assert "ophvl ingest --source list.txt" in result.stdout
    assert urls(folder) == ["http://videos.example/a.mp4", "http://videos.example/b.mp4"]
    assert sorted(path.name for path in folder.iterdir()) == ["list.txt", "terms.txt"]
    again = discover(folder, "--search", site.address)
    assert "0 term(s) answered, 2 were on the list already" in again.stdout
    assert "name another list with --to" in again.stderr
    assert len(site.queries) == 2


def test_a_search_that_was_killed_goes_on_where_it_was(site: SearchSite, folder: Path) -> None:
    site.slow.add("phaco surgery")
    command = [sys.executable, "-m", *COMMAND, "--search", site.address]
    with subprocess.Popen(command, cwd=folder) as killed:
        assert site.waiting.wait(60)
        killed.kill()
    site.slow.clear()
    assert urls(folder) == ["http://videos.example/a.mp4"]
    discover(folder, "--search", site.address)
    assert len(urls(folder)) == 2
    assert site.queries.count("DMEK surgery") == 1


def test_failures_are_told_at_the_end_and_the_rest_is_listed(
    site: SearchSite, folder: Path
) -> None:
    site.status["DMEK surgery"] = 500
    result = discover(folder, "--search", site.address, code=3)
    assert "failed: DMEK: server_error: " in result.stderr
    assert "just the terms that failed" in result.stderr
    assert urls(folder) == ["http://videos.example/b.mp4"]


def test_the_largest_site_out_of_reach(folder: Path) -> None:
    (folder / "terms.txt").write_text("surgery:phacoemulsification\n")
    nowhere = "http://127.0.0.1:9"
    result = discover(folder, code=3, https_proxy=nowhere, HTTPS_PROXY=nowhere, no_proxy="")
    assert "failed: phacoemulsification: network: " in result.stderr
    assert "ytsearch20:phacoemulsification surgery" in result.stderr
    assert "check the connection" in result.stderr


def test_what_cannot_be_asked_is_a_usage_error(folder: Path) -> None:
    assert "{terms}" in discover(folder, "--search", "https://host.example/", code=2).stderr
    (folder / "list.txt").write_text("/mine.mp4\n")
    assert "--force" in discover(folder, code=2).stderr
    (folder / "terms.txt").write_text("surgery:phako\n")
    assert "no concept 'surgery:phako'" in discover(folder, code=2).stderr
    assert (folder / "list.txt").read_text() == "/mine.mp4\n"
