"""Subtitles: what is texts, without_repeats, whatever the cues repeat."""

from __future__ import annotations

import pytest

from ophvl.download.subtitle_files import SubtitleLine, decode, read, without_repeats
from tests.ophvl.timing import least_factor

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
    assert read(ROLLING, rolling=True) == [
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
    (line,) = read(text, rolling=rolling)
    assert line.text == "IOP < 20 and then > 30 < 40"


def test_placements_of_other_formats_are_no_words() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\n{\\an8\\i1}Trypan <i>blue</i>{\\i0} {sic}\n"
    assert [line.text for line in read(text)] == ["Trypan blue {sic}"]


def test_cues_that_do_not_roll_stay_as_they_are() -> None:
    text = "1\r\n00:00:01,000 --> 00:00:02,500\r\nTrypan <i>blue</i>\r\nis injected.\r\n\r\n"
    text += "2\r\n00:00:03,000 --> 00:00:04,000\r\nIs injected.\r\n"
    assert read("\ufeff" + text) == [
        SubtitleLine(start_s=1.0, end_s=2.5, text="Trypan blue"),
        SubtitleLine(start_s=1.0, end_s=2.5, text="is injected."),
        SubtitleLine(start_s=3.0, end_s=4.0, text="Is injected."),
    ]


def test_what_people_wrote_is_not_taken_for_rolling() -> None:
    texts = ("Good.", "Good.", "Now", "Now we enter the eye.")
    cues = (f"00:0{n}.000 --> 00:0{n + 1}.000\n{text}\n" for n, text in enumerate(texts))
    assert [line.text for line in read("\n".join(["WEBVTT\n", *cues]))] == [*texts]


@pytest.mark.parametrize(
    "text",
    ["", "no subtitles", "<html>sign in</html>", "WEBVTT\n\n00:99 --> x\ny\n", "WEBVTT\n"],
)
def test_what_is_no_subtitle_file_says_nothing(text: str) -> None:
    assert read(text) == []


def test_cues_that_run_backwards_and_control_characters_are_left_out() -> None:
    text = "WEBVTT\n\n00:00:05.000 --> 00:00:01.000\nback\n\n00:00:06.000 --> 00:00:07.000\na\x1b[2Jb\n"
    assert [line.text for line in read(text)] == ["a [2Jb"]


TWO = ["We make the incision.", "Now the rhexis."]


@pytest.mark.parametrize(
    "text",
    [
        "00:01.000 --> 00:03.000\n{}\n\n00:04.000 --> 00:06.000\n{}\n",
        "WEBVTT\n\n00:00:01,000 --> 00:00:03,000\n{}\n\n00:00:04,000 --> 00:00:06,000\n{}",
        "WEBVTT\n\n0:0:1.0 --> 0:0:3.0\n{}\n\n0:0:4.0 --> 0:0:6.0\n{}\n",
        "1\n00:00:01.000 --> 00:00:03.000\n{}\n2\n00:00:04.000 --> 00:00:06.000\n{}\n",
        "1\r00:00:01,000 --> 00:00:03,000\r{}\r\r2\r00:00:04,000 --> 00:00:06,000\r{}\r",
        "00:00:01,000 --> 00:00:03,000\n\n{}\n\n00:00:04,000 --> 00:00:06,000\n\n{}\n",
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:9,LOCAL:00:00:00.000\n\na\n00:01.000 --> 00:03.000 line:90%\n{}\n\n"
        "NOTE a\nremark\n\nb c\n00:04.000 --> 00:06.000 align:start\n<v Dr B.>{}</v>\n",
        "WEBVTT\n\nSTYLE\n::cue {{ color: red }}\n\n00:01.000 --> 00:03.000\n<c.red>{}</c>\n\n"
        "REGION\nid:r\n\n00:04.000 --> 00:06.000\n{{\\an8}}{}\n\nNOTE the end\n",
        "1\n00:00:01,000-->00:00:03,000\n{}\n\n2\n00:00:04,000-->00:00:06,000\n{}\n",
        "1\n00:00:01, 000 --> 00:00:03, 000\n{}\n\n2\n00:00:04, 000 --> 00:00:06, 000\n{}\n",
        "1\n\u200e00:00:01,000 --> \u200f00:00:03,000\n{}\n\n"
        "2\n\u202a00:00:04,000\u202c --> 00:00:06,000\n{}\n",
        "1\n00:00:01 --> 00:00:03\n<p>{}</p>\n\n"
        "2\n00:00:04 --> 00:00:06\n<br><span class='a'>{}</span><br/>\n",
        "1\n00:00:01,000 --> 00:00:03,000 X1:1 X2:2\n{}\n\n2\n00:00:04,000 --> 00:00:06,000\n{}\n",
    ],
)
def test_files_of_all_tools_are_read(text: str) -> None:
    lines = read(text.format(*TWO))
    assert [(line.start_s, line.end_s, line.text) for line in lines] == [
        (1.0, 3.0, TWO[0]),
        (4.0, 6.0, TWO[1]),
    ]


@pytest.mark.parametrize(
    ("times", "span"),
    [
        ("00:00:01,000 -->", (1.0, 4.0)),
        ("00:00:01,000 --> x", (1.0, 4.0)),
        ("--> 00:00:02,000", (0.0, 2.0)),
        ("x --> 00:00:09,000", (4.0, 9.0)),
    ],
)
def test_a_cue_without_start_or_end_touches_its_neighbour(
    times: str, span: tuple[float, float]
) -> None:
    text = f"1\n{times}\n{TWO[0]}\n\n2\n00:00:04,000 --> 00:00:06,000\n{TWO[1]}\n"
    found = {line.text: (line.start_s, line.end_s) for line in read(text)}
    assert found == {TWO[0]: span, TWO[1]: (4.0, 6.0)}


def test_a_cue_without_end_and_neighbour_lasts_five_seconds() -> None:
    (line,) = read(f"1\n00:00:01,000 -->\n{TWO[0]}\n")
    assert (line.start_s, line.end_s) == (1.0, 6.0)
    (line,) = read(f"1\n--> 00:00:11,000\n{TWO[0]}\n")
    assert (line.start_s, line.end_s) == (6.0, 11.0)


def test_a_cue_that_ends_before_it_begins_costs_itself() -> None:
    text = f"1\n00:00:03,000 --> 00:00:02,000\n{TWO[0]}\n\n2\n00:00:04,000 --> 00:00:06,000\n{TWO[1]}\n"
    assert [line.text for line in read(text)] == [TWO[1]]


def test_times_may_begin_before_the_video_and_have_many_hours() -> None:
    text = f"-00:00:01,000 --> 00:00:03,000\n{TWO[0]}\n\n100:00:00,500 --> 100:00:01,000\n{TWO[1]}"
    assert [line.start_s for line in read(text)] == [0.0, 360_000.5]


def test_numbers_and_arrows_in_the_text_are_text() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\n42\npupil --> iris\n\n2\n00:00:03,000 --> 00:00:04,000\n7"
    assert [line.text for line in read(text)] == ["42", "pupil --> iris", "7"]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Müller 眼科 İris"),
        ("utf-8-sig", "Müller 眼科"),
        ("utf-16", "Müller 眼科"),
        ("utf-16-le", "Müller 眼科"),
        ("utf-32", "Müller 眼科"),
        ("utf-16-be", "Müller 眼科"),
        ("cp1252", "Müller, l'incisión está hecha, señor"),
        ("cp1252", "2,4 mm, Señor"),
        ("gb18030", "我们做切口。现在撕囊。白内障手术"),
        ("big5", "我們做切口。現在撕囊。白內障手術。超音波乳化。人工水晶體植入囊袋中。"),
        ("shift_jis", "私たちは切開を行います。次に前嚢切開"),
        ("euc_kr", "우리는 절개를 합니다. 이제 수정체낭"),
        ("cp1251", "Мы делаем разрез. Теперь рексис"),
        ("cp1256", "نقوم بعمل الشق الآن"),
    ],
)
def test_encodings_are_detected(encoding: str, text: str) -> None:
    content = f"1\n00:00:01,000 --> 00:00:03,000\n{text}\n".encode(encoding)
    assert [line.text for line in read(decode(content) or "")] == [text]


def test_a_line_break_of_pages_breaks_the_line() -> None:
    text = "1\n00:00:01,000 --> 00:00:03,000\nTrypan<br />blue<BR>is in.\n"
    assert [line.text for line in read(text)] == ["Trypan", "blue", "is in."]


def test_a_few_zero_bytes_cost_nothing() -> None:
    content = f"1\n00:00:01,000 --> 00:00:03,000\n{TWO[0]}\n".encode() * 9
    damaged = content[:60] + b"\0" + content[60:300] + b"\0" + content[300:]
    assert [line.text for line in read(decode(damaged) or "")] == [TWO[0]] * 9


@pytest.mark.parametrize("content", [b"\x00\x01\x02" * 50, bytes(range(128, 256)) * 4])
def test_what_is_no_text_is_not_decoded(content: bytes) -> None:
    assert decode(content) is None


@pytest.mark.parametrize(
    "shape", ["-->", "00:00:01,000 --> 00:00:02,000\n", "<c>", "\n\n", "{\\", "&"]
)
def test_hostile_text_takes_time_in_proportion_to_its_length(shape: str) -> None:
    head = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n"
    short, long = (head + shape * (length // len(shape)) for length in (20_000, 200_000))
    assert least_factor(read, short, long) < 15
