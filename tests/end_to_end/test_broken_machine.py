"""Every command of both packages against paths and disks that fail: code 2 and words, never a traceback.

Commands and their paths are taken from the command lines themselves. A new command needs its line in
`ARGUMENTS`.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import get_type_hints

import pytest
import typer

import ophclip.cli
import ophvl.cli
from tests.commands import Command, run
from tests.media_factory import make_video
from tests.ophclip.shard_factory import (
    phase_labels,
    video_rows,
    write_dataset,
    write_labels,
    write_shard,
)

pytestmark = pytest.mark.release

GOLDEN = Path(__file__).parents[1] / "golden"

APPS = {"ophvl": ophvl.cli, "ophclip": ophclip.cli}
QUICK = ["--workers", "1", "--downloads", "0"]
ARGUMENTS: dict[str, list[str]] = {
    "ophvl annotate": ["narrations.jsonl"],
    "ophvl build-pairs": ["--out", "out", *QUICK[:2]],
    "ophvl check": ["--out", "out"],
    "ophvl config": ["--out", "out"],
    "ophvl describe": ["videos"],
    "ophvl discover": ["--terms", "terms.txt", "--to", "found.txt", "--out", "out",
                       "--search", "http://127.0.0.1:9/?q={terms}"],
    "ophvl doctor": ["--out", "out"],
    "ophvl ingest": ["--source", "list.txt", "--out", "out", *QUICK],
    "ophvl refresh": ["--out", "out", "--older-than", "99999"],
    "ophvl retry": ["--kind", "timeout", "--out", "out", *QUICK],
    "ophvl review export": ["--out", "out"],
    "ophvl review import": ["sheet.csv", "--out", "out"],
    "ophvl run": ["segment..shard", "--out", "out", "--force", *QUICK],
    "ophvl show": ["url_28a53f4b94ca09f4", "--out", "out"],
    "ophvl stats": ["--out", "out"],
    "ophvl status": ["--out", "out"],
    "ophvl title": ["titles.jsonl"],
    "ophclip config": ["--preset", "tiny"],
    "ophclip embed": ["--shards", "data", "--checkpoint", "golden-run", "--to", "embeddings"],
    "ophclip eval zero-shot": ["--labels", "labels.parquet", "--shards", "unseen",
                               "--checkpoint", "golden-run", "--out", "result.json"],
    "ophclip export": ["--to", "exported", "--checkpoint", "golden-run"],
    "ophclip search": ["red tissue", "--shards", "data", "--checkpoint", "golden-run",
                       "--embeddings", "embeddings"],
    "ophclip train": ["--shards", "data", "--out", "runs", "--preset", "tiny",
                      "--set", "model.image_widths=[32, 32, 32, 32]", "--set", "model.image_size=64",
                      "--set", "data.clip_batch=4", "--set", "train.max_steps=2", "--set", "train.threads=1"],
}  # fmt: skip
"""Arguments with which each command does its work in the folder of `workplace`."""


def commands(app: typer.Typer, name: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield the full name and the function of every command of an app."""
    for command in app.registered_commands:
        assert command.callback
        yield f"{name} {command.name or command.callback.__name__}", command.callback
    for group in app.registered_groups:
        assert group.typer_instance
        yield from commands(group.typer_instance, f"{name} {group.name}")


COMMANDS = {
    name: function
    for package, module in APPS.items()
    for name, function in commands(module.app, package)
}


def path_options(command: Callable[..., object]) -> Iterator[str]:
    """Yield the options of a command that take a path; "" stands for its argument."""
    for name, hint in get_type_hints(command, include_extras=True).items():
        if "Path" not in str(hint):
            continue
        parameter = next(m for m in hint.__metadata__ if hasattr(m, "param_decls"))
        if isinstance(parameter, typer.models.ArgumentInfo):
            yield ""
        else:
            declared = [d for d in parameter.param_decls or () if d.startswith("--")]
            yield declared[0] if declared else "--" + name.replace("_", "-")


PATHS = [(name, option) for name, command in COMMANDS.items() for option in path_options(command)]


def _folder(root: Path) -> Path:
    (root / "folder" / "inner").mkdir(parents=True)
    return root / "folder"


def _file(root: Path) -> Path:
    (root / "file").write_bytes(b"\xff\x00 neither text nor a table\n")
    return root / "file"


def _circle(root: Path) -> Path:
    (root / "circle").symlink_to(root / "circle")
    return root / "circle"


