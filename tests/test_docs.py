"""What the documents name is there: files of the repository, commands and their options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from ophclip.cli import app as ophclip
from ophvl.cli import app as ophvl

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MADE = ("out/", "review/")
"""Folders that commands write."""
FILE = re.compile(r"`([\w./-]+/[\w.-]+\.(?:py|toml|tsv|md|json|jsonl|sh))`")
COMMAND = re.compile(r"`((?:ophvl|ophclip) [a-z][^`]*)`")
MODULE = re.compile(r"python -m ((?:benchmarks|demo)[\w.]*)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    if document.name == "README.md":
        assert FILE.search(text)
        assert COMMAND.search(text)
    files = {name for name in FILE.findall(text) if not name.startswith(MADE)}
    missing = {n for n in files if not any((at / n).exists() for at in (ROOT, document.parent))}
    modules = {name.replace(".", "/") for name in MODULE.findall(text)}
    missing |= {
        m
        for m in modules
        if not (ROOT / m / "__main__.py").exists() and not (ROOT / f"{m}.py").exists()
    }
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_in_a_document_have_the_options_that_it_gives_them(document: Path) -> None:
    for shown in COMMAND.findall(document.read_text(encoding="utf-8")):
        program, *words = shlex.split(shown)
        command = typer.main.get_command({"ophvl": ophvl, "ophclip": ophclip}[program])
        while words and words[0].rstrip(",") in getattr(command, "commands", {}):
            command = command.commands[words.pop(0).rstrip(",")]
        known = {"--help", *(option for parameter in command.params for option in parameter.opts)}
        given = {word.rstrip(",") for word in words if word.startswith("-")}
        assert given <= known, shown
