"""Limits and turns: which videos a run takes up, and in what order."""

from __future__ import annotations

import os

import pytest

from ophvl.run.options import RunOptions
from ophvl.run.runner import Runner
from ophvl.sources.source_list import read_source_list
from tests.ophvl.toy_folder import ToyFolder
from tests.ophvl.toy_stages import STAGES, ToyConfig


def test_a_limit_is_for_the_whole_run(toy: ToyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.videos(*"abcdef")
    options = RunOptions(limit=2)
    configs = {spec.name: ToyConfig(log=str(toy.log)) for spec in STAGES}
    lines = read_source_list(toy.list_path)
    runner = Runner(toy.store, configs, options, toy.reporter)
    for _ in range(3):  # As after each wait for a host.
        runner.run(["list", "fetch", "name"], lines)
    assert toy.counts()["name emitted"] == 2 == len(toy.column("videos", "video_id"))


def test_a_limit_takes_new_videos_before_those_that_failed(
    toy: ToyFolder, pauses: list[float]
) -> None:
    toy.videos("c", "d", a="network down", b="network down")
    toy.list(*(f"{name}.json" for name in "abcd"))
    toy.run(["list"])
    for _ in range(2):
        toy.run(["list", "fetch"], limit=2)
    assert toy.outcomes("fetch") == {
        **dict.fromkeys("ab", "failed"),
        **dict.fromkeys("cd", "emitted"),
    }


def test_a_limit_is_not_used_up_by_what_waits(toy: ToyFolder) -> None:
    toy.videos("b", a="https://example.org/closed for long")
    toy.list("a.json", "b.json")
    toy.run(["list"])
    toy.run(["list", "fetch"], limit=2)
    assert (set(toy.reporter.deferred), toy.outcomes("fetch")) == ({"a"}, {"b": "emitted"})


def test_hosts_take_turns(toy: ToyFolder) -> None:
    toy.videos(**{f"a{n}": "https://one.org/x" for n in range(4)}, b="https://two.org/x")
    toy.run(["list", "fetch"], downloads=1)
    order = [line.split()[1] for line in toy.log.read_text().splitlines() if "fetch" in line]
    assert order == ["a0", "b", "a1", "a2", "a3"]


def test_a_video_that_is_deferred_in_the_run_frees_its_place_in_the_limit(toy: ToyFolder) -> None:
    toy.videos("b", a="closed for long")
    toy.list("a.json", "b.json")
    toy.run(["list"])
    configs = {spec.name: ToyConfig(log=str(toy.log)) for spec in STAGES}
    runner = Runner(toy.store, configs, RunOptions(limit=1), toy.reporter)
    for _ in range(2):
        runner.run(["fetch"])
    assert (set(runner.deferred), toy.outcomes("fetch")) == ({"a"}, {"b": "emitted"})


def test_a_video_whose_download_is_up_to_date_needs_no_network_worker(toy: ToyFolder) -> None:
    toy.videos(a="https://example.org/")
    toy.run(["list", "fetch", "name"])
    toy.log.write_text("")
    toy.run(["fetch", "name"], suffix="!")
    assert toy.log.read_text() == f"name a {os.getpid()}\n"
