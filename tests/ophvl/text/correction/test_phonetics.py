"""Sounds of words and how far they are apart."""

import pytest

from ophvl.text.correction.phonetics import distance, key, letter_names, size, sounds


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("ptosis", "tasis"),
        ("phaco", "fako"),
        ("pseudo", "sudo"),
        ("schlemm", "Slem"),
        ("knife", "nAf"),
        ("the", "D@"),
        ("", ""),
        ("\u03b2", ""),
    ],
)
def test_sounds(word: str, expected: str) -> None:
    assert sounds(word) == expected


@pytest.mark.parametrize(
    ("words", "term"),
    [
        ("tripan", "trypan"),
        ("fake odonesis", "phacodonesis"),
        ("carrot home", "keratome"),
        ("sin ski", "sinskey"),
        ("try am sin alone", "triamcinolone"),
    ],
)
def test_mishearings_share_a_key_and_are_close(words: str, term: str) -> None:
    observed = "".join(map(sounds, words.split()))
    assert key(observed) == key(sounds(term))
    assert distance(observed, sounds(term)) < 0.15 * size(sounds(term))


def test_distance() -> None:
    assert distance("fako", "fako") == 0
    assert distance("bat", "pat") < distance("kat", "pat") < distance("sat", "mat") + 1
    assert distance("", "fako") == size("fako")
    assert distance("fako", "") == size("fako")
    assert distance("sklerostomi", "fako", limit=1.0) > 1.0


def test_letters() -> None:
    assert letter_names("BSS") == "bieses"
    assert distance(letter_names("VSS"), letter_names("BSS")) < 0.5


BY_RULE = (
    "gnat=nat  ptosis=tasis  pneumo=numo  psoas=sos  knee=ni  gnome=nom  mnemonic=nemanik  write=rAt "
    "xenon=senan  watch=waC  schlemm=Slem  schnitz=Snits  schmidt=Smidt  school=skul  chlor=klar "
    "chronic=kranik  charm=karm  archer=arker  choline=kalAn  chalk=kalk "
    "chalazion=kalasian  chiasm=kiasm  chyst=kist  ocher=aker  echt=ekt  melancholic=melankalik "
    "architect=arkitekt  monarchial=manarkial  eunuch=un@k  eunuchs=un@ks "
    "chart=kart  phaco=fako  shot=Sat  thin=Tin  light=lAt  sigh=sA  ghost=gast  what=wat "
    "rhexis=reksis  hemorrhage=hemareJ  tack=tak  accept=aksept  accident=aksident  occy=aksi "
    "scissors=sisars  scene=sen  scythe=siT  unique=@nik  quick=kwik  box=baks  edge=eJ "
    "incision=insiS@n  fission=fiS@n  lotion=laS@n  suspicion=s@spiS@n  social=saSal  gracious=graS@s "
    "nutritious=n@triS@s  initial=iniSal  capture=kapC@r  sing=sin  bring=brin  strength=strenT "
    "angle=an@l  gel=Jel  gin=Jin  gym=Jim  cell=sel  cinema=sinema  cyst=sist  bomb=bam  palm=pal "
    "limb=lim  salmon=salman  creation=kriaS@n  height=het  weight=wet  taught=tot  thought=Tot "
    "beau=bo  see=si  sea=si  caesar=kisar  oedema=idema  vein=vAn  neuro=nuro  new=nu  suit=sut "
    "book=buk  key=ki  movie=mavi  field=fild  relief=relif  sieve=siv  rain=ren  day=de  auto=oto "
    "raw=ro  oat=ot  ferrous=fer@s  low=lo  out=Wt  now=no  oil=Ol  toy=tO  blue=blu  diode=diod "
    "media=media  axes=akses  faces=feses  boxes=bakses  prizes=prAses  dishes=diSes "
    "needle=nid@l  tackle=tak@l  muscle=m@sk@l  cape=kep  capes=keps  range=renJ  change=CenJ "
    "bite=bAt  bites=bAts  wire=wAr  bone=bon  bones=bons  hope=hop  cube=kub  cubes=kubs  pure=pur "
    "type=tAp  types=tAps  fly=flA  my=mA  by=bA  dry=drA  made=med  apex=apeks  tomato=tamato "
    "yes=yes  yard=yard  zone=son  jar=Jar  iris=iris  tire=tAr  ware=war  more=mar  unit=@nit "
    "under=@nder  and=and  abs=abs  ebb=eb  ill=il  odd=ad  bat=bat  dot=dat  fog=fag  gas=gas "
    "hat=hat  lap=lap  mop=map  nap=nap  rip=rip  sat=sat  tap=tap  vow=vo  wet=wet  kit=kit  cat=kat "
    "tie=ti  happy=hapi  ae=i "
)
"""Words of which each shows a rule of spelling, with their sounds."""
IRREGULAR = (
    "a=@  are=ar  be=bi  do=du  does=d@s  eye=A  eyes=As  find=fAnd  have=hav  he=hi  i=A  kind=kAnd "
    "me=mi  might=mAt  mind=mAnd  of=@v  one=w@n  said=sed  she=Si  some=s@m  the=D@  they=De  to=tu "
    "two=tu  was=w@s  we=wi  who=hu  you=yu  your=yor "
)
LETTERS = (
    "a=e  b=bi  c=si  d=di  e=i  f=ef  g=Ji  h=eC  i=A  j=Je  k=ke  l=el  m=em  n=en  o=o  p=pi  q=kyu "
    "r=ar  s=es  t=ti  u=yu  v=vi  w=d@blyu  x=eks  y=wA  z=si "
)


