"""Whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.atomic_io import PARTIAL, replacing, replacing_folder, write_text


def test_text_replaces_text(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    for text in ("one", "zwei ä"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_broken_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")

    def write() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            assert temporary.name.endswith(PARTIAL)
            assert temporary.parent == tmp_path
            assert path.read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_a_folder_whole(tmp_path: Path) -> None:
    path = tmp_path / "shards"
    for name in ("one", "two"):
        with replacing_folder(path) as temporary:
            (temporary / name).write_text(name)
            assert list(temporary.iterdir()) == [temporary / name]
        assert [p.name for p in path.iterdir()] == [name]
    assert list(tmp_path.iterdir()) == [path]


def test_a_broken_folder_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "shards"
    with replacing_folder(path) as temporary:
        (temporary / "one").write_text("one")

    def write() -> None:
        with replacing_folder(path) as temporary:
            (temporary / "two").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert [p.name for p in path.iterdir()] == ["one"]
    assert list(tmp_path.iterdir()) == [path]
