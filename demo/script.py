"""The spoken lines of narrated videos: several wordings for each phase, greetings, and other talk."""

from __future__ import annotations

import random

from demo.drawing.look import Look
from demo.phases import Phase, PhasePart

GREETINGS = (
    "Hello everyone, and welcome back to the channel. Today a routine case from our Thursday list.",
    "Good morning colleagues. This is a sixty eight year old lady with a dense nuclear cataract.",
    "Hi, thanks for watching. Let me walk you through this cataract surgery, step by step.",
    "Welcome to case of the week. Put your questions into the comments below.",
    "Dear friends, this one is for the residents who asked me to slow down.",
    "Hello again. Visual acuity before surgery was twenty over eighty, and the patient is anxious.",
)
CLOSINGS = (
    "That is it for today, see you in the next video.",
    "Thank you for your attention, and do subscribe if this was of help.",
    "On the first day after surgery she was very happy. Thanks for watching.",
)
SPONSORS = (
    "By the way, registration for our summer course is now open, the link is in the description.",
    "This video is supported by our friends who make the best coffee in town, use the code below.",
    "If you want to join the webinar next month, write me an email and bring a colleague.",
)
MAKEUP = (
    "Hi lovelies, today I show you my everyday smoky eye in just three minutes.",
    "Take a fluffy brush, and blend the warm brown shade into the crease of your lid.",
    "Now a little shimmer in the middle of the lid, tap it on and do not rub.",
    "Finish with liner and mascara, and tell me in the comments which palette you like best.",
)

