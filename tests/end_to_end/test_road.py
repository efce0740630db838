"""The whole road with the real commands: real speech in, checked shards out, whatever happens between."""

from __future__ import annotations

import contextlib
import csv
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.commands import run, status

CORPUS = Path(__file__).parents[2] / "demo" / "corpus"
NARRATED = ("narrated_01", "narrated_02", "narrated_03")
ALONE = ("--workers", "1")
"""In the process of the command itself: workers of their own would take seconds to start."""

TINY = ("--set", "transcribe.model=tiny.en", *ALONE)


def ledger(out: Path, stage: str) -> dict[str, dict[str, object]]:
    lines = [
        line
        for path in (out / "ledger" / stage).glob("*.jsonl")
        for line in path.read_text().splitlines()[1:]
    ]
    return {entry["unit"]: entry for entry in map(json.loads, lines)}


def finished(out: Path) -> dict[str, dict[str, object]]:
    """Ledger entries of the transcripts that are on disk, compacted or not."""
    entries = ledger(out, "transcribe")
    for path in (out / "units" / "transcribe").glob("*.zip"):
        with contextlib.suppress(FileNotFoundError), zipfile.ZipFile(path) as archive:
            entry = json.loads(archive.read("entries.jsonl"))
            entries[entry["unit"]] = entry
    return entries


def copy_videos(folder: Path, *stems: str) -> None:
    for stem in stems:
        for path in CORPUS.glob(f"{stem}.*"):
            shutil.copy(path, folder)


@dataclass(frozen=True, kw_only=True)
class Road:
    """A dataset and what was seen while it was made."""

    out: Path
    source: Path
    survived: dict[str, dict[str, object]]
    """Ledger entries that were on disk when the first run was killed."""
    first: dict[str, dict[str, object]]
    """Ledger of transcribe before videos were added."""


@pytest.fixture(scope="module")
def road(tmp_path_factory) -> Road:
    """Three narrated videos, the first run killed in the middle of transcription; then two more."""
    folder = tmp_path_factory.mktemp("road")
    copy_videos(folder, *NARRATED)
    source, out = folder / "list.txt", folder / "out"
    source.write_text("\n".join(f"{stem}.mp4" for stem in NARRATED))
    command = ["ophvl", "ingest", "--source", source, "--out", out, *TINY]
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not finished(out):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    survived = finished(out)
    run(*command)
    first = ledger(out, "transcribe")
    copy_videos(folder, "silent_01", "other_01")
    with source.open("a") as file:
        file.write("\n# two more\nsilent_01.mp4\nother_01.mp4\n")
    run("ophvl", "ingest", "--source", source, "--out", out, *ALONE)
    return Road(out=out, source=source, survived=survived, first=first)


@pytest.fixture(scope="module")
def built(road) -> Path:
    """The same dataset with its pairs and shards."""
    run("ophvl", "build-pairs", "--out", road.out)
    return road.out


def test_killed_run_resumes_without_redoing_finished_videos(road) -> None:
    assert 1 <= len(road.survived) < len(NARRATED)
    assert len(road.first) == len(NARRATED)
    kept = {unit: road.first[unit] for unit in road.survived}
    assert kept == road.survived, "seconds spent and time of each entry are those of the first run"


def test_a_run_with_nothing_new_does_nothing(road) -> None:
    log = run("ophvl", "ingest", "--source", road.source, "--out", road.out, *ALONE).stderr
    assert "admit..keep 5/5 5 unchanged" in log


def test_adding_a_video_redoes_no_other(road) -> None:
    after = ledger(road.out, "transcribe")
    assert len(after) == len(road.first) + 1
    assert {unit: after[unit] for unit in road.first} == road.first
    counts = status(road.out)
    assert counts["dropped"] == 1, "the make-up video is not fetched"


