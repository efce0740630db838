"""The command line as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from ophclip.cli import main
from schemas.shards import SHARDS
from tests.commands import run
from tests.ophclip.shard_factory import (
    jpeg,
    phase_labels,
    video_rows,
    write_dataset,
    write_labels,
    write_shard,
)

SMALL = [
    "--preset", "tiny",
    "--set", "model.image_widths=[32, 32, 32, 32]",
    "--set", "model.image_size=64",
    "--set", "data.clip_batch=4",
    "--set", "train.max_steps=2",
    "--set", "train.threads=1",
]  # fmt: skip


def fail(capsys, monkeypatch, *arguments):
    """Run in this process; return the error text of a run that ends with code 2."""
    monkeypatch.setattr(sys, "argv", ["ophclip", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a trained run, in which commands find it by default."""
    folder = tmp_path_factory.mktemp("cli")
    write_dataset(folder / "data")
    done = run("ophclip", "train", "--shards", "data", *SMALL, cwd=folder)
    assert "step 2/2" in done.stdout  # Plain lines where there is no terminal.
    return folder


def test_help_loads_neither_torch_nor_pyarrow():
    code = (
        "import sys\nfrom ophclip.cli import main\nsys.argv = ['ophclip', '--help']\n"
        "try:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'torch', 'pyarrow', 'pydantic', 'transformers', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
    assert "eval" in done.stdout


def test_config_prints_each_setting_with_its_origin(capsys, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["ophclip", "config", "--preset", "paper", "--set", "optim.lr=1e-4"]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    text = capsys.readouterr().out
    assert "lr = 0.0001  (--set optim.lr=1e-4)" in text
    assert "clip_batch = 120 items  (preset paper)" in text
    assert "seed = 0  (default)" in text
    unknown = fail(capsys, monkeypatch, "config", "--preset", "huge")
    assert "there are tiny, paper" in unknown


def test_evaluation_takes_the_newest_run_says_so_and_writes_what_it_did(place):
    write_shard(place / "unseen", video_rows(77, kind="silent", split="test"))
    labels = write_labels(place / "labels.parquet", phase_labels(77) + phase_labels(1))
    done = run("ophclip", "eval", "zero-shot", "--labels", labels, "--shards", "unseen", cwd=place)
    (trained,) = (place / "runs").iterdir()
    assert f"{trained.name}/checkpoints/step-00000002" in done.stdout
    assert "trained on them: file_0000000000000001" in done.stdout
    (written,) = (trained / "eval").iterdir()
    result = json.loads(written.read_text(encoding="utf-8"))
    assert result["protocol"] == "zero-shot-phase/1"
    for name in ("prompts_sha256", "labels_sha256", "checkpoint_sha256", "shards_sha256"):
        assert len(result[name]) == 64
    assert result["scores"]["frames"] == 12
    assert sum(map(sum, result["scores"]["confusion"])) == 12


def test_resume_continues_and_takes_no_other_settings(place, capsys, monkeypatch):
    (trained,) = (place / "runs").iterdir()
    done = run("ophclip", "train", "--shards", "data", "--resume", trained, cwd=place)
    assert "step-00000002" in done.stdout  # Nothing was left to do.
    text = fail(
        capsys, monkeypatch, "train", "--shards", "x", "--resume", trained, "--set", "a.b=1"
    )
    assert "leave out" in text


def test_the_preset_is_chosen_and_explained(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    fail(capsys, monkeypatch, "train", "--shards", tmp_path / "none", "--out", tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["ophclip", "train", "--shards", "none", "--out", str(tmp_path)]
    )
    with pytest.raises(SystemExit):
        main()
    assert "preset tiny: there is no CUDA GPU" in capsys.readouterr().out


def test_user_faults_end_with_code_2_and_a_clear_line(tmp_path, capsys, monkeypatch):
    def train_fails(*arguments):
        return fail(capsys, monkeypatch, "train", *arguments, "--out", tmp_path / "runs")

    assert "no *.parquet files" in train_fails("--shards", tmp_path, *SMALL)
    data = write_dataset(tmp_path / "data")
    assert "did you mean 'lr'" in train_fails("--shards", data, "--set", "optim.lrr=1")
    assert "no preset 'huge'" in train_fails("--shards", data, "--preset", "huge")
    assert "no config.toml" in train_fails("--shards", data, "--resume", tmp_path / "nowhere")
    unknown = train_fails("--shards", data, *SMALL, "--set", "model.text_encoder=/no/such/model")
    assert "cannot load the encoder '/no/such/model'" in unknown


def test_bad_shards_end_with_code_2(tmp_path, capsys, monkeypatch):
    path = write_shard(tmp_path / "extra", video_rows(1))
    table = pq.read_table(path)
    extra = table.append_column("mood", pa.array(["calm"] * table.num_rows))
    pq.write_table(extra.replace_schema_metadata(SHARDS.arrow.metadata), path)
    arguments = ("--out", tmp_path / "runs", *SMALL)
    text = fail(capsys, monkeypatch, "train", "--shards", tmp_path / "extra", *arguments)
    assert str(path) in text
    assert "mood: extra column" in text

    rows = video_rows(1)
    rows[1].frames[:] = [jpeg((1, 2, 3))[:-40]] * 4
    write_shard(tmp_path / "corrupt", rows)
    text = fail(capsys, monkeypatch, "train", "--shards", tmp_path / "corrupt", *arguments)
    assert rows[1].pair_id in text
    assert "train-00000.parquet" in text


def test_evaluation_without_a_checkpoint_ends_with_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = fail(capsys, monkeypatch, "eval", "zero-shot", "--labels", "x", "--shards", "y")
    assert "no checkpoint in runs" in text


def test_a_missing_option_ends_with_code_2(capsys, monkeypatch):
    assert "--shards" in fail(capsys, monkeypatch, "train")
