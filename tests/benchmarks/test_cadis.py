"""The CaDIS benchmark: figures by hand and by a slow reference; the left-out video is never trained on."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from benchmarks.cadis import __main__, baselines, corpus, study
from benchmarks.cadis.captions import EMPTY, TEMPLATES, caption, prompt
from benchmarks.cadis.labels import FOLDER, PLAIN, LabelledFrame, read, videos
from benchmarks.cadis.scores import Mean, Pair, mean, random_order
from benchmarks.cadis.study import CHANCE, FREQUENCY, Settings, split
from ophclip.evaluation.metrics import average_precision


def made_up(folder: Path, *, count: int = 3) -> list[LabelledFrame]:
    """Frames of three videos, a plain picture each, half a second apart."""
    frames = []
    for place, (video, number) in enumerate(
        itertools.product(("Video1", "Video2", "Video3"), range(count))
    ):
        path = folder / f"{video}_frame{15 * number:06d}.jpg"
        Image.new("RGB", (96, 54), (20 * place, 90, 120)).save(path)
        shown = frozenset({"Primary Knife"} if number % 2 else {"Suture Needle", "Lens Injector"})
        frames.append(LabelledFrame(path=path, video=video, number=15 * number, instruments=shown))
    return frames


@pytest.fixture
def data() -> Path:
    """The folder with the real frames."""
    folder = os.environ.get("OPHVL_TEST_DATA")
    if not folder:
        pytest.skip("OPHVL_TEST_DATA is not set: it names the folder with the CaDIS frames")
    if not (Path(folder) / FOLDER).is_dir():
        pytest.skip(f"{folder} holds no {FOLDER}")
    return Path(folder)


@pytest.mark.parametrize(("shown", "frames"), [(1, 1), (1, 5), (2, 5), (3, 6), (4, 4)])
def test_random_order_is_the_mean_over_all_orders(shown: int, frames: int) -> None:
    scores = [float(-rank) for rank in range(frames)]
    found = [
        average_precision(scores, [rank in chosen for rank in range(frames)])
        for chosen in itertools.combinations(range(frames), shown)
    ]
    assert random_order(shown, frames) == pytest.approx(sum(found) / len(found))


def test_the_mean_is_over_pairs_and_its_interval_over_videos() -> None:
    pairs = [
        Pair(video=v, instrument=i, shown=1, frames=2, trained=1, precision={"a": value})
        for v, i, value in (
            ("A", "x", 0.2),
            ("A", "y", 0.4),
            ("A", "z", 0.6),
            ("B", "x", 0.8),
            ("C", "x", 0.8),
            ("D", "x", 0.8),
        )
    ]

    def found(some: list[Pair]) -> Mean:
        return mean(some, lambda pair: pair.precision["a"], draws=5000, seed=0)

    assert found(pairs).value == pytest.approx(0.6)
    # Videos are drawn, not pairs: without A it is 0.8; A alone, as likely as 1 in 256, lies outside.
    assert found(pairs).high == pytest.approx(0.8)
    assert found(pairs).low == pytest.approx((3 * 1.2 + 0.8) / 10)
    assert found(pairs[:4]) == Mean(value=pytest.approx(0.5), low=None, high=None)


def test_captions_name_every_instrument_and_prompts_are_none_of_them() -> None:
    said = caption({"Suture Needle", "I/A Handpiece"}, 0)
    assert said == "Here we use an irrigation and aspiration handpiece and a suture needle."
    assert prompt("Suture Needle") == "A suture needle is in the eye."
    assert caption((), 3) == EMPTY[3]
    assert len(EMPTY) == len(TEMPLATES)
    captions = {caption({name}, place) for name in PLAIN for place in range(len(TEMPLATES))}
    assert not captions & {prompt(name) for name in PLAIN}
    assert len(captions) == len(PLAIN) * len(TEMPLATES)


def test_shards_hold_no_frame_of_the_left_out_video(tmp_path: Path) -> None:
    frames = made_up(tmp_path)
    jpegs = corpus.shrink(frames)
    for video in videos(frames):
        seen, asked = split(frames, video)
        assert sorted(seen + asked) == list(range(len(frames)))
        assert {frames[number].video for number in asked} == {video}
        folder = tmp_path / video
        corpus.write(folder, [frames[n] for n in seen], jpegs, captions_each=2, seed=0)
        rows = pq.read_table(folder / "shards").to_pylist()
        assert rows
        assert not [row for row in rows if row["video_id"] == f"cadis_{video.lower()}"]
        held = {picture for row in rows for picture in row["frames"]}
        assert held == {jpegs[frames[number].path] for number in seen}
        assert not held & {jpegs[frames[number].path] for number in asked}


def test_training_reads_no_frame_of_the_left_out_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the whole study: what lies in the folder that `train` is given, and what the probes learn."""
    frames = made_up(tmp_path)
    monkeypatch.setattr(baselines, "has_imagenet", lambda: False)
    read_by_training: list[set[bytes]] = []
    trained_on: list[int] = []

    def train(config, *, shards_folder: Path, **others: object) -> Path:
        rows = pq.read_table(shards_folder / "shards").to_pylist()
        read_by_training.append({picture for row in rows for picture in row["frames"]})
        return real_train(config, shards_folder=shards_folder, **others)

    def probe(seen: torch.Tensor, *others: torch.Tensor, **more: float) -> torch.Tensor:
        trained_on.append(len(seen))
        return real_probe(seen, *others, **more)

    real_train, real_probe = study.train, baselines.probe
    monkeypatch.setattr(study, "train", train)
    monkeypatch.setattr(baselines, "probe", probe)
    settings = dataclasses.replace(Settings(), steps=1)
    study.study(frames, ["Video2", "Video3"], settings, lambda _: None)
    jpegs = corpus.shrink(frames)
    for video, pictures in zip(("Video2", "Video3"), read_by_training, strict=True):
        assert pictures == {jpegs[frame.path] for frame in frames if frame.video != video}
    assert trained_on == [6] * 4


