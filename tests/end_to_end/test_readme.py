"""Every command that the README shows can be typed as it stands, and works."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)

SHORTER = {
    "ophvl ingest": ["--limit", "8"],
    "ophclip train": ["--set", "train.max_steps=4"],
}
"""Commands run as written, but for their length."""


def commands() -> list[str]:
    blocks = "".join(CONSOLE.findall(README))
    return [line[2:] for line in blocks.splitlines() if line.startswith("$ ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with the demo beside it, as in a clone."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "demo").symlink_to(ROOT / "demo")
    return folder


def test_the_four_commands_are_shown() -> None:
    shown = commands()
    for start in ("ophvl ingest", "ophvl build-pairs", "ophvl stats", "ophclip train --shards"):
        assert any(command.startswith(start) for command in shown), start


@pytest.mark.timeout(900)
def test_commands_work_in_their_order(folder) -> None:
    for command in commands():
        extra = [v for start, more in SHORTER.items() if command.startswith(start) for v in more]
        result = subprocess.run(
            ["bash", "-o", "pipefail", "-c", " ".join([command, *map(shlex.quote, extra)])],
            cwd=folder,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, f"$ {command}\n{result.stdout}{result.stderr}"


def test_links_and_pictures_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_the_tree_names_folders_that_exist() -> None:
    tree = re.search(r"^```text\n(schemas/.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert tree
    for line in tree[1].splitlines():
        name = line.split()[0]
        assert (ROOT / name).exists(), name
