"""Every way in which a host fails, through the real commands: its kind, and the rest of the list done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ophvl.dataset.store import Store
from ophvl.partitions import Partitions, partition_of
from pipelines.registry import load_stages
from tests.commands import run, status
from tests.fault_server import METADATA_REQUESTS, serving
from tests.media_factory import make_video

QUICK = [
    *("--set", "discover.timeout_s=2.0", "--set", "download.timeout_s=2.0"),
    *("--set", "discover.retries=1", "--set", "download.retries=1"),
    *("--set", "discover.pause_s=0.5", "--set", "download.pause_s=0.5"),
    *("--set", "download.max_gb=0.002", "--downloads", "0", "--workers", "1"),
]
"""Without workers of their own, which take seconds to start."""

FINE = ("fine", "limited-once", "error-once", "body-cut-once")
AT_DISCOVER = {
    "404": "not_found",
    "410": "not_found",
    "403": "forbidden",
    "401": "private",
    "451": "geo_blocked",
    "500": "server_error",
    "loop": "redirect_loop",
    "page": "unsupported",
}
AT_DOWNLOAD = {
    "body-500": "server_error",
    "body-403": "forbidden",
    "body-gone": "not_found",
    "body-cut": "truncated",
    "body-short": "truncated",
    "body-stall": "timeout",
    "body-page": "not_a_video",
    "body-truncated": "truncated",
    "body-corrupt": "decode_error",
    "body-huge": "too_large",
    "body-endless": "too_large",
}


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("video") / "v.mp4", seconds=8.0, size=(320, 240))


def failures(out: Path) -> dict[str, tuple[str, str]]:
    """Name of the path to stage and kind."""
    from ophvl.dataset.store import Store
    from pipelines.registry import load_stages

    store = Store(out, load_stages())
    places = {row["video_id"]: row["location"] for row in store.read("videos").to_pylist()}
    places |= {row["line_id"]: row["text"] for row in store.read("sources").to_pylist()}
    return {
        Path(places[row["unit"]]).stem: (row["stage"], row["kind"])
        for row in store.read("failures").to_pylist()
    }


def test_each_fault_has_its_kind_and_the_rest_of_the_list_is_done(
    video: Path, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    names = [*FINE, *AT_DISCOVER, *AT_DOWNLOAD]
    with serving(video) as server, serving(video, "127.0.0.2") as strict:
        lines = [f"{server.url}/{name}.mp4" for name in names]
        lines[3:3] = [f"{strict.url}/limited.mp4"]
        source.write_text("\n".join(lines))
        started = time.monotonic()
        workers = ("--downloads", "4")
        ingest = ("ophvl", "ingest", "--source", source, "--out", out, *QUICK, *workers)
        told = run(*ingest, code=3).stderr
        assert time.monotonic() - started < 120
        assert strict.request_counts["limited"] <= 4, (
            "a host that refuses is not asked again and again"
        )
    assert failures(out) == {
        **{name: ("discover", kind) for name, kind in AT_DISCOVER.items()},
        **{name: ("download", kind) for name, kind in AT_DOWNLOAD.items()},
        "limited": ("discover", "rate_limited"),
    }
    counts = status(out)
    lines = counts["lines"]
    assert lines["listed"] == len(names) + 1 == lines["expanded"] + lines["failed"]
    assert lines["failed"] == len(AT_DISCOVER) + 1
    assert (counts["failed"], counts["pending"]) == (len(AT_DOWNLOAD), len(FINE))
    media = out / "media"
    left = {path.suffix for path in media.iterdir()} - {".mp4"}
    assert left <= {".part"}, "only what may be resumed is left of what failed"
    assert "HTTP Error 404" in told
    by_host = {(one["kind"], one["host"]) for one in counts["pace"]["failures"]}
    assert ("timeout", server.url.removeprefix("http://")) in by_host


@pytest.mark.parametrize(
    ("name", "limit", "said"),
    [
        ("body-huge", ("--set", "download.max_gb=9"), "10 GB or more, the limit is 9"),
        ("body-vast", (), "30 GB or more, the limit is 20"),
    ],
)
def test_an_announced_length_is_refused_before_the_body_is_read(
    video: Path, tmp_path: Path, name: str, limit: tuple[str, ...], said: str
) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    with serving(video) as server:
        source.write_text(f"{server.url}/{name}.mp4\n")
        quick = ("--out", out, "--workers", "1", "--downloads", "0", *limit)
        assert said in run("ophvl", "ingest", "--source", source, *quick, code=3).stderr
        # What the network holds on the way; the limit alone would let through thousands of times as much.
        assert 0 < server.sent[f"/{name}.mp4"] < 20_000_000
    assert failures(out) == {name: ("download", "too_large")}
    assert list((out / "media").iterdir()) == []


def test_downloads_share_the_first_ingest(video: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    with serving(video) as server:
        source.write_text(f"{server.url}/body-together-1.mp4\n{server.url}/body-together-2.mp4\n")
        run(
            "ophvl",
            "ingest",
            "--source",
            source,
            "--out",
            out,
            "--downloads",
            "2",
            "--workers",
            "1",
        )


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_asked_to_end_says_so_and_gives_its_locks_back(
    video: Path, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    with serving(video) as server:
        source.write_text(f"{server.url}/body-stall.mp4\n")
        words = ("ingest", "--source", str(source), "--out", str(out), "--workers", "1")
        process = subprocess.Popen(
            [sys.executable, "-m", "ophvl", *words],
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Ctrl-C counts, also where the tests themselves run in the background.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        while server.request_counts["body-stall"] <= METADATA_REQUESTS:
            time.sleep(0.1)
        os.killpg(process.pid, sent)  # As a terminal and as a cluster do.
        told = process.communicate(timeout=20)[1]
        assert process.returncode == code
    assert told.endswith("\nstopped; finished work is saved, and the same command continues\n")
    assert "Traceback" not in told
    assert list((out / ".locks").iterdir()) == []


def test_only_what_failed_for_a_reason_is_tried_again(video: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    with serving(video) as server:
        source.write_text("\n".join(f"{server.url}/{n}.mp4" for n in ("fine", "403", "body-500")))
        run("ophvl", "ingest", "--source", source, "--out", out, *QUICK, code=3)
        server.requests.clear()
        run("ophvl", "ingest", "--source", source, "--out", out, *QUICK, code=3)
        assert {*server.requests} == {"/body-500.mp4"}, (
            "an error of the server may go away, a refusal stands"
        )
        server.requests.clear()
        retry = ("ophvl", "retry", "--out", out, "--workers", "1", "--kind")
        none = run(*retry, "timeout", "--kind", "private")
        assert none.stdout == (
            "nothing failed for private, timeout; failures are: forbidden 1, server_error 1\n"
        )
        assert none.stderr == "", "nothing is loaded"
        assert "kinds are" in run(*retry, "tired", code=2).stderr
        other = ("--set", "transcribe.model=tiny.en")
        assert "--repin" in run(*retry, "forbidden", *other, code=2).stderr
        # The settings of the first run were kept.
        told = run(*retry, "forbidden", "--limit", "5", code=3).stderr
        assert {*server.requests} == {"/403.mp4"}
        assert "failed at discover" in told
        assert "HTTP Error 403" in told
        assert "body-500" not in told, "what was not asked for is not told"
        assert "did not run yet" not in told
    assert failures(out)["body-500"] == ("download", "server_error")


def test_what_was_fetched_stays_when_its_site_is_gone(video: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    with serving(video) as server:
        source.write_text(f"{server.url}/fine.mp4\n")
        ingest = ("ophvl", "ingest", "--source", source, "--out", out, *QUICK)
        run(*ingest, "--keep-media", "proxy")
    store = Store(out, load_stages())
    before = {name: store.read(name).to_pylist() for name in ("media", "publications", "kept")}
    run("ophvl", "run", "download..keep", "--out", out, "--workers", "1", "--force")
    assert [path.name.partition(".")[2] for path in (out / "media").iterdir()] == ["proxy.mp4"]
    assert before == {name: store.read(name).to_pylist() for name in before}
    counts = status(out)
    assert (counts["failed"], counts["pending"]) == (0, 1)


def test_a_block_stops_the_host_and_not_the_list(video: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    with serving(video) as server, serving(video, "127.0.0.2") as strict:
        lines = [f"{strict.url}/limited-for-hours.mp4?v={n}" for n in range(20)]
        source.write_text("\n".join([*lines, f"{server.url}/fine.mp4"]))
        told = run("ophvl", "ingest", "--source", source, "--out", out, *QUICK, code=3).stderr
        assert len(strict.requests) == 1, "the list is not burnt"
        host = strict.url.removeprefix("http://")
        assert f"19 line(s) or video(s) wait: {host} wants no requests until" in told
        again = run("ophvl", "ingest", "--source", source, "--out", out, *QUICK, code=3).stderr
        assert len(strict.requests) == 1
        assert again.count("HTTP Error 429") == 1, "a closed host is told once"
        assert f"20 line(s) or video(s) wait: {host} wants no requests until" in again
    counts = status(out)
    done = {"expanded": 1, "failed": 1, "folded": 0, "pending": 19}
    assert counts["lines"] == {"listed": 21, **done}
    assert counts["by_kind"] == {"rate_limited": 1}
    assert counts["pace"]["closed"][0]["host"] == host
    assert f"{host} wants no requests until" in run("ophvl", "status", "--out", out).stdout


def test_cookies_are_used_and_left_nowhere(video: Path, tmp_path: Path) -> None:
    out, source, jar = tmp_path / "out", tmp_path / "list.txt", tmp_path / "cookies.txt"
    secret = "s3cr3t-value"
    with serving(video) as server:
        jar.write_text(
            "# Netscape HTTP Cookie File\n"
            f"127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tsession\t{secret}\n"
        )
        before = jar.read_bytes()
        source.write_text(f"{server.url}/fine.mp4\n{server.url}/403.mp4\n")
        command = ("ophvl", "ingest", "--source", source, "--out", out, *QUICK)
        done = run(*command, "--cookies", jar, code=3)
        assert jar.read_bytes() == before
        assert secret not in done.stdout + done.stderr
        for path in (path for path in out.rglob("*") if path.is_file()):
            assert secret.encode() not in path.read_bytes(), path
        assert "cookies" not in (out / "config.toml").read_text()
        jar.write_text(f"no cookie file, but {secret}\n")
        refused = run(*command, "--cookies", jar, code=2).stderr
        assert str(jar) in refused
        assert secret not in refused


def test_what_a_dry_run_says_and_that_it_does_nothing(video: Path, tmp_path: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "list.txt"
    lines = [f"https://example.org/{n}.mp4" for n in range(600)]
    source.write_text("\n".join([*lines, "case.mp4", "ytsearch20:phaco"]))
    told = run("ophvl", "ingest", "--source", source, "--out", out, "--dry-run").stdout
    assert "602 to expand, 0 to try again; 601 of them need a host" in told
    assert "example.org: 1200" in told
    assert "4.0 h at the pace of the slowest host" in told
    assert "87.9 GB for 5.4 days of video" in told
    assert not out.exists()
    with serving(video) as server:
        source.write_text("\n".join(f"{server.url}/{n}.mp4" for n in "abcde"))
        few = run("ophvl", "ingest", "--source", source, "--out", out, *QUICK, "--limit", "2")
        assert "next:" not in few.stdout, "the list is not through"
        assert len({*server.requests}) == 2
        assert "3 lines that are not expanded yet" in run("ophvl", "status", "--out", out).stdout
        before = {path: os.stat(path).st_mtime_ns for path in out.rglob("*")}
        told = run("ophvl", "ingest", "--source", source, "--out", out, "--dry-run").stdout
        assert "lines    3 to expand" in told
        assert "videos   0 to take up" in told
        run("ophvl", "run", "discover", "--source", source, "--out", out)
        (tmp_path / "block.txt").write_text(f"{server.url}/c.mp4\n")
        ids = Store(out, load_stages()).read("videos", ["video_id"]).column("video_id").to_pylist()
        taken = {partition_of(video_id) for video_id in ids}
        free = next(
            k for k in range(1, 129) if Partitions.share(f"{k}/128").numbers.isdisjoint(taken)
        )
        before = {path: os.stat(path).st_mtime_ns for path in out.rglob("*")}
        for options, words in (
            ((), "videos   3 to take up, 3 of them to fetch"),
            (
                ("--block", tmp_path / "block.txt"),
                "2 to take up, 2 of them to fetch; 0 left out by",
            ),
            (("--limit", "1"), "videos   1 to take up, 1 of them to fetch"),
            (("--parts", f"{free}/128"), "videos   0 to take up"),
            (("--force",), "lines    0 to expand, 5 to try again"),
            (("--force",), "videos   5 to take up, 3 of them to fetch"),
        ):
            ingest = ("ophvl", "ingest", "--source", source, "--out", out, "--dry-run")
            assert words in run(*ingest, *options).stdout
        assert {path: os.stat(path).st_mtime_ns for path in out.rglob("*")} == before
    assert json.loads(run("ophvl", "status", "--json", "--out", out).stdout)["listed"] == 5