def test_clips_hold_only_near_frames_with_the_same_instruments(tmp_path: Path) -> None:
    frames = made_up(tmp_path, count=9)
    jpegs = corpus.shrink(frames)
    clips = corpus.write(tmp_path, frames, jpegs, captions_each=3, seed=1)
    rows = pq.read_table(tmp_path / "shards").to_pylist()
    assert clips == len(rows) == 3 * len(frames)
    for row in rows:
        times = row["frame_times_s"]
        assert times == sorted(times)
        assert row["start_s"] <= times[0] <= times[-1] < row["end_s"]
        assert {round(2 * time_s) % 2 for time_s in times} in ({0}, {1})  # of one set
        assert times[-1] - times[0] <= 2 * corpus.NEAR_S


def test_the_probe_learns_what_can_be_learnt_and_leaves_the_rest_alone() -> None:
    random_ = torch.Generator().manual_seed(3)
    features = torch.randn(80, 6, generator=random_)
    labels = torch.stack(
        [
            features[:, 0] > 0,
            torch.zeros(80, dtype=torch.bool),
            torch.ones(80, dtype=torch.bool),
        ],
        dim=1,
    )
    logits = baselines.probe(features[:60], labels[:60], features[60:], weight_decay=0.01)
    assert average_precision(logits[:, 0].tolist(), labels[60:, 0].tolist()) > 0.95
    assert not logits[:, 1:].any()


def test_the_optimum_of_the_probe_is_the_same_by_gradient_descent() -> None:
    random_ = torch.Generator().manual_seed(4)
    features = torch.randn(40, 3, generator=random_)
    labels = (features[:, :1] + torch.randn(40, 1, generator=random_)) > 0
    found = baselines.probe(features, labels, features, weight_decay=0.1)[:, 0]
    scaled = (features - features.mean(0)) / features.std(0)
    weight, bias = torch.zeros(3, 1), torch.zeros(1)
    for _ in range(4000):
        wrong = torch.sigmoid(scaled @ weight + bias) - labels.float()
        weight -= 0.5 * (scaled.T @ wrong / 40 + 0.1 * weight)
        bias -= 0.5 * wrong.mean(0)
    assert torch.allclose(found, (scaled @ weight + bias)[:, 0], atol=1e-3)


def test_without_the_data_folder_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPHVL_TEST_DATA", raising=False)
    assert __main__.main([]) == 2
    assert "OPHVL_TEST_DATA" in capsys.readouterr().err
    monkeypatch.setenv("OPHVL_TEST_DATA", str(tmp_path))
    assert __main__.main([]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_the_real_labels(data: Path) -> None:
    frames = read(data)
    assert len(frames) == 240
    assert len(videos(frames)) == 6
    assert frozenset().union(*(frame.instruments for frame in frames)) == PLAIN.keys()


def test_two_real_videos(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPHVL_TEST_DATA", str(data))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    report = tmp_path / "cadis.json"
    assert __main__.main(["--quick", "--json", str(report)]) == 0
    assert not list(temporary.iterdir())  # no checkpoint, no shards
    printed = capsys.readouterr().out
    made = json.loads(report.read_text(encoding="utf-8"))
    assert {pair["video"] for pair in made["pairs"]} == set(__main__.QUICK_VIDEOS)
    for pair in made["pairs"]:
        assert pair["instrument"] in printed
        assert pair["precision"][FREQUENCY] == pytest.approx(
            pair["shown"] / pair["frames"], abs=1e-4
        )
        assert all(0 < value <= 1 for value in pair["precision"].values())
    assert CHANCE in printed
