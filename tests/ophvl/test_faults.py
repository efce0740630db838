"""Faults of the machine end a command with words and code 2; bugs end it with a traceback."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import ophclip.cli
import ophvl.cli
from ophvl.faults import errors_in_words, explain, naming


def test_each_error_of_the_system_says_where_and_what_to_do() -> None:
    for number in (errno.ENOSPC, errno.EROFS, errno.EMFILE, errno.EIO, errno.ELOOP, errno.EACCES):
        message = explain(OSError(number, os.strerror(number), "/data/out"))
        assert message is not None
        assert message.startswith("/data/out: ")
        assert ";" in message
    assert explain(OSError(errno.EIO, "Input/output error", 7)) == explain(OSError(errno.EIO, ""))
    assert explain(OSError("odd")) == "odd; mend this, then run the same command again"


def test_what_libraries_give_in_words_alone_is_understood() -> None:
    rust = RuntimeError('I/O error: No space left on device (os error 28) at path "/data/x"')
    assert (explain(rust) or "").startswith("/data/x: the disk is full")
    arrow = OSError(28, "Error writing bytes to file. Detail: [errno 28] No space left on device")
    assert (explain(arrow) or "").startswith("the disk is full")
    loader = ImportError("libfoo.so: cannot open shared object file: Too many open files")
    assert "ulimit -n" in (explain(loader) or "")
    assert "check the path" in (explain(FileNotFoundError("/data/gone.parquet")) or "")
    assert explain(RuntimeError("a bug")) is None
    assert explain(ImportError("cannot import name 'x'")) is None


def test_a_fault_gets_the_name_of_its_file_also_on_the_way_from_a_worker(tmp_path: Path) -> None:
    def fail(error: Exception) -> str:
        with pytest.raises(OSError) as caught, naming(tmp_path / "written"):  # noqa: PT011
            raise error
        return explain(pickle.loads(pickle.dumps(caught.value))) or ""

    assert fail(OSError(errno.ENOSPC, "No space")).startswith(f"{tmp_path / 'written'}: the disk")
    assert fail(OSError(errno.EIO, "Input/output error", 7)).startswith(f"{tmp_path / 'written'}: ")
    assert fail(OSError(errno.EIO, "Input/output error", "/other")).startswith("/other: ")
    assert fail(ValueError("(os error 28)")).startswith(f"{tmp_path / 'written'}: the disk is full")
    with pytest.raises(KeyError), naming(tmp_path):
        raise KeyError("a bug")


@pytest.mark.parametrize(
    ("error", "code"),
    [(OSError(errno.EIO, "Input/output error"), 2), (RuntimeError("a bug"), None)],
)
def test_a_command_line_ends_with_words_or_with_the_bug(error: Exception, code: int | None) -> None:
    expected: type[BaseException] = SystemExit if code else type(error)
    with pytest.raises(expected) as stop, errors_in_words(extra="train"):
        raise error
    assert getattr(stop.value, "code", None) == code


def test_the_extra_of_the_command_line_is_named() -> None:
    missing = ModuleNotFoundError("No module named 'torch'", name="torch")
    assert "ophvl[train]" in (explain(missing, "train") or "")
    assert "ophvl[curate]" in (explain(missing, "curate") or "")


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("av", "curate"),
        ("yt_dlp.utils", "curate"),
        ("PIL", "curate"),
        ("peft", "train"),
        ("ray", "ray"),
    ],
)
def test_a_missing_package_names_its_extra(module: str, extra: str) -> None:
    message = explain(ModuleNotFoundError(f"No module named '{module}'", name=module))
    assert message is not None
    assert message.endswith(f"pip install 'ophvl[{extra}]'")


def test_a_missing_module_of_ours_is_a_bug() -> None:
    assert explain(ModuleNotFoundError("No module", name="ophvl.nothing")) is None
    assert explain(ModuleNotFoundError("No module", name="unheard_of")) is None


def commands(app: typer.Typer) -> list[list[str]]:
    """Return the words of all commands of an application."""

    def below(command: object, words: list[str]) -> list[list[str]]:
        inner = getattr(command, "commands", None)
        if not inner:
            return [words]
        return [found for name, one in inner.items() for found in below(one, [*words, name])]

    return below(typer.main.get_command(app), [])


ARGUMENTS = {
    "show": ["youtube_x"],
    "run": ["tag"],
    "ingest": ["--source", "list.txt"],
    "discover": ["--terms", "list.txt", "--to", "file/below/list.txt"],
    "annotate": ["file/below.jsonl"],
    "title": ["file/below.jsonl"],
    "import": ["file/below.jsonl"],
    "retry": ["--kind", "network"],
    "train": ["--shards", "file/below"],
    "zero-shot": ["--shards", "file/below", "--checkpoint", "file/below"],
    "embed": ["--shards", "file/below", "--checkpoint", "file/below"],
    "search": ["--embeddings", "file/below", "capsulorhexis"],
    "export": ["--checkpoint", "file/below", "--to", "file/below"],
}
WITHOUT_FILES = ("describe", "doctor", "config")


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (package.__name__.partition(".")[0], words)
        for package in (ophvl.cli, ophclip.cli)
        for words in commands(package.app)
        if words[-1] not in WITHOUT_FILES
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_a_path_below_a_file_ends_every_command_with_words(
    tmp_path: Path, module: str, words: list[str]
) -> None:
    (tmp_path / "file").write_text("content")
    (tmp_path / "list.txt").write_text("nothing.mp4\n")
    out = (
        ["--out", "file/below"]
        if module == "ophvl" and words[-1] not in ("annotate", "title")
        else []
    )
    done = subprocess.run(
        [sys.executable, "-m", module, *words, *ARGUMENTS.get(words[-1], []), *out],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip()


@pytest.mark.parametrize("words", [["stats"], ["ingest", "--source", "list.txt"]])
def test_a_link_to_itself_ends_a_command_with_words(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "list.txt").write_text("nothing.mp4\n")
    (tmp_path / "loop").symlink_to("loop")
    done = subprocess.run(
        [sys.executable, "-m", "ophvl", *words, "--out", "loop"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
