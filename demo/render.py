"""Render a corpus of simulated eye-surgery videos: videos, sidecars, labels.parquet and a source list.

    python -m demo.render --seed 7 --narrated 5 --silent 5 --other 1 --out demo/corpus
    python -m demo.render --seed 1234 --silent 12 --out DIR --workers 2      # unseen cases, no voice

The corpus follows from the seed: the same library versions give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from demo.film import SAMPLE_RATE, encode, frames
from demo.labels import label_rows, video_id_of, write_labels
from demo.plan import Sound, VideoKind, VideoPlan, fit_to_speech, make_plan
from demo.titles import make_sidecar
from demo.voice import hum_track, speak, speech_track
from schemas.labels import LabelRow

LIST_HEAD = (
    "# Simulated eye-surgery videos, drawn by demo/render.py (seed {seed}). One file a line."
)


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """One video to render."""

    seed: int
    kind: VideoKind
    index: int
    out: Path


def render_video(job: RenderJob) -> list[LabelRow]:
    """Render one video with its sidecar; return its labels."""
    cv2.setNumThreads(1)  # Videos run side by side, one process each.
    plan = make_plan(job.seed, job.kind, job.index)
    sound = None
    if plan.sound is Sound.SPEECH:
        spoken = speak([step.line for step in plan.steps], plan.rng("voice").randrange(2**31))
        plan = fit_to_speech(plan, [len(line) / SAMPLE_RATE for line in spoken])
        sound = speech_track(plan, spoken)
    elif plan.sound is Sound.HUM:
        sound = hum_track(plan)
    path = job.out / f"{plan.stem}.mp4"
    encode(path, frames(plan), sound)
    write_sidecar(plan, job.out / f"{plan.stem}.info.json")
    return label_rows(plan, video_id_of(path))


def write_sidecar(plan: VideoPlan, path: Path) -> None:
    """Write the video's metadata in yt-dlp's form."""
    text = json.dumps(make_sidecar(plan).fields(), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def render_corpus(
    out: Path, *, seed: int, narrated: int = 0, silent: int = 0, other: int = 0, workers: int = 1
) -> list[Path]:
    """Render a whole corpus into a folder; return the paths of its videos."""
    out.mkdir(parents=True, exist_ok=True)
    counts = {VideoKind.NARRATED: narrated, VideoKind.SILENT: silent, VideoKind.OTHER: other}
    jobs = [
        RenderJob(seed=seed, kind=kind, index=i, out=out)
        for kind, count in counts.items()
        for i in range(count)
    ]
    if workers > 1:
        # Spawned, not forked: a fork would break the threads of OpenCV, ONNX Runtime and Arrow.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
            results = list(pool.map(render_video, jobs))
    else:
        results = [render_video(job) for job in jobs]
    write_labels([row for rows in results for row in rows], out / "labels.parquet")
    names = [f"{job.kind}_{job.index + 1:02d}.mp4" for job in jobs]
    lines = [LIST_HEAD.format(seed=seed), *names]
    (out / "list.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [out / name for name in names]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo.render", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--narrated", type=int, default=0, help="videos with a spoken commentary")
    parser.add_argument("--silent", type=int, default=0, help="videos without speech")
    parser.add_argument("--other", type=int, default=0, help="videos that are not surgery")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    args = parser.parse_args()
    if args.narrated + args.silent + args.other == 0:
        parser.error("nothing to render: give --narrated, --silent or --other")
    paths = render_corpus(
        args.out,
        seed=args.seed,
        narrated=args.narrated,
        silent=args.silent,
        other=args.other,
        workers=args.workers,
    )
    size = sum(path.stat().st_size for path in paths)
    sys.stdout.write(f"{len(paths)} videos, {size / 1e6:.2f} MB, in {args.out}\n")


if __name__ == "__main__":
    main()
