"""Narrations and titles of the drawn surgeries, and prompts that are not used in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.learnability.world import SURGERIES, Operation

OFF_TOPIC = 0.15
SHIFTED = 0.15
"""Shares of narrations about something else, and about the step before or after."""
VAGUE = 0.25
WRONG = 0.12
"""Shares of silent videos whose title names no surgery, and another surgery."""

_SENTENCES = {
    "incision": (
        "now I make the main corneal incision",
        "we enter the eye with the keratome",
        "a clear corneal wound is made at the limbus",
        "the blade goes in for the side port",
        "starting with a 2.4 millimetre incision",
        "I use the knife to open the eye",
    ),
    "viscoelastic injection": (
        "we fill the anterior chamber with viscoelastic",
        "I inject some OVD to deepen the chamber",
        "viscoat goes in through the cannula",
        "the chamber is stabilised with Healon",
        "viscoelastic protects the endothelium here",
    ),
    "capsulorhexis": (
        "now I perform the capsulorhexis",
        "the rhexis is started with the cystotome",
        "tearing the anterior capsule in a circle",
        "I complete the continuous curvilinear tear",
        "the flap is folded over and torn around",
    ),
    "phacoemulsification": (
        "now I sculpt and crack the nucleus",
        "the nucleus is emulsified with the chopper in the left hand",
        "the phaco tip holds the quadrant and we chop",
        "emulsifying the lens pieces one by one",
        "dividing the nucleus into four quadrants",
    ),
    "cortex removal": (
        "now we remove the cortex with irrigation aspiration",
        "cortical cleanup with the I/A handpiece",
        "stripping the soft lens matter",
        "the remaining cortex is aspirated from the bag",
        "I take away the residual cortical fibres",
    ),
    "lens implantation": (
        "the foldable lens is injected",
        "now I implant the intraocular lens with the injector",
        "the IOL unfolds in the eye",
        "the injector goes through the wound and delivers the lens",
        "placing the lens implant in position",
    ),
    "viscoelastic removal": (
        "washing out the viscoelastic",
        "we remove the OVD from behind the lens",
        "the remaining viscoelastic is aspirated thoroughly",
        "the Healon is evacuated so that the pressure stays low",
        "clearing the OVD from the chamber",
    ),
    "wound hydration": (
        "hydrating the wounds at the end",
        "the wound is sealed with stromal hydration",
        "I check that the incision is watertight",
        "we close the eye and check for leaks",
        "the last thing is to swell the edges with the cannula",
    ),
    "scleral flap dissection": (
        "dissecting the scleral flap with the crescent blade",
        "we create a half thickness flap in the sclera",
        "the conjunctiva is opened and the flap is outlined",
        "the forceps lift the scleral flap",
        "making the trab flap under the conjunctiva",
    ),
    "vitrectomy": (
        "now core vitrectomy with the cutter",
        "the vitrector removes the vitreous gel",
        "light pipe in one hand and cutter in the other",
        "shaving the vitreous base",
        "inducing a posterior vitreous detachment",
    ),
    "descemet stripping": (
        "scoring and stripping Descemet's membrane",
        "the diseased endothelium is peeled off",
        "I do the descemetorhexis with the reversed hook",
        "taking off the patient's Descemet membrane in a circle",
        "peeling away the endothelial layer",
    ),
    "graft insertion": (
        "the donor graft is injected into the chamber",
        "inserting the rolled endothelial graft",
        "the DMEK scroll is delivered",
        "the stained graft goes in the eye",
        "placing the donor tissue inside the anterior chamber",
    ),
}
_BEFORE = ("", "", "okay so ", "as you can see ", "here ", "next ", "alright, ", "at this point ")
_AFTER = (
    "",
    "",
    " now",
    ", slowly and carefully",
    " as shown here",
    ", you know",
    ", take your time",
)
_ELSEWHERE = (
    "please subscribe to the channel",
    "this patient is sixty five years old and has diabetes",
    "I like this microscope for teaching",
    "the visual acuity was counting fingers before",
    "thank you for watching",
    "the view is a little blurry here",
    "we will talk about complications next time",
    "residents often ask me this",
    "the anaesthesia was topical",
    "let me adjust the focus",
    "this was filmed last year in our hospital",
)
_NAMED = {
    "phacoemulsification": ("cataract surgery", "phacoemulsification", "phaco with IOL"),
    "trabeculectomy": ("trabeculectomy", "trabeculectomy for glaucoma", "trab surgery"),
    "vitrectomy": ("pars plana vitrectomy", "23G vitrectomy", "vitrectomy for retinal disease"),
    "endothelial keratoplasty": (
        "DMEK",
        "Descemet membrane endothelial keratoplasty",
        "DMEK graft",
    ),
    "phacovitrectomy": ("phacovitrectomy", "combined phaco and pars plana vitrectomy"),
    "phakic lens implantation": ("phakic ICL implantation", "ICL for high myopia", "ICL surgery"),
    "phacotrabeculectomy": ("phacotrabeculectomy", "combined phaco and trabeculectomy"),
}
_TITLES = ("{}", "{} step by step", "how to do {}", "my technique of {}", "difficult case: {}")
_VAGUE_TITLES = (
    "eye surgery",
    "case of the week",
    "surgery video",
    "interesting case in the operating room",
    "surgical video part 2",
)

PHASE_PROMPTS = {
    "incision": ("the cornea is cut with a blade", "corneal entry with a surgical knife"),
    "viscoelastic injection": (
        "an ophthalmic viscosurgical device is given to hold space",
        "gel fills the front of the eye",
    ),
    "capsulorhexis": ("circular opening of the lens capsule", "anterior capsulotomy of the lens"),
    "phacoemulsification": (
        "the cataract is broken up by ultrasound",
        "the phaco handpiece takes the hard lens apart",
    ),
    "cortex removal": ("suction of leftover lens cortex", "cleaning of cortical remnants"),
    "lens implantation": ("an artificial lens is put into the eye", "insertion of an IOL"),
    "viscoelastic removal": (
        "removal of viscoelastic near the end of surgery",
        "suction of the viscous gel",
    ),
    "wound hydration": ("wound sealing", "hydration of the corneal wound at the end of surgery"),
    "scleral flap dissection": (
        "partial thickness scleral dissection",
        "a flap is cut in the white of the eye",
    ),
    "vitrectomy": ("vitreous is cut and sucked out", "vitreous cutter and endoillumination"),
    "descemet stripping": (
        "Descemet membrane is removed from the recipient",
        "stripping of recipient endothelium",
    ),
    "graft insertion": ("insertion of a corneal graft", "transplant tissue enters the eye"),
}
SURGERY_PROMPTS = {
    "phacoemulsification": ("an operation that replaces a cataract by a lens",),
    "trabeculectomy": ("a filtering operation that lowers the eye pressure",),
    "vitrectomy": ("an operation on the vitreous and the retina",),
    "endothelial keratoplasty": ("an endothelial transplant of the cornea",),
    "phacovitrectomy": ("cataract and vitreous operated on in one session",),
    "phakic lens implantation": ("a phakic lens is implanted to correct myopia",),
    "phacotrabeculectomy": ("cataract and glaucoma operated on in one session",),
}
INSTRUMENT_PROMPTS = {
    "keratome": ("a keratome blade can be seen",),
    "cannula": ("a thin cannula can be seen",),
    "cystotome": ("a bent cystotome needle can be seen",),
    "forceps": ("a pair of forceps can be seen",),
    "phaco tip": ("a phacoemulsification tip can be seen",),
    "irrigation aspiration handpiece": ("an irrigation aspiration handpiece can be seen",),
    "chopper": ("a nucleus chopper can be seen",),
    "lens injector": ("a lens injector can be seen",),
    "vitreous cutter": ("a vitreous cutter probe can be seen",),
    "light pipe": ("a light pipe can be seen",),
}


@dataclass(frozen=True, kw_only=True)
class Narration:
    """The narration of one step; `about` is its phase, None for something else."""

    text: str
    about: str | None


def narrate(operation: Operation, random: np.random.Generator) -> list[Narration]:
    """Draw one narration for each step."""
    names = [step.phase for step in operation.steps]
    narrations = []
    for index in range(len(names)):
        chance = random.random()
        if chance < OFF_TOPIC:
            narrations.append(Narration(text=_pick(_ELSEWHERE, random), about=None))
            continue
        about = names[index]
        if chance < OFF_TOPIC + SHIFTED:
            near = [names[i] for i in (index - 1, index + 1) if 0 <= i < len(names)]
            about = _pick(near, random) if near else about
        text = _pick(_BEFORE, random) + _pick(_SENTENCES[about], random) + _pick(_AFTER, random)
        narrations.append(Narration(text=text, about=about))
    return narrations


def title(operation: Operation, random: np.random.Generator, *, silent: bool) -> str:
    """Draw the video's title; some titles of silent videos are vague and some wrong."""
    name = operation.surgery.name
    if silent:
        chance = random.random()
        if chance < VAGUE:
            return _pick(_VAGUE_TITLES, random)
        if chance < VAGUE + WRONG:
            name = _pick([s.name for s in SURGERIES if s.name != name], random)
    return _pick(_TITLES, random).format(_pick(_NAMED[name], random))


def training_texts() -> frozenset[str]:
    """Return every phrase of narrations and titles, in lower case."""
    phrases = [text for sentences in _SENTENCES.values() for text in sentences]
    phrases += [name for names in _NAMED.values() for name in names]
    return frozenset(text.lower() for text in (*phrases, *_ELSEWHERE, *_VAGUE_TITLES))


def _pick(choices: Sequence[str], random: np.random.Generator) -> str:
    return choices[int(random.integers(len(choices)))]
