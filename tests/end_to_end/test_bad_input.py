"""Bad input: a message that says what, which and what next, a documented exit code, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import run, status
from tests.media_factory import make_video, tone


def ingest(source: Path, out: Path, *more: str, code: int):
    return run(
        "ophvl", "ingest", "--source", source, "--out", out, "--workers", "1", *more, code=code
    )


@pytest.mark.parametrize("text", ["", "\n\r\n# only a comment\n", "\ufeff"])
def test_empty_list_is_a_usage_error(tmp_path, text) -> None:
    (tmp_path / "list.txt").write_text(text, encoding="utf-8")
    message = ingest(tmp_path / "list.txt", tmp_path / "out", code=2).stderr
    assert "list.txt names nothing" in message


def test_missing_list_is_a_usage_error(tmp_path) -> None:
    message = ingest(tmp_path / "no.txt", tmp_path / "out", code=2).stderr
    assert "no.txt" in message
    assert "--source" in message


def test_bad_lines_are_recorded_and_the_rest_goes_on(tmp_path) -> None:
    make_video(tmp_path / "case_1.mp4", seconds=2.0)
    make_video(tmp_path / "case_2.mp4", seconds=2.0, audio=tone(2.0, 300.0), size=(128, 96))
    (tmp_path / "text.mp4").write_text("this is no video")
    (tmp_path / "zero.mp4").touch()
    lines = [
        "\ufeff# list with everything that goes wrong",
        "case_1.mp4",
        "missing.mp4",
        "",
        "text.mp4",
        "zero.mp4",
        "case_2.mp4",
        "./case_1.mp4",
        "http://127.0.0.1:9/closed.mp4",
        "ftp://example.org/a.mp4",
        "name\x00with null.mp4",
    ]
    (tmp_path / "list.txt").write_bytes("\r\n".join(lines).encode())
    out = tmp_path / "out"
    message = ingest(tmp_path / "list.txt", out, code=3).stderr
    assert "line 3" in message
    assert "missing.mp4" in message
    counts = status(out)
    assert counts["lines"] == {"listed": 9, "expanded": 4, "failed": 4, "folded": 1, "pending": 0}
    assert (counts["listed"], counts["failed"], counts["pending"]) == (4, 2, 2)
    assert counts["by_kind"] == {
        "empty": 1,
        "network": 1,
        "not_a_video": 1,
        "not_found": 2,
        "unsupported": 1,
    }
    run("ophvl", "build-pairs", "--out", out, "--workers", "1")
    after = status(out)
    assert (after["emitted"], after["failed"]) == (2, 2)
    run("ophvl", "check", "--out", out)


def test_video_without_sound_is_a_silent_video(tmp_path) -> None:
    make_video(tmp_path / "case_1.mp4", seconds=2.0)
    (tmp_path / "list.txt").write_text("case_1.mp4")
    ingest(tmp_path / "list.txt", tmp_path / "out", code=0)
    run("ophvl", "build-pairs", "--out", tmp_path / "out", "--workers", "1")
    assert (
        "0 narrated, 1 silent (no_audio 1)"
        in run("ophvl", "stats", "--out", tmp_path / "out").stdout
    )


def test_a_file_that_comes_later_is_picked_up_by_the_next_run(tmp_path) -> None:
    make_video(tmp_path / "case_1.mp4", seconds=2.0)
    (tmp_path / "list.txt").write_text("case_1.mp4\nlate.mp4")
    ingest(tmp_path / "list.txt", tmp_path / "out", code=3)
    make_video(tmp_path / "late.mp4", seconds=1.0)
    ingest(tmp_path / "list.txt", tmp_path / "out", code=0)
    assert status(tmp_path / "out")["listed"] == 2


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ("transcribe.modle=base", "did you mean 'model'"),
        ("transcibe.model=base", "did you mean 'transcribe'"),
        ("pair.clip_frames=many", "must be a whole number, at least 1, not 'many'"),
        ("transcribe.recogniser=faster-wisper", "did you mean 'faster-whisper'"),
        ("model=base", "section.key=value"),
        ("segment.min_clip_s=99.0", "min_clip_s <= max_clip_s"),
        ("pair.clip_frames=0", "pair.clip_frames must be a whole number, at least 1, not 0"),
        ("frames.quality=101", "at least 1 and at most 100, not 101"),
    ],
)
def test_unknown_or_unfit_settings_are_refused_before_anything_is_done(
    tmp_path, setting, hint
) -> None:
    make_video(tmp_path / "case_1.mp4", seconds=1.0)
    (tmp_path / "list.txt").write_text("case_1.mp4")
    message = ingest(tmp_path / "list.txt", tmp_path / "out", "--set", setting, code=2).stderr
    assert hint in message
    assert not (tmp_path / "out").exists()


def test_unknown_key_in_a_config_file_names_the_file(tmp_path) -> None:
    (tmp_path / "list.txt").write_text("case_1.mp4")
    (tmp_path / "my.toml").write_text("[frames]\nshort_sides = 128\n")
    message = ingest(
        tmp_path / "list.txt", tmp_path / "out", "--config", str(tmp_path / "my.toml"), code=2
    ).stderr
    assert "my.toml" in message
    assert "did you mean 'short_side'" in message


@pytest.mark.parametrize("command", ["stats", "status", "check", "build-pairs"])
def test_a_folder_that_holds_no_dataset(tmp_path, command) -> None:
    message = run("ophvl", command, "--out", tmp_path / "nothing", code=2).stderr
    assert "ophvl ingest --source" in message


def test_unknown_stage_and_video(tmp_path) -> None:
    make_video(tmp_path / "case_1.mp4", seconds=1.0)
    (tmp_path / "list.txt").write_text("case_1.mp4")
    out = tmp_path / "out"
    ingest(tmp_path / "list.txt", out, code=0)
    assert "did you mean 'segment'" in run("ophvl", "run", "segmnt", "--out", out, code=2).stderr
    assert "there is no video" in run("ophvl", "show", "file_x", "--out", out, code=2).stderr


def test_stages_run_one_at_a_time_say_what_is_to_be_run_before(tmp_path) -> None:
    make_video(tmp_path / "case_1.mp4", seconds=1.0)
    (tmp_path / "list.txt").write_text("case_1.mp4")
    out = tmp_path / "out"
    ingest(tmp_path / "list.txt", out, code=0)
    skipped = run("ophvl", "run", "segment..title", "--out", out).stderr
    assert "`ophvl run review..segment`" in skipped
    run("ophvl", "run", "review..title", "--out", out, "--workers", "1")
    unready = run("ophvl", "run", "pair", "--out", out, "--workers", "1").stderr
    assert "no video is ready for stage pair: split did not run yet" in unready
    assert status(out)["pending"] == 1
    run("ophvl", "run", "split..shard", "--out", out, "--workers", "1")
    run(
        "ophvl",
        "run",
        "pair",
        "--out",
        out,
        "--set",
        "pair.clip_frames=3",
        "--set",
        "pair.video_frames=5",
    )
    message = run("ophvl", "run", "shard", "--out", out, code=2).stderr
    assert "ophvl run frames..shard" in message
    run("ophvl", "run", "frames..shard", "--out", out, "--workers", "1")
    run("ophvl", "check", "--out", out)


def test_a_list_of_dropped_videos_ends_well(tmp_path) -> None:
    make_video(tmp_path / "Eye makeup tutorial for beginners.mp4", seconds=1.0)
    (tmp_path / "list.txt").write_text("Eye makeup tutorial for beginners.mp4")
    out = tmp_path / "out"
    ingest(tmp_path / "list.txt", out, code=0)
    run("ophvl", "build-pairs", "--out", out, "--workers", "1")
    counts = status(out)
    assert (counts["listed"], counts["dropped"]) == (1, 1)
    run("ophvl", "check", "--out", out)


def test_a_file_in_the_place_of_the_dataset_folder(tmp_path) -> None:
    (tmp_path / "list.txt").write_text("case_1.mp4")
    (tmp_path / "out").write_text("a file")
    assert "--out" in ingest(tmp_path / "list.txt", tmp_path / "out", code=2).stderr
