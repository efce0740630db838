"""Media that goes once it is transcribed, through the real commands."""

from __future__ import annotations

import json
from pathlib import Path

from ophvl.dataset.store import Store
from pipelines.registry import load_stages
from tests.commands import run, status
from tests.fault_server import serving
from tests.media_factory import make_video, tone


def names(out: Path) -> list[str]:
    return sorted(path.name.partition(".")[2] for path in (out / "media").iterdir())


def test_proxies_are_enough_for_pairs_and_sound_alone_is_not(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=4.0, size=(640, 480), audio=tone(4.0))
    source = tmp_path / "list.txt"
    tiny = ("--set", "transcribe.model=tiny.en", "--workers", "1")
    with serving(video) as server:
        source.write_text(f"{server.url}/a.mp4\n{server.url}/b.mp4\n{video}\n")
        for form in ("proxy", "audio"):
            run(
                "ophvl",
                "ingest",
                "--source",
                source,
                "--out",
                tmp_path / form,
                *tiny,
                "--downloads",
                "0",
                "--keep-media",
                form,
            )
        assert server.request_counts["a"] == 2 * 3
    assert names(tmp_path / "proxy") == ["proxy.mp4", "proxy.mp4"]
    alone = ("--out", tmp_path / "proxy", "--workers", "1")
    run("ophvl", "build-pairs", *alone, "--set", "pair.video_frames=8")
    run("ophvl", "check", "--out", tmp_path / "proxy")
    rows = (
        Store(tmp_path / "proxy", load_stages())
        .read("frames", ["video_id", "width", "height"])
        .to_pylist()
    )
    assert len(rows) == 3 * 8
    assert {(row["width"], row["height"]) for row in rows} == {(341, 256), (342, 256)}

    out = tmp_path / "audio"
    assert names(out) == ["audio.m4a", "audio.m4a"]
    build_pairs = ("ophvl", "build-pairs", "--out", out, "--workers", "1")
    message = run(*build_pairs, code=2).stderr
    heard = {path.name.partition(".")[0] for path in (out / "media").iterdir()}
    assert (
        f"of 2 of 3 video(s) only the sound was kept (--keep-media audio), e.g. {min(heard)}"
        in (message)
    )
    assert "review" not in message, "it is told before the first stage"
    assert status(out)["listed"] == 3
    ingest = ("ophvl", "ingest", "--source", source, "--out", out, "--workers", "1")
    told = run(*ingest, "--keep-media", "all", "--dry-run").stderr
    assert "2 video(s) were reduced before (audio 2)" in told
    # Another recogniser, or other settings, can still hear it.
    run(
        "ophvl",
        "run",
        "transcribe",
        "--out",
        out,
        "--set",
        "transcribe.beam_size=1",
        "--workers",
        "1",
    )
    assert video.exists()


def test_pictures_decoded_before_are_enough(tmp_path: Path) -> None:
    video = make_video(tmp_path / "v.mp4", seconds=2.0, audio=tone(2.0))
    source, out = tmp_path / "list.txt", tmp_path / "out"
    with serving(video) as server:
        source.write_text(f"{server.url}/a.mp4\n")
        run("ophvl", "ingest", "--source", source, "--out", out, "--workers", "1")
        run("ophvl", "build-pairs", "--out", out, "--workers", "1")
        run(
            "ophvl",
            "ingest",
            "--source",
            source,
            "--out",
            out,
            "--workers",
            "1",
            "--keep-media",
            "audio",
        )
    assert names(out) == ["audio.m4a"]
    run("ophvl", "build-pairs", "--out", out, "--workers", "1")
    run("ophvl", "run", "frames..shard", "--force", "--out", out, "--workers", "1")
    assert json.loads(run("ophvl", "stats", "--json", "--out", out).stdout)["frames"] == 64
