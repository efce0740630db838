"""What readers judged wrong is kept, withdrawn and read back."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict
from pathlib import Path

import pytest

from ophvl.dataset.overrides import Judged, Override, Overrides, attribute_value, write_overrides
from ophvl.errors import UsageError
from schemas.vocab import DropReason, Kind, NarrationReading, Target

LINE = (
    '{"video_id": "file_a", "target": "attribute", "kind": "anatomy", '
    '"before": "the", "surface": "bag", "after": "", "value": "capsular bag"}'
)


def wrong(
    video_id: str = "file_a", text: str = "Now the bag, you see, is full.", **changes: object
) -> Override:
    start = text.index("bag") if "bag" in text else 0
    values = {
        "target": Target.ATTRIBUTE,
        "kind": Kind.ANATOMY,
        "start": start,
        "end": start + 3,
        "value": "capsular bag",
    }
    return Override.of(text, video_id=video_id, **{**values, **changes})


def judged(*rows: Override, target: Target = Target.ATTRIBUTE) -> Judged:
    return Judged([{"override_id": f"o{n}", **asdict(row)} for n, row in enumerate(rows)], target)


def reads(asked: Judged, text: str, **changes: object) -> bool:
    start = text.casefold().index("bag")
    reading = {"kind": Kind.ANATOMY, "value": "capsular bag", "target": Target.ATTRIBUTE, **changes}
    return asked.is_wrong(text, start=start, end=start + 3, **reading)


def test_a_reading_is_known_by_its_words_and_two_on_either_side() -> None:
    row = wrong()
    assert (row.before, row.surface, row.after) == ("now the", "bag", "you see")


def test_the_file_may_spell_a_text_otherwise_than_the_tables(tmp_path: Path) -> None:
    text = "Now Müller's muscle is cut."
    row = wrong(text=text, start=4, end=19, value="müller muscle")
    assert row.surface == "müller's muscle"
    write_overrides(tmp_path / "overrides.jsonl", [row])
    path = tmp_path / "decomposed.jsonl"
    lines = (tmp_path / "overrides.jsonl").read_text(encoding="utf-8")
    path.write_text(unicodedata.normalize("NFD", lines).replace("'", "\u2019"), encoding="utf-8")
    assert Overrides(path).of("file_a") == (row,)


@pytest.mark.parametrize(
    "text",
    [
        "Now the bag, you see, is full.",
        "So we go on. Now the Bag you see is full, and stays so.",  # A longer clip.
        "bag you see",  # A clip that begins with it.
        "We go on now the bag",  # A clip that ends with it.
        "The bag, you sea",  # The words after it are heard otherwise.
        "Now, the bag that you see is full.",  # The words after it are corrected otherwise.
    ],
)
def test_a_judgement_survives_other_borders_and_corrections(text: str) -> None:
    assert reads(judged(wrong()), text)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("I open the bag with care.", {}),
        ("the bag", {}),
        ("Now the bag, you see, is full.", {"value": "surgical bag"}),
        ("Now the bag, you see, is full.", {"kind": Kind.INSTRUMENT}),
        ("Now the bag, you see, is full.", {"target": Target.EDIT, "kind": None}),
    ],
)
def test_another_reading_is_left_alone(text: str, changes: dict[str, object]) -> None:
    assert not reads(judged(wrong()), text, **changes)


def test_one_word_on_a_side_is_too_little_to_know_a_reading_by() -> None:
    assert not reads(judged(wrong(text="The bag is full.")), "The bag was torn.")
    assert reads(judged(wrong(text="The bag")), "The bag")


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("Thank you all for joining, and enjoy the evening!", NarrationReading.OTHER),
        ("thank you all for joining and enjoy this evening", NarrationReading.OTHER),
        ("thank you all for the bag", None),
    ],
)
def test_a_narration_cut_or_transcribed_a_little_differently_is_the_same(
    text: str, reading: NarrationReading | None
) -> None:
    said = "Thank you all for joining, and enjoy the evening."
    row = wrong(
        text=said, target=Target.NARRATION, kind=None, start=0, end=len(said), value="descriptive"
    )
    assert judged(row, target=Target.NARRATION).narration(text) is reading


def test_a_judgement_that_matches_nothing_becomes_a_drop() -> None:
    asked = judged(wrong(), wrong(text="Fill the bag again please."))
    assert reads(asked, "Now the bag, you see, is full.")
    (drop,) = asked.drops()
    assert (drop.row_id, drop.reason) == ("o1", DropReason.OVERRIDE_UNMATCHED)
    assert drop.message == "no attribute reads 'bag' as 'capsular bag' any more"


def test_judgements_of_other_targets_are_ignored() -> None:
    assert judged(wrong(), target=Target.EDIT).drops() == ()


def test_whether_it_is_affirmed_belongs_to_the_reading() -> None:
    values = [
        attribute_value("tear", negated=negated, hypothetical=hypothetical)
        for negated, hypothetical in ((False, False), (True, False), (False, True))
    ]
    assert values == ["tear", "no tear", "if tear"]


def test_a_folder_without_the_file_has_none(tmp_path: Path) -> None:
    overrides = Overrides(tmp_path / "overrides.jsonl")
    assert overrides.of("file_a") == ()
    assert overrides.updated([], []) == ()


def test_what_is_written_is_read_back_by_video(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"
    narration = wrong(
        "file_b", "hola \u2028 \u00e9", target=Target.NARRATION, kind=None, value="other"
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
    "line",
    [
        "{",
        "[]",
        '{"kind": "nose"}',
        '{"kind": null, "target": "edit"}',
        LINE.replace('"bag"', "3"),
        LINE.replace('"bag"', '" "'),
        LINE.replace('"attribute"', '"edit"'),
        LINE.replace('"attribute"', '"narration"').replace('"anatomy"', "null"),
    ],
)
def test_a_line_at_fault_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "overrides.jsonl"
    write_overrides(path, [wrong()])
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(UsageError, match=r"overrides\.jsonl:2 is no override"):
        Overrides(path).of("file_a")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"cannot read .*overrides\.jsonl"):
        Overrides(path).of("file_a")
