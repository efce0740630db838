"""Thirty kills with real Whisper: nothing is lost, nothing finished is done twice.

    python -m benchmarks.ingest.resume [--kills 30] [--videos 40] [--seed 1]

Makes short videos in which a synthetic voice speaks, ingests them uninterrupted, then once more into another
folder with SIGKILL at random instants, and compares the two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks.ingest.killed import differences, kill_and_resume, random_instants, redone
from demo.film import SAMPLE_RATE
from demo.voice import speak
from pipelines.registry import load_stages

SENTENCES = (
    "The main incision is made at the limbus.",
    "Now the capsule is opened with the forceps.",
    "The nucleus is cracked into two halves.",
    "The lens is injected into the bag.",
    "Viscoelastic is washed out behind the lens.",
)


def command(source: Path, out: Path) -> list[str]:
    """Ingest with the smallest Whisper."""
    settings = ["--set", "transcribe.model=tiny.en", "--set", "transcribe.beam_size=1"]
    return [
        *(sys.executable, "-m", "ophvl", "ingest", "--source", str(source), "--out", str(out)),
        *settings,
    ]


def measure(folder: Path, *, videos: int, kills: int, seed: int) -> Iterator[str]:
    """Make the videos, ingest them uninterrupted and with kills, and compare."""
    source = _make(folder, videos)
    calm, killed = folder / "calm", folder / "killed"
    started = time.monotonic()
    for _ in kill_and_resume(command(source, calm), calm, load_stages(), instants=()):
        raise AssertionError
    calm_s = time.monotonic() - started
    yield f"{videos} videos, uninterrupted: {calm_s:.1f} s"
    instants = random_instants(kills, 8 * videos // kills, seed)
    started = time.monotonic()
    ledgers = list(
        kill_and_resume(command(source, killed), killed, load_stages(), instants=instants)
    )
    transcripts = [sum(stage == "transcribe" for stage, _ in ledger) for ledger in ledgers]
    yield f"{kills} kills, transcripts after each: {', '.join(map(str, transcripts))}"
    wrong = [*redone(ledgers, killed, load_stages()), *differences(killed, calm, load_stages())]
    yield from wrong
    yield (
        f"{time.monotonic() - started:.1f} s in all; {len(wrong)} unit(s) done twice, tables that differ or "
        "files left behind"
    )


def _make(folder: Path, count: int) -> Path:
    """Make videos of a few seconds with the sentences, each a little later than in the last; list them."""
    spoken = speak(SENTENCES, seed=1)
    videos = folder / "videos"
    videos.mkdir()
    for number in range(count):
        late = np.zeros(SAMPLE_RATE * (number + 1) // 20, np.int16)
        sound = np.concatenate([late, spoken[number % len(spoken)]])
        _write(videos / f"case_{number:03d}.mp4", sound)
    source = folder / "list.txt"
    source.write_text(f"{videos}\n")
    return source


def _write(path: Path, sound: NDArray[np.int16]) -> None:
    with av.open(str(path), "w") as container:
        video = container.add_stream("h264", rate=5)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        picture = np.full((48, 64, 3), 120, np.uint8)
        for _ in range(1 + 5 * len(sound) // SAMPLE_RATE):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode(None))
        for start in range(0, len(sound), 1024):
            block = sound[start : start + 1024].astype(np.float32)[None, :] / 32768
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), "fltp", "mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def main(arguments: Sequence[str]) -> int:
    """Print the measurements; return 1 if anything was lost, done twice or left behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--videos", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    last = ""
    with tempfile.TemporaryDirectory(prefix="resume-") as folder:
        for last in measure(
            Path(folder), videos=options.videos, kills=options.kills, seed=options.seed
        ):
            print(last, flush=True)
    return int("; 0 unit(s)" not in last)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