def pairs(table: str) -> list[tuple[str, str]]:
    return [(left, right) for left, _, right in (cell.partition("=") for cell in table.split())]


@pytest.mark.parametrize(("word", "expected"), [*pairs(BY_RULE), *pairs(IRREGULAR)])
def test_each_rule_of_spelling(word: str, expected: str) -> None:
    assert sounds(word) == expected


@pytest.mark.parametrize(("letter", "expected"), pairs(LETTERS))
def test_names_of_letters(letter: str, expected: str) -> None:
    assert letter_names(letter) == letter_names(letter.upper()) == expected


@pytest.mark.parametrize(
    ("cost", "sound_pairs"),
    [
        (0.25, "ie ea ao ou @a @e @i @o @u Aa Ai ae Wa Oo Oi oW"),
        (0.45, "iu eu AW AO ia eo"),
        (0.3, "pb td kg fv sz SC CJ"),
        (0.4, "DT dD tT sS fT vD bv SJ sC sJ"),
        (0.45, "mn"),
        (0.6, "lr pf wv pv bf kC gJ sT tD tC dJ ng wr nl Th"),
        (0.8, "pt kt tk pk bd dg bg dr tr lw lk mb dn fk fs"),
        (1.0, "ps km gm lv"),
    ],
)
def test_costs_of_a_sound_taken_for_another(cost: float, sound_pairs: str) -> None:
    for first, second in sound_pairs.split():
        observed, intended = f"k{first}k", f"k{second}k"
        assert distance(observed, intended) == pytest.approx(cost), (first, second)
        assert distance(intended, observed) == pytest.approx(cost), (first, second)


def test_a_vowel_for_a_consonant_is_one_lost_and_one_added() -> None:
    assert distance("kak", "kpk") == pytest.approx(0.4 + 1.0)
    assert distance("kakk", "kmkk") == pytest.approx(0.4 + 1.0)
    assert distance("a", "p", 1.3) == distance("p", "a", 1.3) == float("inf")


@pytest.mark.parametrize(
    ("cost", "missed"),
    [
        *[(0.4, "ieaou@AWO"), (0.25, "hy"), (0.4, "w"), (0.5, "r"), (0.8, "ntdl"), (0.9, "s")],
        (1.0, "pbfvTDkgSCJm"),
    ],
)
def test_costs_of_a_sound_missed_or_added(cost: float, missed: str) -> None:
    for sound in missed:
        assert size(sound) == pytest.approx(cost), sound
        assert distance(f"z{sound}z", "zz") == pytest.approx(cost), sound
        assert distance("zz", f"z{sound}z") == pytest.approx(cost), sound


def test_consonants_that_are_easily_confused_share_a_class() -> None:
    classes = {
        "P": "pbfv",
        "T": "tdTD",
        "K": "kg",
        "S": "sSCJ",
        "N": "mn",
        "L": "lr",
        "": "wyhieaou@AWO",
    }
    for name, members in classes.items():
        assert {key(sound) for sound in members} == {name}
    assert key("pabt") == "PT"


def test_the_limit_ends_a_comparison_but_never_changes_a_distance() -> None:
    words = ["fako", "fakoemalsifikaS@n", "keratom", "karathom", "mafikaS@n", "k", ""]
    for observed in words:
        for intended in words:
            exact = distance(observed, intended)
            for limit in (0.0, 0.3, 1.0, 2.5, exact):
                limited = distance(observed, intended, limit)
                assert limited == (exact if exact <= limit else float("inf"))