def test_build_pairs_gives_checked_shards_and_a_second_run_does_nothing(built) -> None:
    counts = status(built)
    assert (counts["listed"], counts["emitted"], counts["dropped"]) == (5, 4, 1)
    assert (counts["failed"], counts["pending"]) == (0, 0)
    run("ophvl", "check", "--out", built)
    shards = built / "shards"
    rows = pa.concat_tables([pq.read_table(p) for p in sorted(shards.glob("*.parquet"))])
    kinds = set(zip(rows.column("level").to_pylist(), rows.column("kind").to_pylist(), strict=True))
    assert kinds == {("clip", "narrated"), ("video", "narrated"), ("video", "silent")}
    manifest = (shards / "manifest.json").stat().st_mtime_ns
    log = run("ophvl", "build-pairs", "--out", built, *ALONE).stderr
    assert (shards / "manifest.json").stat().st_mtime_ns == manifest
    assert "shard 1/1 1 unchanged" in log


def test_a_threshold_is_applied_without_transcribing_or_segmenting_again(built, tmp_path) -> None:
    out = tmp_path / "out"
    shutil.copytree(built, out)
    before = [ledger(out, stage) for stage in ("transcribe", "segment", "tag")]
    run("ophvl", "build-pairs", "--out", out, *ALONE, "--set", "pair.min_descriptive_score=0.0")
    assert [ledger(out, stage) for stage in ("transcribe", "segment", "tag")] == before
    assert ledger(out, "pair") != ledger(built, "pair")


def test_stats_and_show_tell_of_the_dataset(built) -> None:
    text = run("ophvl", "stats", "--out", built).stdout
    assert "3 narrated, 1 silent" in text
    plain = json.loads((built / "stats.json").read_text())
    assert plain["narrated_videos"] == 3
    assert plain["account"]["units"]["emitted"] == 4
    unit = next(iter(ledger(built, "transcribe")))
    shown = run("ophvl", "show", unit, "--out", built).stdout
    assert "transcribe  emitted" in shown
    assert "narrations: narration_id=" in shown