_LINES: dict[tuple[Phase, PhasePart], tuple[str, ...]] = {
    (Phase.INCISION, PhasePart.WHOLE): (
        "I make a paracentesis first, and then a 2.4 millimetre clear corneal incision with the keratome.",
        "The side port is done with a fine knife, and the keratome enters at the limbus for the main wound.",
        "We start with the stab incision, followed by a biplanar tunnel with a 2.4 millimetre keratome.",
        "Here the metal keratome goes through clear cornea, after a small paracentesis for the second hand.",
        "Two corneal wounds: a paracentesis on the side, and a triplanar main incision with the steel blade.",
        "The blade enters just in front of the limbal vessels, so that the corneal wound seals by itself.",
    ),
    (Phase.INCISION, PhasePart.SIDE_PORT): (
        "First a paracentesis with the side port knife, parallel to the iris plane.",
        "I open the eye with a one millimetre paracentesis at the limbus.",
        "A small stab incision with the fifteen degree blade gives me the side port.",
    ),
    (Phase.INCISION, PhasePart.MAIN_WOUND): (
        "Now the main wound, a 2.4 millimetre keratome through clear cornea.",
        "The keratome makes the main corneal incision, nice and square.",
        "Here comes the main incision, I push the keratome forward until its shoulders are in.",
    ),
    (Phase.VISCOELASTIC, PhasePart.WHOLE): (
        "The anterior chamber is filled with a dispersive ophthalmic viscosurgical device.",
        "I inject viscoelastic through the cannula, and the aqueous is pushed out as the chamber deepens.",
        "Next comes viscoelastic, I start opposite to the wound and let the gel come towards me.",
        "Sodium hyaluronate goes in now, to hold the chamber and flatten the lens capsule.",
        "We exchange the aqueous for an ophthalmic viscosurgical device, you see the gel front spreading.",
        "A good fill of viscoelastic keeps the chamber deep for the steps to come.",
    ),
    (Phase.VISCOELASTIC, PhasePart.AGAIN): (
        "The capsular bag is opened again with cohesive viscoelastic before the implant.",
        "More viscoelastic to inflate the bag, so that there is room for the lens.",
        "I refill the bag and the chamber with an ophthalmic viscosurgical device.",
    ),
    (Phase.CAPSULORHEXIS, PhasePart.WHOLE): (
        "With the Utrata forceps I pull the flap around for a continuous curvilinear capsulorhexis.",
        "The cystotome starts a small tear, and the forceps lead the capsulorhexis around in a circle.",
        "Now the capsulorhexis, I regrasp the capsular flap often and keep the tear towards the centre.",
        "I nick the capsule, fold the flap over and complete a round rhexis with the Utrata forceps.",
        "Tearing the anterior capsule here, slowly, so that the rhexis edge will cover the optic all around.",
        "The capsular flap is grasped close to its root, and the circular tear is finished from outside in.",
    ),
    (Phase.HYDRODISSECTION, PhasePart.WHOLE): (
        "The hydrodissection cannula goes under the capsule rim, and a fluid wave passes behind the nucleus.",
        "For cortical cleaving hydrodissection I lift the rim and gently inject balanced salt solution.",
        "Hydrodissection now, watch the wave move across the red reflex, then I rotate the nucleus.",
        "A little fluid beneath the edge of the rhexis frees the lens from its capsule.",
        "I tent up the capsule with the cannula, inject, and press on the nucleus to let the fluid out.",
        "After hydrodissection in two places the nucleus turns freely in the bag.",
    ),
    (Phase.PHACO, PhasePart.WHOLE): (
        "The phaco tip is buried in the nucleus, and the chopper splits it into quadrants.",
        "I sculpt a groove, crack the nucleus in four, and emulsify each quadrant in the middle of the bag.",
        "Phacoemulsification by divide and conquer, the chopper brings the pieces to the phaco tip.",
        "High vacuum holds the nucleus while I chop, and the fragments are removed by ultrasound one by one.",
        "With phaco chop the hard nucleus falls apart, and I keep away from the posterior capsule.",
        "Now the quadrants are eaten with short bursts of ultrasound, the chopper stays below the tip.",
    ),
    (Phase.ASPIRATION, PhasePart.WHOLE): (
        "Irrigation and aspiration removes the soft cortex, I strip it from the periphery to the centre.",
        "The remaining cortex is caught with the aspiration port and peeled off the capsular bag.",
        "Cortical clean up with irrigation and aspiration, the strands come off nicely under low flow.",
        "I go around the bag and aspirate the cortical fibres, the port always facing up.",
        "Now irrigation and aspiration, and the posterior capsule is polished until it is clear.",
        "Some sticky cortex under the incision needs patience with the aspiration tip.",
    ),
    (Phase.ASPIRATION, PhasePart.AGAIN): (
        "The viscoelastic behind the lens is washed out with irrigation and aspiration.",
        "I rock the optic and aspirate all viscoelastic, to avoid a pressure spike.",
        "Irrigation and aspiration again, this time to take the gel out of the eye.",
    ),
    (Phase.IMPLANTATION, PhasePart.WHOLE): (
        "The foldable intraocular lens is injected into the bag, and it opens slowly.",
        "I dock the injector at the wound, and the hydrophobic acrylic lens unfolds in the capsular bag.",
        "Here comes the intraocular lens, leading haptic first, then I dial in the trailing haptic.",
        "Through the cartridge we implant a one piece intraocular lens of twenty one dioptres.",
        "The lens implant unfolds, and with the Sinskey hook I rotate it until it is well centred.",
        "Implantation of the intraocular lens, the optic lies behind the rhexis, the haptics in the bag.",
    ),
    (Phase.HYDRATION, PhasePart.WHOLE): (
        "Stromal hydration of both wounds with balanced salt solution, and the incisions are watertight.",
        "I hydrate the corneal stroma at the main incision until it turns white, then the side port.",
        "At the end the wound is hydrated, and I give intracameral moxifloxacin.",
        "Hydration of the wound edges closes the incision without a suture, you see the whitening stroma.",
        "The cannula is placed into the side of the tunnel, and the stroma is swollen with fluid to seal it.",
        "We check that nothing leaks after stromal hydration, moxifloxacin goes into the chamber.",
    ),
}

_STAINED = (
    "Trypan blue has stained the capsule, and viscoelastic now pushes the dye away.",
    "The capsule was painted with trypan blue, so viscoelastic goes in over the blue capsule.",
)
_HOOKED = (
    "Because of the small pupil we use iris hooks, and viscoelastic stretches it further.",
    "Four iris retractors hold this small pupil open while I inject the viscoelastic.",
)


def spoken_line(seed: int, index: int, phase: Phase, part: PhasePart, look: Look) -> str:
    """Return the sentence for a phase; the first videos of a corpus never share a wording."""
    wordings = _LINES[phase, part]
    topic = f"{phase}/{part}"
    if (
        phase is Phase.VISCOELASTIC
        and part is PhasePart.WHOLE
        and (look.small_pupil or look.stained)
    ):
        wordings = _HOOKED if look.small_pupil else _STAINED
        topic += "/variant"
    order = list(range(len(wordings)))
    random.Random(f"{seed}/{topic}").shuffle(order)
    return wordings[order[index % len(order)]]