SPOILED: dict[str, Callable[[Path], Path]] = {
    "folder": _folder,
    "file": _file,
    "below a file": lambda root: _file(root) / "below",
    "circle": _circle,
    "long": lambda root: root / ("x" * 300),
    "input/output error": lambda root: Path(f"/proc/{os.getpid()}/mem"),
}
"""What stands in a path's place."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command does its work."""
    root = tmp_path_factory.mktemp("work")
    shutil.copytree(GOLDEN / "dataset", root / "out")
    shutil.copytree(GOLDEN / "run", root / "golden-run")
    write_dataset(root / "data")
    write_shard(root / "unseen", video_rows(77, kind="silent", split="test"))
    write_labels(root / "labels.parquet", phase_labels(77))
    make_video(root / "v.mp4", seconds=1.0)
    (root / "list.txt").write_text(f"{root / 'v.mp4'}\n")
    (root / "terms.txt").write_text("phacoemulsification\n")
    (root / "narrations.jsonl").write_text('{"id": 1, "text": "We inject trypan blue."}\n')
    (root / "titles.jsonl").write_text('{"id": 1, "raw_title": "Phacoemulsification"}\n')
    for command in (
        ["ophvl", "status", "--out", "out"],
        ["ophvl", "review", "export", "--out", "out"],
    ):
        run(*command, cwd=root)
    sheet = root / "out" / "review" / "sheet.csv"
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (root / "sheet.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "judgement": "right"} for row in rows)
    sheet.unlink()
    return root


def argv(name: str, option: str = "--", value: object = "") -> list[str]:
    """Return a command with its arguments, those of an option replaced by `value`."""
    given = list(ARGUMENTS[name])
    if option == "--resume":  # A run is continued with its own settings.
        given = given[:2]
    if option == "":
        given[0] = str(value)
    elif option in given:
        given[given.index(option) + 1] = str(value)
    elif option != "--":
        given += [option, str(value)]
    return [*name.split(), *given]


def test_every_command_is_tried() -> None:
    assert ARGUMENTS.keys() == COMMANDS.keys()


@pytest.mark.parametrize("spoiled", SPOILED)
@pytest.mark.parametrize(("name", "option"), PATHS)
def test_a_spoiled_path_is_told_in_words(
    name: str,
    option: str,
    spoiled: str,
    workplace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = SPOILED[spoiled](tmp_path)
    monkeypatch.chdir(workplace)
    monkeypatch.setattr("sys.argv", argv(name, option, path))
    monkeypatch.setattr(ophvl.cli, "end_on_sigterm", lambda: None)
    with pytest.raises(SystemExit) as stop:
        APPS[name.split()[0]].main()
    said = "".join(capsys.readouterr())
    assert stop.value.code in (None, 0, 2, 3), said
    assert stop.value.code != 2 or str(path) in said or str(path.parent) in said


@pytest.fixture(scope="module", params=["full", "read-only"])
def bad_disk(
    request: pytest.FixtureRequest, workplace: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The work folder on a disk that takes nothing more."""
    disk = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if (mounted := subprocess.run(mount, capture_output=True, text=True)).returncode:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.strip()}")
    shutil.copytree(workplace, disk / "work", ignore=shutil.ignore_patterns("found.txt"))
    if request.param == "full":
        with suppress(OSError), (disk / "rest").open("wb", buffering=0) as rest:
            while True:
                rest.write(bytes(2**12))
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    yield disk / "work"
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


WRITERS = frozenset(
    {
        "ophvl build-pairs", "ophvl discover", "ophvl ingest", "ophvl review export", "ophvl review import",
        "ophvl stats", "ophclip embed", "ophclip eval zero-shot", "ophclip export",
        "ophclip train",
    }
)  # fmt: skip
"""Commands that write a file in any case."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_takes_nothing_is_told_in_words(name: str, bad_disk: Path) -> None:
    ended = Command(*argv(name), cwd=bad_disk).end()
    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.returncode in (0, 2), ended
    if name in WRITERS:
        assert ended.returncode == 2
        assert re.search("disk is full.*Make room|disk is read-only; name", ended.stderr)


@pytest.mark.parametrize("name", COMMANDS)
def test_too_few_open_files_are_told_in_words(name: str, workplace: Path, tmp_path: Path) -> None:
    shutil.copytree(workplace, tmp_path / "work")
    ended = Command(*argv(name), cwd=tmp_path / "work", open_files=14).end()
    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.returncode in (0, 2, 3), ended
    if (
        ended.returncode == 2 and name != "ophvl doctor"
    ):  # That finds what lacks, and says so itself.
        assert "ulimit -n" in ended.stderr


BASE_INSTALL = """
import runpy, sys
from importlib import metadata
from ophvl.extras import IMPORT_NAMES, requirements

base = {one.name for one in requirements("")}
extras = metadata.metadata("ophvl").get_all("Provides-Extra")
names = {one.name for extra in extras for one in requirements(extra)} - base
modules = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in modules:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NotInstalled())
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a command as if no extra were installed."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_base_install_names_the_extra_that_a_command_needs(
    name: str, workplace: Path, tmp_path: Path
) -> None:
    shutil.copytree(workplace, tmp_path / "work")
    # A new interpreter: in this one the packages are imported.
    ended = subprocess.run(
        [sys.executable, "-c", BASE_INSTALL, *argv(name)],
        cwd=tmp_path / "work",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    needed = name not in BASE_COMMANDS
    assert ended.returncode == 2 * needed, ended.stderr
    extra = "train" if name.startswith("ophclip") else "curate"
    assert (f"pip install 'ophvl[{extra}]'" in ended.stderr) is (needed and name != "ophvl doctor")


BASE_COMMANDS = frozenset(
    f"ophvl {name}"
    for name in ("check", "config", "describe", "show", "status", "retry", "review import")
)
"""Commands that need no extra."""
