"""Settings: later sources win, and a name or value that does not fit is refused with its origin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from pydantic import Field, ValidationError, field_validator, model_validator

from ophvl.config import (
    EFFORT,
    UNSAVED,
    Layer,
    Settings,
    Unit,
    allowed_values,
    fingerprint_values,
    parse_override,
    read_layer,
    resolve,
    resolve_layers,
    to_toml,
)
from ophvl.errors import ConfigError


class Pair(Settings):
    min_score: float = Field(0.3, ge=0, lt=1)
    frames: int = Field(8, ge=1)
    level: Literal["clip", "video"] = "clip"
    words: tuple[str, ...] = ("a", "b")
    limit: int | None = Field(None, gt=0)
    strict: bool = False
    name: str = "n"

    @field_validator("name")
    @classmethod
    def _lower_case(cls, name: str) -> str:
        if name != name.lower():
            raise ValueError(f"'{name}' is not in lower case")
        return name

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.limit is not None and self.limit < self.frames:
            raise ValueError("frames <= limit must hold")
        return self


class Tag(Settings):
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


def test_origins_name_the_source_of_each_value_that_was_set(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[pair]\nframes = 4\nmin_score = 0.3\n")
    layers = [
        Layer(origin="preset small", values={"pair": {"frames": 2, "strict": True}}),
        read_layer(path),
        parse_override("pair.level=video"),
        Layer(origin="--name", values={"pair": {"name": "x"}}),
    ]
    resolved = resolve_layers(SECTIONS, layers)
    assert resolved.settings["pair"] == Pair(frames=4, strict=True, level="video", name="x")
    assert resolved.origins == {
        "pair": {
            "frames": str(path),
            "strict": "preset small",
            "min_score": str(path),
            "level": "--set pair.level=video",
            "name": "--name",
        },
        "tag": {},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pair.min_score=0", Pair(min_score=0.0)),
        (" pair.min_score = 0.5", Pair(min_score=0.5)),
        ('pair.words=["x=y", "z"]', Pair(words=("x=y", "z"))),
        ("pair.words=[]", Pair(words=())),
        ("pair.limit=30", Pair(limit=30)),
        ("pair.strict=true", Pair(strict=True)),
        ('pair.level="video"', Pair(level="video")),
        ("pair.level=video", Pair(level="video")),
    ],
)
def test_overrides(text: str, expected: Pair) -> None:
    pair = resolved(text)
    assert pair == expected
    assert isinstance(pair.min_score, float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pairs.frames=1", "unknown section 'pairs'; did you mean 'pair'?"),
        ("pair.frame=1", "unknown key 'pair.frame'; did you mean 'frames'?"),
        ("tag.x=1", "known are: none"),
        ("frames=1", "write it as section.key=value"),
        ("pair.frames", "write it as section.key=value"),
        ("pair.frames=many", "pair.frames must be a whole number, at least 1, not 'many'"),
        ("pair.frames=1.5", "must be a whole number, at least 1, not 1.5"),
        ("pair.frames=2.0", "must be a whole number, at least 1, not 2.0"),
        ("pair.frames=true", "must be a whole number, at least 1, not True"),
        ("pair.frames=0", "must be a whole number, at least 1, not 0"),
        ("pair.min_score=true", "must be a number, at least 0 and below 1, not True"),
        ("pair.min_score=1", "must be a number, at least 0 and below 1, not 1"),
        ("pair.strict=1", "must be true or false, not 1"),
        ("pair.strict=yes", "must be true or false, not 'yes'"),
        ("pair.words=x", "must be a list of texts, not 'x'"),
        ("pair.words=[1, 2]", "must be a list of texts, not 1"),
        ("pair.level=clips", "must be one of clip, video, not 'clips'; did you mean 'clip'?"),
        ("pair.level=1", "must be one of clip, video, not 1"),
        ("pair.limit=x", "must be a whole number, above 0, not 'x'"),
        ("pair.name=5", "must be a text, not 5"),
        ("pair.name=X", "pair.name: 'X' is not in lower case"),
        ("pair.limit=7", "section [pair]: frames <= limit must hold"),
    ],
)
def test_names_and_values_that_do_not_fit_are_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^--set {re.escape(text)}: .*{re.escape(message)}"):
        resolved(text)


def test_all_faults_of_a_section_are_reported_each_with_its_origin(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[pair]\nframes = 0\nlevel = "clip"\n')
    with pytest.raises(ConfigError) as error:
        resolved("pair.strict=1", files=(path,))
    assert str(error.value).splitlines() == [
        f"{path}: pair.frames must be a whole number, at least 1, not 0",
        "--set pair.strict=1: pair.strict must be true or false, not 1",
    ]


def test_a_value_without_default_must_be_set() -> None:
    class Model(Settings):
        width: int

    with pytest.raises(ConfigError, match=r"model\.width has no default and must be set"):
        resolve({"model": Model})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[pair\n", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"frames = 1\n", "'frames' is outside a section"),
        (b"[[pair]]\nframes = 1\n", "is outside a section"),
        (b"[pair]\nfames = 1\n", "c.toml: unknown key 'pair.fames'"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        resolved(files=(path,))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none.toml: there is no such file"):
        resolved(files=(tmp_path / "none.toml",))


@pytest.mark.parametrize("pair", [Pair(), Pair(words=(), limit=9), Pair(words=('"', "\\", "ä\n"))])
def test_what_is_written_reads_back(tmp_path: Path, pair: Pair) -> None:
    path = tmp_path / "c.toml"
    path.write_text(to_toml({"pair": pair, "tag": Tag()}), encoding="utf-8")
    assert resolved(files=(path,)) == pair
    assert "limit" not in fingerprint_values(Pair())


class Fetch(Settings):
    height: int = 720
    timeout_s: Annotated[float, Unit("s"), EFFORT] = 30.0
    cookies: Annotated[str | None, EFFORT, UNSAVED] = None


def test_effort_is_no_part_of_the_fingerprint_and_unsaved_keys_are_not_written() -> None:
    fetch = Fetch(timeout_s=1.0, cookies="/home/me/cookies.txt")
    assert fingerprint_values(fetch) == {"height": 720}
    assert to_toml({"fetch": fetch}) == "[fetch]\nheight = 720\ntimeout_s = 1.0\n"


def test_settings_are_frozen_and_hashable() -> None:
    pair = Pair()
    with pytest.raises(ValidationError, match="frozen"):
        pair.frames = 3  # type: ignore[misc]
    assert len({pair, Pair(), Pair(frames=2)}) == 2


class Widths(Settings):
    stages: tuple[Annotated[int, Field(ge=32, multiple_of=32)], ...] = Field((32,), min_length=1)
    size: tuple[int, int] = (1, 2)
    ends: tuple[Literal["a", "b"], ...] = ()
    depths: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 1), min_length=2, max_length=2)
    few: tuple[str, ...] = Field((), max_length=3)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            "stages",
            "a list of whole numbers, each at least 32 and a multiple of 32, with at least 1 value(s)",
        ),
        ("size", "a list of 2 whole numbers"),
        ("ends", "a list of one of a, b"),
        ("depths", "a list of 2 whole numbers, each at least 1"),
        ("few", "a list of texts, with at most 3 value(s)"),
    ],
)
def test_allowed_values_of_lists_in_words(key: str, expected: str) -> None:
    assert allowed_values(Widths.model_fields[key]) == expected


def test_null_is_not_taken_for_a_text() -> None:
    with pytest.raises(ConfigError, match="null cannot be set; leave the setting out"):
        parse_override("discover.cookies=null")
    assert parse_override('a.b="null"').values == {"a": {"b": "null"}}
