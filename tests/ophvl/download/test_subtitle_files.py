"""Subtitles: what is texts, without_repeats, whatever the cues repeat."""

from __future__ import annotations

import pytest

from ophvl.download.subtitle_files import SubtitleLine, read, without_repeats

ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.389 align:start position:0%
\x20
we<00:00:00.320><c> now</c><00:00:00.560><c> make</c>

00:00:02.389 --> 00:00:02.399 align:start position:0%
we now make
\x20

00:00:02.399 --> 00:00:05.000 align:start position:0%
we now make
a<00:00:02.600><c> 2.4</c> mm &amp; clear incision

00:00:05.000 --> 00:00:05.010 align:start position:0%
a 2.4 mm &amp; clear incision
\x20

00:00:05.010 --> 00:00:08.500 align:start position:0%
a 2.4 mm &amp; clear incision
at<00:00:05.400><c> the</c><00:00:05.600><c> limbus</c>

00:01:30.000 --> 00:01:32.000 align:start position:0%
at the limbus
"""


def test_rolling_captions_say_each_line_once() -> None:
    assert read(ROLLING, "vtt", rolling=True) == [
        SubtitleLine(start_s=0.16, end_s=2.399, text="we now make"),
        SubtitleLine(start_s=2.399, end_s=5.01, text="a 2.4 mm & clear incision"),
        SubtitleLine(start_s=5.01, end_s=8.5, text="at the limbus"),
        SubtitleLine(start_s=90.0, end_s=92.0, text="at the limbus"),
    ]


def test_a_line_that_grows_is_one_line() -> None:
    texts = ("the", "the capsule", "the capsule is", "opened", "opened")
    cues = [
        SubtitleLine(start_s=float(n), end_s=n + 1.0, text=text) for n, text in enumerate(texts)
    ]
    assert without_repeats(cues) == [
        SubtitleLine(start_s=0.0, end_s=3.0, text="the capsule is"),
        SubtitleLine(start_s=3.0, end_s=5.0, text="opened"),
    ]


def test_a_second_row_that_grows_is_one_line() -> None:
    texts = ("we make", "we make\nthe", "we make\nthe capsule", "the capsule\nis open")
    cues = [
        SubtitleLine(start_s=float(n), end_s=n + 1.0, text=text) for n, text in enumerate(texts)
    ]
    assert [line.text for line in without_repeats(cues)] == ["we make", "the capsule", "is open"]


@pytest.mark.parametrize("rolling", [True, False])
def test_a_sign_that_is_no_tag_is_kept(rolling: bool) -> None:
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Dr A.>IOP < 20 and <b>then</b> > 30 &lt; 40</v>\n"
    (line,) = read(text, "vtt", rolling=rolling)
    assert line.text == "IOP < 20 and then > 30 < 40"


def test_placements_of_other_formats_are_no_words() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\n{\\an8\\i1}Trypan <i>blue</i>{\\i0} {sic}\n"
    assert [line.text for line in read(text, "srt")] == ["Trypan blue {sic}"]


def test_cues_that_do_not_roll_stay_as_they_are() -> None:
    text = "1\r\n00:00:01,000 --> 00:00:02,500\r\nTrypan <i>blue</i>\r\nis injected.\r\n\r\n"
    text += "2\r\n00:00:03,000 --> 00:00:04,000\r\nIs injected.\r\n"
    assert read("\ufeff" + text, "srt") == [
        SubtitleLine(start_s=1.0, end_s=2.5, text="Trypan blue"),
        SubtitleLine(start_s=1.0, end_s=2.5, text="is injected."),
        SubtitleLine(start_s=3.0, end_s=4.0, text="Is injected."),
    ]


def test_what_people_wrote_is_not_taken_for_rolling() -> None:
    texts = ("Good.", "Good.", "Now", "Now we enter the eye.")
    cues = (f"00:0{n}.000 --> 00:0{n + 1}.000\n{text}\n" for n, text in enumerate(texts))
    assert [line.text for line in read("\n".join(["WEBVTT\n", *cues]), "vtt")] == [*texts]


@pytest.mark.parametrize(
    "text",
    ["", "no subtitles", "<html>sign in</html>", "WEBVTT\n\n00:99 --> x\ny\n", "WEBVTT\n"],
)
def test_what_is_no_subtitle_file_says_nothing(text: str) -> None:
    assert read(text, "vtt") == []


def test_cues_that_run_backwards_and_control_characters_are_left_out() -> None:
    text = "WEBVTT\n\n00:00:05.000 --> 00:00:01.000\nback\n\n00:00:06.000 --> 00:00:07.000\na\x1b[2Jb\n"
    assert [line.text for line in read(text, "vtt")] == ["a [2Jb"]
