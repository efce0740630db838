"""Which concepts of a title the video itself shows."""

import pytest

from ophvl.text.titles.mentions import description_lead, is_past, present_matches, shown_matches


def shown(matcher, text):
    return [m.surface for m in shown_matches(text, present_matches(text, matcher))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Phaco and vitrectomy", ["Phaco", "vitrectomy"]),
        ("Phaco without vitrectomy", ["Phaco"]),
        ("Phaco, if needed vitrectomy", ["Phaco"]),
        ("Dropped nucleus avoided, phaco", ["phaco"]),
        ("Phaco | Cornea Institute", ["Phaco"]),
        ("Phaco at the Lasik Centre", ["Phaco"]),
        ("DMEK in a post PKP eye", ["DMEK", "eye"]),
        ("DMEK #phaco #lasik", ["DMEK"]),
        ("#phaco #cataract", ["phaco", "cataract"]),
        ("", []),
    ],
)
def test_shown(matcher, text, expected):
    assert shown(matcher, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PCO after cataract surgery", True),
        ("h/o trabeculectomy", True),
        ("before and after DALK", False),
        ("cataract surgery", False),
    ],
)
def test_past_surgery(text, expected):
    start = min(i for i in map(text.find, ("cataract", "trab", "DALK")) if i >= 0)
    assert is_past(text, start) is expected


@pytest.mark.parametrize(
    "words",
    [
        *["after", "post", "post-op", "postop", "post op", "post operative", "postoperative"],
        *["following", "previous", "prior", "past", "old", "failed", "s/p", "h/o", "status post"],
        *["history of", "operated", "already", "due to", "caused by", "secondary to"],
        *["apos", "após", "despues de", "después de", "apres", "après", "nach", "dopo"],
        *["sonrasi", "sonrası", "после", "s/p a", "after an", "After the", "post -", "old:"],  # noqa: RUF001
    ],
)
def test_words_that_put_a_surgery_into_the_past(matcher, words):
    title = f"DMEK in an eye, {words} DSAEK"
    assert is_past(title, title.index("DSAEK"))
    if words != "failed":  # "failed DSAEK" is a term: a failed graft
        assert shown(matcher, title) == ["DMEK", "eye"]


@pytest.mark.parametrize(
    "words",
    [
        *["complicated", "uneventful", "multiple", "failed", "recent", "routine", "successful"],
        *["previous", "old", "prior", "cataract", "glaucoma", "eye", "laser", "refractive"],
        *["retina", "retinal", "squint", "an old", "multiple failed", "the recent laser eye"],
    ],
)
def test_words_between_the_past_and_its_surgery(words):
    title = f"DMEK after {words} LASIK"
    assert is_past(title, title.index("LASIK"))
    other = f"DMEK after {words} and LASIK"
    assert not is_past(other, other.index("LASIK"))


@pytest.mark.parametrize(
    "words", ["before and after", "before & after", "before/after", "before after"]
)
def test_before_and_after_shows_the_surgery_itself(matcher, words):
    assert shown(matcher, f"Eyelid, {words} LASIK") == ["Eyelid", "LASIK"]


def test_words_far_before_a_surgery_say_nothing_of_it():
    near, far = "x " * 90, "x " * 120
    assert is_past("after " + "old " * 40 + "LASIK", 6 + 160)
    assert not is_past("after " + "old " * 40 + near + "LASIK", 6 + 160 + 180)
    assert not is_past("h/o " + "the" + " eye" * 60 + " LASIK", 4 + 3 + 240 + 1)
    assert not is_past(f"after {far}LASIK", 6 + len(far))


@pytest.mark.parametrize(
    "words",
    [
        *[" avoided", " averted", " prevented", " is avoided", " was averted", " were prevented"],
        *[" Avoided", "-free", " free", "free", "-less", "less", " less"],
    ],
)
def test_what_was_averted_is_not_shown(matcher, words):
    assert shown(matcher, f"Phaco. Dropped nucleus{words}, see") == ["Phaco"]
    assert "Dropped nucleus" in shown(matcher, "Phaco. Dropped nucleus to be avoided")


@pytest.mark.parametrize(
    "words",
    [
        *["hospital", "Hospitals", "clinic", "clinics", "institute", "center", "centre", "centers"],
        *["centres", "foundation", "academy", "society", "association", "channel", "club"],
        *["department", "dept", "university", "college", "fellowship", "consultant"],
        *["specialist", "specialists", "surgeon", "surgeons", "group", "school", "doctor"],
    ],
)
def test_names_of_institutions(matcher, words):
    assert shown(matcher, f"Phaco | Pterygium {words}") == ["Phaco"]
    assert "Pterygium" in shown(matcher, f"Phaco | Pterygium {words}x")
    assert "Pterygium" in shown(matcher, f"Phaco | Pterygium {words} room")


@pytest.mark.parametrize(
    "words",
    [
        *["and eye", "laser", "vision", "care", "research", "surgery", "refractive", "retina"],
        *["cornea", "cataract", "glaucoma", "lasik", "squint", "oculoplasty", "super"],
        *["speciality", "specialty", "&", "& eye", "and super speciality eye"],
    ],
)
def test_words_within_the_name_of_an_institution(matcher, words):
    assert shown(matcher, f"Phaco | Pterygium {words} clinic") == ["Phaco"]


def test_a_name_of_an_institution_has_four_words_at_most_before_its_kind(matcher):
    assert "LASIK" not in shown(matcher, "Phaco | LASIK & & & & clinic")
    assert "LASIK" in shown(matcher, "Phaco | LASIK & & & & & clinic")


@pytest.mark.parametrize(
    "words",
    [
        *["http://x", "https://x", "www.x", "Subscribe", "follow me", "follow us", "contact us"],
        *["visit our", "visit us", "call us", "book an", "appointment", "WhatsApp", "instagram"],
        *["facebook", "services", "our clinic", "our hospital", "disclaimer", "music"],
        *["about the channel", "about our channel", "other videos", "more videos", "watch also"],
        *["watch more", "watch our", "related videos", "playlist", "playlists", "our channel"],
        *["like and share", "like & share", "hit the bell"],
    ],
)
def test_the_lead_of_a_description_ends_where_promotion_begins(words):
    assert description_lead(f"Dense nucleus. {words} LASIK") == "Dense nucleus. "
    if not words.startswith(("http", "www", "about")):
        assert description_lead(f"Dense nucleus. x{words} x") == f"Dense nucleus. x{words} x"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("DMEK #phaco", ["DMEK"]),
        ("DMEK #phaco  #lasik \n", ["DMEK"]),
        ("DMEK #phaco in an eye", ["DMEK", "phaco", "eye"]),
        ("An eye #phaco", ["eye", "phaco"]),
        ("Capsulorhexis #phaco", ["Capsulorhexis"]),
        ("Hydrodissection by hand #phaco", ["Hydrodissection"]),
        ("DMEK#phaco", ["DMEK"]),
    ],
)
def test_hashtags_at_the_end_count_only_where_nothing_else_names_a_procedure(
    matcher, title, expected
):
    assert shown(matcher, title) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Phaco after vitrectomy surgery", ["Phaco"]),
        ("Pterygium eye clinic, eye", ["eye"]),
        ("Cornea clinic and cornea", ["cornea"]),
        ("Phaco for cataract after LASIK, cataract", ["Phaco", "cataract", "cataract"]),
    ],
)
def test_a_concept_within_an_excluded_one_is_excluded_too(matcher, title, expected):
    assert shown(matcher, title) == expected
