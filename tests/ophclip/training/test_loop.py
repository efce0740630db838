"""Training on small real shards: exact resume, bank, left-out parts, a loss that is not finite."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from typing import Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from transformers import AutoModel, ResNetConfig

from ophclip.data.corpus import Corpus
from ophclip.data.shards import open_shards
from ophclip.errors import CheckpointError, ConfigError, DataError, TrainingError
from ophclip.model import weights
from ophclip.model.dual_encoder import OphCLIP
from ophclip.training.distributed import ProcessGroup
from ophclip.training.loop import train
from ophclip.training.settings import SECTIONS
from ophclip.training.terms.retrieval import Retrieval
from ophclip.training.trainer import Trainer
from schemas.vocab import Level
from tests.ophclip.shard_factory import small_config, video_rows, write_dataset, write_shard


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("train"))


def losses_of(run):
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [(entry["step"], entry["loss"]) for entry in map(json.loads, lines)]


def run_training(config, root, run, **options):
    return train(config, shards_folder=root, run=run, preset="tiny", **options)


class Stop(Exception):
    """Ends a run from outside, as a power cut would."""


@pytest.mark.parametrize(
    "settings",
    [
        ("model.text_trainable_layers=0",),
        ("model.text_trainable_layers=1", "train.ema_decay=0.9", "data.chunk=2"),
        ("loss.carry_weight=0.5", "carry.windows=4", "bank.form=joined", "bank.learns=true"),
        ("train.precision=fp16", "bank.choice=random", "bank.form=fused"),
        ("loss.phase_weight=0.5", "data.phase_batch=3"),
    ],
    ids=["frozen texts", "dropout, average and chunks", "two banks", "loss scale", "runs"],
)
def test_resume_is_exact_to_the_bit(root, tmp_path, monkeypatch, settings):
    config = small_config("train.checkpoint_every=3", "loss.same_text_cosine=1.0", *settings)
    whole = run_training(config, root, tmp_path / "whole")

    plain_step = Trainer.step

    def failing_step(self, step, level, batch):
        if step == 5:
            raise Stop
        return plain_step(self, step, level, batch)

    monkeypatch.setattr(Trainer, "step", failing_step)
    with pytest.raises(Stop):
        run_training(config, root, tmp_path / "cut")
    monkeypatch.undo()
    torch.manual_seed(12345)  # A new process would stand elsewhere, too.
    resumed = run_training(config, root, tmp_path / "cut", resume=True)

    assert losses_of(tmp_path / "cut") == losses_of(tmp_path / "whole")
    assert [step for step, _ in losses_of(tmp_path / "cut")] == list(range(8))
    for name in ("model.safetensors", "training.safetensors"):
        first = weights.load_tensors(whole / name)
        second = weights.load_tensors(resumed / name)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_training_learns_and_the_bank_takes_part(root, tmp_path):
    config = small_config("train.max_steps=30", "optim.lr=3e-3")
    run_training(config, root, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    clips = [entry["loss"] for entry in entries if entry["level"] == "clip"]
    assert sum(clips[-5:]) < 0.8 * sum(clips[:5])
    videos = [entry for entry in entries if entry["level"] == "video"]
    assert "loss_retrieval" not in videos[0]  # The bank is empty at first.
    assert "loss_retrieval" in videos[-1]
    assert videos[-1]["bank_filled"] == 1.0
    assert 0 < videos[-1]["bank_age"] < 10
    assert any((tmp_path / "run" / "tensorboard").iterdir())


def test_only_split_train_is_trained_on(root, tmp_path):
    write_shard(tmp_path, [row for i in (1, 2) for row in video_rows(i)])
    for number, split in ((3, "val"), (4, "test")):
        write_shard(tmp_path, video_rows(number, split=split), name=f"{split}-00000")
    corpus = Corpus.select(open_shards(tmp_path, cached_groups=1))
    assert corpus.video_ids == tuple(f"file_{i:016x}" for i in (1, 2))
    assert len(corpus.clips) == 6


def test_without_silent_videos_retrieval_goes_off_with_a_message(tmp_path):
    lines = []
    data = write_dataset(tmp_path / "data", silent=0)
    run_training(small_config("train.max_steps=4"), data, tmp_path / "run", log=lines.append)
    assert any("retrieval is off: 0 silent videos" in line for line in lines)
    assert len(losses_of(tmp_path / "run")) == 4


def test_without_titles_the_video_level_goes_off_with_a_message(tmp_path):
    lines = []
    rows = [dataclasses.replace(row, title=None) for i in (1, 2) for row in video_rows(i)]
    write_shard(tmp_path / "data", rows)
    config = small_config("train.max_steps=4")
    run_training(config, tmp_path / "data", tmp_path / "run", log=lines.append)
    assert any("no video level" in line for line in lines)
    text = (tmp_path / "run" / "metrics.jsonl").read_text(encoding="utf-8")
    assert '"video"' not in text


def test_small_batches_and_remainders_are_told(root, tmp_path):
    lines = []
    config = small_config("data.video_batch=64", "train.max_steps=1")
    run_training(config, root, tmp_path, log=lines.append)
    assert any("batches of 7 instead of 64" in line for line in lines)
    assert any("leaves out 2 of 12 clip rows" in line for line in lines)
    assert not any("only" in line and "clip rows" in line for line in lines)


def test_no_clips_is_an_error(tmp_path):
    write_dataset(tmp_path / "data", narrated=0)
    with pytest.raises(DataError, match="0 clip row"):
        run_training(small_config(), tmp_path / "data", tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(root, tmp_path, monkeypatch):
    plain = OphCLIP.project_images

    def poisoned(self, features, level):
        return plain(self, features, level) * float("nan")

    monkeypatch.setattr(OphCLIP, "project_images", poisoned)
    with pytest.raises(TrainingError, match=r"not finite at step 0 .*first pairs file_.*optim\.lr"):
        run_training(small_config(), root, tmp_path)
    assert weights.checkpoints(tmp_path) == []


def test_resuming_with_other_shards_is_refused(root, tmp_path):
    run_training(small_config("train.max_steps=1"), root, tmp_path / "run")
    other = write_dataset(tmp_path / "other", first=50)
    with pytest.raises(CheckpointError, match="other shards"):
        run_training(small_config("train.max_steps=1"), other, tmp_path / "run", resume=True)


def test_resuming_with_other_videos_in_the_banks_is_refused(root, tmp_path, monkeypatch):
    config = small_config("train.max_steps=1", "loss.carry_weight=0.5")
    saved = run_training(config, root, tmp_path)
    state, _ = weights.read(saved)
    assert state.bank_videos == tuple(f"file_{i:016x}" for i in (5, 6, 7))  # No narrated one.
    monkeypatch.setattr(Trainer, "bank_videos", ("other",))
    with pytest.raises(CheckpointError, match="hold 3 silent videos that are not the 1"):
        run_training(config, root, tmp_path, resume=True)


def test_an_unknown_device_is_refused(root, tmp_path):
    with pytest.raises(ConfigError, match=r"train\.device"):
        run_training(small_config("train.device=abacus"), root, tmp_path)


def test_the_logit_scale_stays_below_its_limit(root):
    config = small_config("model.max_logit_scale=14.3")
    trainer = Trainer(
        config,
        Corpus.select(open_shards(root, cached_groups=1)),
        preset="tiny",
        log=lambda _: None,
        group=ProcessGroup(device=torch.device("cpu")),
    )
    with torch.no_grad():
        trainer.model.log_scales["clip"].fill_(50.0)
    trainer.step(0, Level.CLIP, next(trainer.stream(Level.CLIP, 0)))
    assert float(trainer.model.log_scales["clip"].detach().exp()) <= 14.3001


@pytest.mark.parametrize("titles", [True, False])
def test_silent_videos_are_in_the_video_batches_only_with_their_titles(root, titles):
    corpus = Corpus.select(open_shards(root, cached_groups=1))
    trainer = Trainer(
        small_config(f"loss.silent_titles={str(titles).lower()}"),
        corpus,
        preset="tiny",
        log=lambda _: None,
        group=ProcessGroup(device=torch.device("cpu")),
    )
    silent = corpus.titled_silent_videos if titles else ()
    assert trainer.batches[Level.VIDEO].rows == (*corpus.videos, *silent)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_comes_with_what_it_needs(root, tmp_path, precision):
    """fp16 without a loss scale loses small gradients."""
    whole, half = (
        small_config("train.max_steps=4", f"train.precision={kind}") for kind in ("fp32", precision)
    )
    run_training(whole, root, tmp_path / "whole")
    saved = run_training(half, root, tmp_path / "half")
    names = weights.load_tensors(saved / "training.safetensors")
    assert ("scaler/scale" in names) == (precision == "fp16")
    first, second = losses_of(tmp_path / "whole"), losses_of(tmp_path / "half")
    assert [loss for _, loss in second] == pytest.approx([loss for _, loss in first], rel=0.1)


def test_the_average_is_what_is_evaluated_and_the_raw_weights_go_on(root, tmp_path):
    config = small_config("train.ema_decay=0.9")
    saved = run_training(config, root, tmp_path)
    averaged = weights.load_tensors(saved / "model.safetensors")
    training = weights.load_tensors(saved / "training.safetensors")
    name = "image_heads.clip.weight"
    assert not torch.equal(averaged[name], training[f"raw/{name}"])


def test_what_is_only_looked_at_teaches_batchnorm_nothing(root, tmp_path):
    network = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    AutoModel.from_config(network).save_pretrained(tmp_path / "resnet")
    config = small_config(
        f"model.image_encoder={tmp_path / 'resnet'}", "model.freeze_batchnorm=false"
    )
    corpus = Corpus.select(open_shards(root, cached_groups=4))
    trainer = Trainer(
        config, corpus, preset="tiny", log=print, group=ProcessGroup(device=torch.device("cpu"))
    )
    before = {name: value.clone() for name, value in trainer.model.named_buffers()}
    trainer.term(Retrieval).refresh(0)
    trainer._centre_images()
    after = dict(trainer.model.named_buffers())
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("running_mean" in name for name in before)
    assert changed == {"image_centre"}


def test_neither_importing_nor_training_leaves_a_switch_behind(root, tmp_path):
    code = (
        "import os, sys; before = dict(os.environ)\n"
        "from pathlib import Path\n"
        "import torch\n"
        "import ophclip.cli, ophclip.evaluation.report, ophclip.evaluation.zero_shot\n"
        "import ophclip.inference.embed, ophclip.inference.export\n"
        "from ophclip.training.loop import train\n"
        "from tests.ophclip.shard_factory import small_config\n"
        "data, run = map(Path, sys.argv[1:])\n"
        "train(small_config('train.max_steps=1'), shards_folder=data, run=run, preset='tiny')\n"
        "new = {name for name in os.environ if os.environ[name] != before.get(name)}\n"
        "assert not [name for name in new if 'OFFLINE' in name], new\n"
        "assert not torch.is_anomaly_enabled()\n"
    )
    clean = {name: value for name, value in os.environ.items() if "OFFLINE" not in name}
    subprocess.run([sys.executable, "-c", code, root, tmp_path / "run"], env=clean, check=True)


def test_the_rate_of_a_whole_run_ends_at_its_share(root, tmp_path, monkeypatch):
    shares, plain_step = [], Trainer.step

    def spied(self, step, level, batch):
        told = plain_step(self, step, level, batch)
        shares.append([group["lr"] / group["highest_lr"] for group in self.optimiser.param_groups])
        return told

    monkeypatch.setattr(Trainer, "step", spied)
    settings = ("train.epochs=2", "train.max_steps=0", "optim.final_lr_share=0.1")
    run_training(small_config(*settings), root, tmp_path)
    assert len(shares) == 4 + 3  # 12 clips in fives, twice; a video step between each two.
    assert max(map(max, shares)) == 1.0
    assert shares[-1] == pytest.approx([0.1] * len(shares[-1]))


CHOICES = [
    f"{section}.{name}={choice}"
    for section, kind in SECTIONS.items()
    for name, expected in get_type_hints(kind).items()
    if get_origin(expected) is Literal and name != "lora_on"  # tests/ophclip/model/test_encoders.py
    for choice in get_args(expected)
]


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_can_be_trained_with(root, tmp_path, choice):
    base = ("train.max_steps=6", "bank.learns=true", "loss.carry_weight=0.5", "carry.windows=4")
    run_training(small_config(*base, choice), root, tmp_path)
    assert len(losses_of(tmp_path)) == 6


def test_validation_rows_leave_no_trace_in_the_weights(tmp_path):
    network = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    AutoModel.from_config(network).save_pretrained(tmp_path / "resnet")
    config = small_config(
        f"model.image_encoder={tmp_path / 'resnet'}",
        "model.freeze_batchnorm=false",
        "train.max_steps=4",
    )
    made = []
    for name in ("without", "with"):
        data = write_dataset(tmp_path / name)
        if name == "with":  # It sorts behind the training rows, which keep their file and group.
            write_shard(data, video_rows(40, split="val"), name="val-00000")
        saved = run_training(config, data, tmp_path / f"run-{name}")
        made.append(weights.load_tensors(saved / "model.safetensors"))
    assert all(torch.equal(made[0][key], made[1][key]) for key in made[0])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["bank.enabled=false"], "retrieval is off: bank.enabled is false"),
        (["loss.retrieval_weight=0.0"], "retrieval is off: loss.retrieval_weight is 0"),
        (
            ["train.video_steps=0"],
            "fewer than 2 videos with a title, or video_steps = 0: no video level",
        ),
        (
            ["bank.enabled=false", "loss.silent_titles=false"],
            "no term learns from the 3 silent videos; bank.enabled, loss.carry_weight and "
            "loss.silent_titles would use them",
        ),
    ],
)
def test_what_is_left_unused_is_told_with_its_reason(root, tmp_path, settings, told):
    lines = []
    run_training(small_config("train.max_steps=1", *settings), root, tmp_path, log=lines.append)
    assert told in lines
    unused = any("no term learns from" in line for line in lines)
    # Without a video level their titles are of no use either.
    assert unused == ("loss.silent_titles=false" in settings or "train.video_steps=0" in settings)


def test_the_middle_level_is_told_and_learnt_where_there_are_runs(root, tmp_path):
    told = []
    config = small_config("loss.phase_weight=0.5", "train.log_every=1")
    run_training(config, root, tmp_path / "some", log=told.append)
    assert "4 runs of two or more narrations of one phase" in told
    lines = (tmp_path / "some" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert all(("loss_phase" in entry) == (entry["level"] == "clip") for entry in found)

    rows = [dataclasses.replace(row, attributes=[]) for n in (1, 2, 3) for row in video_rows(n)]
    write_shard(tmp_path / "none", rows)
    told.clear()
    run_training(config, tmp_path / "none", tmp_path / "run", log=told.append)
    assert "0 runs of two or more narrations of one phase: no middle level" in told


def test_silent_windows_are_found_where_pictures_lie_far_apart(root, tmp_path):
    config = small_config(
        "loss.carry_weight=0.5",
        "carry.windows=4",
        "carry.window_s=0.1",
        "model.context_layers=1",
        "data.context=1",
    )
    run_training(config, root, tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert any("loss_carry" in json.loads(line) for line in lines)
