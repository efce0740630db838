"""The filters: JSON Lines in and out, a line at fault named and left out."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.commands import run


def filter_(command: str, *lines: str, file: Path | None = None, code: int = 0):
    result = run("ophvl", command, *([file] if file else []), stdin="\n".join(lines), code=code)
    return [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_annotate_corrects_and_tags() -> None:
    text = "So, um, I inject tripan blue under air. No sutures were needed."
    ((found,), _) = filter_("annotate", json.dumps({"id": "n1", "text": text}))
    assert found["id"] == "n1"
    assert found["text"] == text
    assert found["corrected"] == text.replace("tripan", "trypan")
    (edit,) = found["edits"]
    assert text[edit["start"] : edit["end"]] == edit["from"]
    assert set(edit) == {"start", "end", "from", "to", "rule", "score"}
    assert found["descriptive"] is True
    for attribute in found["attributes"]:
        span = found["corrected"][attribute["start"] : attribute["end"]]
        assert span == attribute["surface"]
    by_label = {a["label"]: a for a in found["attributes"]}
    assert by_label["trypan blue"]["kind"] == "medication"
    assert by_label["trypan blue"]["negated"] is False
    assert any(a["negated"] for a in found["attributes"] if a["surface"] == "sutures")


def test_title_structures_and_judges() -> None:
    rows, _ = filter_(
        "title",
        json.dumps({"id": 1, "raw_title": "PHACO+PCIOL RE \U0001f525 #eye", "channel": "X"}),
        json.dumps({"id": 2, "raw_title": "Smokey eye makeup", "description": None}),
        json.dumps({"id": 3, "raw_title": "case_4687.mp4", "description": ""}),
    )
    assert [row["is_surgical"] for row in rows] == [True, False, None]
    assert rows[0]["surgery"][0] == "phacoemulsification"
    assert rows[0]["eye"] == "right"
    assert set(rows[0]) == {
        *("id", "is_surgical", "title", "surgery", "condition", "technique", "device", "eye")
    }


def test_a_line_at_fault_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    good = json.dumps({"id": 1, "text": "We polish the capsule."})
    bad = ["{", "[1]", '{"id": 2}', '{"id": 3, "text": 4}', "[" * 100_000]
    file.write_text("\n".join([*bad, "", good, good]), encoding="utf-8")
    rows, message = filter_("annotate", file=file, code=3)
    assert len(rows) == 2
    for number in (1, 2, 3, 4, 5):
        assert f"texts.jsonl:{number}: " in message


def test_bytes_that_are_no_utf8_are_named_and_not_guessed(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    good = json.dumps({"id": 1, "text": "We polish the capsule."}).encode()
    file.write_bytes(good + b'\n{"id": 2, "text": "caf\xe9"}\n' + good)
    rows, message = filter_("annotate", file=file, code=3)
    assert [row["id"] for row in rows] == [1, 1]
    assert "texts.jsonl:2: not UTF-8 (byte 0xe9)" in message


def test_a_mark_before_the_first_line_costs_nothing(tmp_path: Path) -> None:
    line = json.dumps({"id": 1, "raw_title": "PHACO RE"})
    file = tmp_path / "titles.jsonl"
    file.write_text(line, encoding="utf-8-sig")
    assert filter_("title", file=file)[0][0]["id"] == 1
    assert filter_("title", f"\ufeff{line}")[0][0]["id"] == 1


@pytest.fixture
def many_titles(tmp_path: Path) -> Path:
    file = tmp_path / "titles.jsonl"
    file.write_text('{"raw_title": "PHACO RE"}\n' * 3000)
    return file


def test_a_reader_that_leaves_is_no_fault(many_titles: Path) -> None:
    command = [sys.executable, "-m", "ophvl", "title", str(many_titles)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as left:
        assert left.stdout
        assert left.stderr
        left.stdout.readline()
        left.stdout.close()
        assert left.stderr.read() == b""
    assert left.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_an_output_that_is_full_is_not_told_of_the_input(many_titles: Path) -> None:
    command = [sys.executable, "-m", "ophvl", "title", str(many_titles)]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 2
    assert result.stderr == (
        "error: cannot write the output: the disk is full; finished work is saved. Make room, then run "
        "the same command again\n"
    )


def test_odd_texts_do_no_harm() -> None:
    odd = ["", " ", "\u0130\ud83d", "a" * 100_000, "capsule " * 5_000, "\x00\x1b[31m", "{}<script>"]
    rows, _ = filter_("annotate", *(json.dumps({"id": n, "text": t}) for n, t in enumerate(odd)))
    shown = [odd[0], odd[1], "\u0130", *odd[3:5], "  [31m", odd[6]]
    assert [row["text"] for row in rows] == shown


def bold(text: str) -> str:
    """Write small letters as mathematical bold ones."""
    return "".join(chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in text)


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Müller muscle is shortened with the caliper.", "Müller"),
        ("In this eye with Behçet disease we remove the vitreous.", "Behçet"),
        ("The naïve pupil is stretched, then Descemet's membrane is scored.", "naïve"),
    ],
)
def test_all_spellings_give_the_same_attributes(text: str, name: str) -> None:
    spellings = [
        *(unicodedata.normalize(form, text) for form in ("NFC", "NFD")),
        *(bold(text), full_width(text)),
        text.replace("e", "e\u00ad").replace(" ", "\u200b "),
        text.replace("'", "\u2019").replace(" ", "\u00a0"),
    ]
    lines = (json.dumps({"id": 0, "text": spelling}) for spelling in spellings)
    (first, *others), _ = filter_("annotate", *lines)
    assert others == [first] * len(others)
    assert first["text"] == first["corrected"] == text
    assert name in first["corrected"]
    assert first["attributes"]


def test_all_spellings_give_the_same_title() -> None:
    title = "Phacoemulsification with small pupil, right eye"
    spellings = [
        *(title, bold(title), full_width(title), f"\u202a{title}\u202c"),
        *(title.replace("fi", "\ufb01"), title.replace(" ", "\u00a0")),
        *(title.replace("em", "\u200bem"), title.replace("ic", "i\u00adc")),
        "Phaco_with_small_pupil_RE_case12_final",
        "Phaco \uff5c small pupil \u29f8 right eye\uff1f",
        f"&quot;{title}&quot;",
    ]
    lines = (json.dumps({"id": 0, "raw_title": spelling}) for spelling in spellings)
    (first, *others), _ = filter_("title", *lines)
    assert first["title"] == "Phacoemulsification for small pupil, right eye"
    assert others == [first] * len(others)


def test_offsets_point_into_the_texts_that_are_printed() -> None:
    text = "I inject tri\u00adpan blue under Descemet&#39;s membrane, 2\u00bd \u339c from Mu\u0308ller."
    ((row,), _) = filter_("annotate", json.dumps({"id": 1, "text": text}))
    assert row["text"] == "I inject tripan blue under Descemet's membrane, 2 1/2 mm from Müller."
    (edit,) = row["edits"]
    assert row["text"][edit["start"] : edit["end"]] == edit["from"] == "tripan"
    assert row["attributes"]
    for attribute in row["attributes"]:
        assert row["corrected"][attribute["start"] : attribute["end"]] == attribute["surface"]


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    _, message = filter_("title", file=tmp_path / "no.jsonl", code=2)
    assert "no.jsonl" in message
