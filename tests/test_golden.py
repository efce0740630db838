"""What an earlier version wrote is read as it was: no stage runs again, no checkpoint is refused.

`tests/golden/README.md` tells how the files were made.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from ophclip.config import change
from ophclip.inference import pretrained
from ophclip.training.loop import train
from ophclip.training.settings import paper, read_run_config, tiny
from ophvl.cli import app
from ophvl.config import fingerprint_values, resolve
from ophvl.dataset.ledger import EntryOutcome, fingerprint
from ophvl.dataset.store import Store
from pipelines import wiring
from pipelines.registry import MODULES, load_stages, settings_classes
from schemas.catalogue import TABLES
from tests.ophclip.shard_factory import small_config, write_dataset

GOLDEN = Path(__file__).with_name("golden")
FINGERPRINTS = json.loads((GOLDEN / "fingerprints.json").read_text())
LOSSES = json.loads((GOLDEN / "losses.json").read_text())


@pytest.mark.parametrize("spec", load_stages(), ids=lambda spec: spec.name)
def test_fingerprints_stay(spec):
    known = FINGERPRINTS["stages"][spec.name]
    # Later versions cut rows at max_clip_s, keep accents, and read file names and more words.
    earlier = {"segment": 3, "tag": 3, "title": 2}
    spec = replace(spec, version=earlier.get(spec.name, spec.version))
    if spec.name == "title":  # It declared columns that it did not use.
        unused = ("webpage_url", "channel", "channel_id", "channel_handle")
        publications = (*spec.reads["publications"], *unused)
        spec = replace(spec, reads={**spec.reads, "publications": publications})
    if spec.name == "download":  # Version 4 reads the time stamps of files too; nothing is fetched.
        ports = {name: port for name, port in spec.ports.items() if name != "speech"}
        spec = replace(spec, version=3, ports=ports)
    inputs = {
        table: dict.fromkeys((c for c in columns if c not in TABLES[table].later_columns), "0" * 16)
        for table, columns in spec.reads.items()
    }
    revisions = dict.fromkeys(spec.ports, "r")
    for name, overrides in (("default", ()), ("changed", FINGERPRINTS["changed"])):
        config = resolve(settings_classes(), overrides=overrides)[spec.name]
        assert fingerprint(spec, config, revisions, inputs) == known[name], name
    assert fingerprint_values(resolve(settings_classes())[spec.name]) == known["settings"]


def test_revisions_of_packaged_tools_stay(tmp_path):
    configs = resolve(settings_classes())
    stage_of = {"hot_words": "transcribe", "codes": "tag"}
    for name, revision in FINGERPRINTS["revisions"].items():
        config = configs[stage_of.get(name, "segment")]
        assert getattr(wiring, name)(config, tmp_path).revision == revision, name


def test_tables_of_the_earlier_version_stay():
    for name, known in json.loads((GOLDEN / "schemas.json").read_text()).items():
        if name == "sources":  # Version 3: table `line_videos` takes the place of two columns.
            known["version"] = 3
            del known["columns"]["units"], known["columns"]["folded_videos"]
        spec = TABLES[name]
        columns = {
            field.name: [str(field.type), field.nullable]
            for field in spec.arrow
            if field.name not in spec.later_columns
        }
        version = spec.version if not spec.later_columns else known["version"]
        assert (version, list(spec.primary_key)) == (known["version"], known["key"]), name
        assert columns == known["columns"], name


def test_a_folder_reduced_to_proxies_is_opened_and_only_its_texts_are_read_anew(tmp_path):
    folder = tmp_path / "dataset"
    shutil.copytree(GOLDEN / "dataset", folder)
    before = {name: Store(folder, load_stages()).entries(name) for name in MODULES}
    assert all(before.values())
    lines = before.pop("discover")
    result = CliRunner().invoke(app, ["run", "admit..shard", "--out", str(folder)])
    assert result.exit_code == 0, result.output
    assert "brought 2 source lines to the form of this version" in result.output
    upgraded = Store(folder, load_stages()).entries("discover")
    assert {u: (upgraded[u].fingerprint, upgraded[u].at) for u in lines} == {
        unit: (entry.fingerprint, entry.at) for unit, entry in lines.items()
    }
    after = {name: Store(folder, load_stages()).entries(name) for name in before}
    redone = [(s, u) for s in before for u in before[s] if after[s][u] != before[s][u]]
    # Their rows did not change: nothing is fetched, and nothing after them is redone.
    assert redone == [
        (s, unit) for s in ("download", "segment", "tag", "title") for unit in before[s]
    ]
    assert {e.outcome for of_stage in after.values() for e in of_stage.values()} == {
        EntryOutcome.EMITTED
    }
    result = CliRunner().invoke(app, ["check", "--out", str(folder)])
    assert result.exit_code == 0, result.output


def test_presets_and_a_checkpoint_of_the_earlier_version_load(tmp_path):
    assert read_run_config(GOLDEN / "tiny.toml") == tiny()
    assert read_run_config(GOLDEN / "paper.toml") == paper()
    model = pretrained.read(GOLDEN / "run", device="cpu").model
    assert torch.isfinite(model.embed_texts(["capsulorhexis"], "clip")).all()


def test_a_run_of_the_earlier_version_is_resumed_as_it_would_have_gone_on(tmp_path):
    run = tmp_path / "run"
    shutil.copytree(GOLDEN / "run", run)
    config = change(read_run_config(run / "config.toml"), overrides=["train.max_steps=6"])
    train(
        config, shards_folder=write_dataset(tmp_path / "data"), run=run, preset="tiny", resume=True
    )
    assert_metrics(run, (GOLDEN / "resumed.jsonl").read_text())


@pytest.mark.parametrize("name", LOSSES["variants"])
def test_losses_stay(name, tmp_path):
    known = LOSSES["variants"][name]
    config = small_config(*LOSSES["small"], *known["overrides"])
    run = tmp_path / "run"
    train(config, shards_folder=write_dataset(tmp_path / "data"), run=run, preset="tiny")
    assert_metrics(run, "\n".join(map(json.dumps, known["losses"])))


def assert_metrics(run: Path, wanted: str) -> None:
    """Each step's metrics are those known, but for rounding that differs between processors."""
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    known = [json.loads(line) for line in wanted.splitlines()]
    assert len(found) == len(known)
    for one, other in zip(found, known, strict=True):
        for name, value in other.items():
            if isinstance(value, float):
                rel, least = (5e-2, 5e-2) if name == "gradient_norm" else (2e-3, 1e-3)
                exact = name == "lr"
                assert one[name] == pytest.approx(
                    value, rel=1e-9 if exact else rel, abs=0.0 if exact else least
                ), name
        assert one.keys() == other.keys()