def seen_in_browser(page: Path, profile: Path) -> str:
    """The document as Chromium has it after its scripts ran."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("needs Chromium; install it to see the page in a browser")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    options += [f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    return subprocess.run([browser, *options], capture_output=True, text=True, timeout=120).stdout


def test_statistics_page_opens_in_a_browser(built, tmp_path) -> None:
    run("ophvl", "stats", "--out", built)
    shown = seen_in_browser(built / "stats.html", tmp_path / "browser")
    assert "<h1>OphVL statistics</h1>" in shown
    assert shown.count('class="bar"') == 13, "one bar for each stage after discover"


JUDGE = """<script>
document.getElementById("reader").value = "Ada";
rows.forEach((row, number) => {
  const wrong = row[column("stratum")] === "anatomy";
  const article = document.querySelector(`article[data-row="${number}"]`);
  article.querySelector(`input[value=${wrong ? "wrong" : "right"}]`).click();
});
document.getElementById("save").click();
</script>"""
"""A reader who finds every tissue wrong."""


def test_what_a_reader_judged_wrong_stays_out_through_rebuilds(built, tmp_path) -> None:
    out = tmp_path / "out"
    shutil.copytree(built, out)
    run("ophvl", "review", "export", "--n", "40", "--stratify", "kind", "--out", out)
    assert "exists" in run("ophvl", "review", "export", "--out", out, code=2).stderr
    page = out / "review" / "sheet.html"
    page.write_text(page.read_text() + JUDGE)
    shown = seen_in_browser(page, tmp_path / "browser")
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", shown, re.DOTALL)
    assert text is not None
    sheet = tmp_path / "judged.csv"
    sheet.write_text(html.unescape(text[1]), newline="")

    judged = csv.DictReader(sheet.read_text().splitlines(keepends=True))
    wrong = [row for row in judged if row["judgement"] == "wrong"]
    assert wrong
    said = run("ophvl", "review", "import", sheet, "--out", out).stdout
    assert re.search(rf"anatomy +0 +{len(wrong)} +0.000   0.000 to ", said)
    rejected = {
        context(row["video_id"], row["text"], int(row["start"]), row["surface"], row["value"])
        for row in wrong
    }
    assert rejected <= anatomy(built)
    run("ophvl", "build-pairs", "--out", out, *ALONE)
    assert anatomy(out) == anatomy(built) - rejected
    run("ophvl", "check", "--out", out)
    untouched = set(ledger(out, "tag")) - {row["video_id"] for row in wrong}
    assert all(ledger(out, "tag")[u] == ledger(built, "tag")[u] for u in untouched)
    shorter = ("--set", "segment.max_clip_s=7", "--set", "segment.correct=false")
    run("ophvl", "build-pairs", "--out", out, *ALONE, *shorter)
    assert anatomy(out)
    assert not anatomy(out) & rejected

    (tmp_path / "other.txt").write_text(str(CORPUS / "other_01.mp4"))
    other = tmp_path / "other"
    run("ophvl", "run", "discover", "--source", tmp_path / "other.txt", "--out", other)
    refused = run("ophvl", "review", "import", sheet, "--out", other, code=2).stderr
    assert "are not in" in refused

    relented = tmp_path / "relented.csv"
    relented.write_text(sheet.read_text().replace(",wrong,", ",right,"), newline="")
    run("ophvl", "review", "import", relented, "--out", out)
    longer = ("--set", "segment.max_clip_s=15.0", "--set", "segment.correct=true")
    run("ophvl", "build-pairs", "--out", out, *ALONE, *longer)
    assert anatomy(out) == anatomy(built)


def anatomy(out: Path) -> set[tuple[str, ...]]:
    """The affirmed tissues in narrations, each with its context."""
    texts = {
        row["narration_id"]: row["text"]
        for row in pq.read_table(out / "tables" / "narrations").to_pylist()
    }
    return {
        context(row["video_id"], texts[row["text_id"]], row["start"], row["surface"], row["label"])
        for row in pq.read_table(out / "tables" / "attributes").to_pylist()
        if row["kind"] == "anatomy" and row["text_id"] in texts
        if not (row["negated"] or row["hypothetical"])
    }


def context(video_id: str, text: str, start: int, surface: str, label: str) -> tuple[str, ...]:
    """A reading with what stands around it, wherever its narration begins and ends."""
    before, after = text[:start].lower(), text[start + len(surface) :].lower()
    return video_id, before[-8:], surface, after[:8], label


def test_another_model_is_refused_until_repinned(road) -> None:
    other = ("--set", "transcribe.model=base")
    message = run("ophvl", "run", "transcribe", "--out", road.out, *other, code=2).stderr
    assert "--repin" in message
    assert "tiny.en" in message
    run("ophvl", "run", "transcribe", "--out", road.out)  # The refused setting was not kept.


def test_shard_with_an_extra_column_is_refused_by_name(built, tmp_path) -> None:
    out = tmp_path / "out"
    shutil.copytree(built, out)
    path = next((out / "shards").glob("train-*.parquet"))
    rows = pq.read_table(path)
    pq.write_table(rows.append_column("label", [["incision"] * rows.num_rows]), path)
    for command in (("ophvl", "check", "--out", out), ("ophclip", "train", "--shards", out)):
        message = run(*command, code=2).stderr
        assert "label" in message
        assert path.name in message


def test_openai_whisper_fills_the_same_table(tmp_path) -> None:
    copy_videos(tmp_path, "narrated_02")
    (tmp_path / "list.txt").write_text("narrated_02.mp4")
    settings = ("--set", "transcribe.recogniser=openai-whisper", "--set", "transcribe.beam_size=1")
    out = tmp_path / "out"
    run("ophvl", "ingest", "--source", tmp_path / "list.txt", "--out", out, *TINY, *settings)
    rows = pq.read_table(out / "tables" / "transcripts").to_pylist()
    assert {(row["recogniser"], row["model"]) for row in rows} == {("openai-whisper", "tiny.en")}
    assert all(row["words"] for row in rows)
    run("ophvl", "check", "--out", out)
