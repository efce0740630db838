"""What readers judged wrong is kept, withdrawn and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ophvl.errors import UsageError
from ophvl.overrides import Override, Overrides, write_overrides
from schemas.vocab import Kind, Target


def wrong(video_id: str = "file_a", text: str = "the bag", **changes: object) -> Override:
    values = {"target": Target.ATTRIBUTE, "kind": Kind.ANATOMY, "start": 4, "end": 7}
    return Override(video_id=video_id, text=text, value="capsular bag", **{**values, **changes})


def test_a_folder_without_the_file_has_none(tmp_path: Path) -> None:
    overrides = Overrides(tmp_path / "overrides.jsonl")
    assert overrides.of("file_a") == ()
    assert overrides.updated([], []) == ()


def test_what_is_written_is_read_back_by_video(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"
    narration = wrong(
        "file_b", "hola \u2028 \u00e9", target=Target.NARRATION, kind=None, start=None
    )
    write_overrides(path, [wrong(), narration])
    read = Overrides(path)
    assert read.of("file_a") == (wrong(),)
    assert read.of("file_b") == (narration,)


def test_a_judgement_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"
    write_overrides(path, [wrong(), wrong("file_b")])
    assert Overrides(path).updated([wrong("file_c"), wrong()], [wrong("file_b")]) == (
        wrong(),
        wrong("file_c"),
    )


def test_the_revision_follows_the_content(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"
    none = Overrides(path).revision
    write_overrides(path, [wrong()])
    some = Overrides(path).revision
    write_overrides(path, [])
    assert some != none == Overrides(path).revision


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"kind": "nose"}', '{"kind": null, "target": "edit"}']
)
def test_a_line_at_fault_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "overrides.jsonl"
    write_overrides(path, [wrong()])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError, match=r"overrides\.jsonl:2 is no override"):
        Overrides(path).of("file_a")
