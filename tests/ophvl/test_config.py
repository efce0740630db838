"""Settings: later sources win, and what does not fit is refused where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from ophvl.config import deciding, effort, resolve, to_toml
from ophvl.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Pair:
    min_score: float = 0.3
    frames: int = 8
    level: Literal["clip", "video"] = "clip"
    words: tuple[str, ...] = ("a", "b")
    limit: int | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise ValueError("frames must be at least 1")


@dataclass(frozen=True, kw_only=True)
class Tag:
    pass


SECTIONS = {"pair": Pair, "tag": Tag}


def resolved(*overrides: str, files: tuple[Path, ...] = ()) -> Pair:
    pair = resolve(SECTIONS, files=files, overrides=overrides)["pair"]
    assert isinstance(pair, Pair)
    return pair


def test_later_sources_win(tmp_path: Path) -> None:
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text("[pair]\nmin_score = 0.4\nframes = 4\n")
    two.write_text("[pair]\nframes = 5\n[tag]\n")
    pair = resolved("pair.level=video", "pair.frames=6", "pair.frames=7", files=(one, two))
    assert pair == Pair(min_score=0.4, frames=7, level="video")
    assert resolve(SECTIONS)["tag"] == Tag()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pair.min_score=1", Pair(min_score=1.0)),
        (" pair.min_score = 0.5", Pair(min_score=0.5)),
        ('pair.words=["x=y", "z"]', Pair(words=("x=y", "z"))),
        ("pair.words=[]", Pair(words=())),
        ("pair.limit=3", Pair(limit=3)),
        ("pair.strict=true", Pair(strict=True)),
        ('pair.level="video"', Pair(level="video")),
    ],
)
def test_overrides(text: str, expected: Pair) -> None:
    assert resolved(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pairs.frames=1", "unknown section 'pairs'; did you mean 'pair'"),
        ("pair.frame=1", "unknown key 'pair.frame'; did you mean 'frames'"),
        ("tag.x=1", "known are: none"),
        ("frames=1", "write it as stage.key=value"),
        ("pair.frames", "write it as stage.key=value"),
        ("pair.frames=many", "pair.frames: expected int, got 'many'"),
        ("pair.frames=1.5", "expected int"),
        ("pair.frames=true", "expected int"),
        ("pair.min_score=true", "expected float"),
        ("pair.strict=1", "expected bool"),
        ("pair.words=x", "expected a list of strings"),
        ("pair.words=[1]", "expected a list of strings"),
        ("pair.level=clips", "'clips' is not one of clip, video; did you mean 'clip'"),
        ("pair.limit=x", "expected int"),
        ("pair.frames=0", r"section \[pair\]: frames must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolved(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[pair\n", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"frames = 1\n", "'frames' stands outside a section"),
        (b"[[pair]]\nframes = 1\n", "stands outside a section"),
        (b"[pair]\nfames = 1\n", "c.toml: unknown key 'pair.fames'"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        resolved(files=(path,))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none.toml: No such file"):
        resolved(files=(tmp_path / "none.toml",))


@pytest.mark.parametrize("pair", [Pair(), Pair(words=(), limit=2), Pair(words=('"', "\\", "ä\n"))])
def test_what_is_written_reads_back(tmp_path: Path, pair: Pair) -> None:
    path = tmp_path / "c.toml"
    path.write_text(to_toml({"pair": pair, "tag": Tag()}), encoding="utf-8")
    assert resolved(files=(path,)) == pair
    assert "limit" not in deciding(Pair())


@dataclass(frozen=True, kw_only=True)
class Fetch:
    height: int = 720
    timeout_s: float = effort(30.0)
    cookies: str | None = effort(None, kept=False)


def test_settings_of_effort_decide_nothing_and_some_are_not_remembered() -> None:
    fetch = Fetch(timeout_s=1.0, cookies="/home/me/cookies.txt")
    assert deciding(fetch) == {"height": 720}
    assert to_toml({"fetch": fetch}) == "[fetch]\nheight = 720\ntimeout_s = 1.0\n"
