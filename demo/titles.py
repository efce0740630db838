"""Titles, descriptions and channels as on video sites: messy, and with invented people only."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from demo.plan import VideoKind, VideoPlan

NOTE = (
    "SIMULATED: this video was drawn by a computer program. "
    "No patient, no real surgery, and people named here are invented."
)

CHANNELS = (
    "Dr. Odalys Marrow Eye Surgery",
    "Phaco With Tenzin",
    "Lumen Eye Institute 👁️",
    "Dr Quillon Abara - Cataract & Cornea",
    "Residents' Eye Theatre",
    "OphthoTube by Prof. Ilse Varnholt",
)
LICENCES = (
    "Creative Commons Attribution license (reuse allowed)",
    None,
    "Standard YouTube License",
    "Creative Commons Attribution license (reuse allowed)",
    None,
)


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """The fields of yt-dlp's info file that the corpus needs."""

    title: str
    description: str
    channel: str
    channel_id: str
    uploader: str
    upload_date: str
    duration: int
    tags: tuple[str, ...]
    license: str | None

    def fields(self) -> dict[str, object]:
        """Return the sidecar's JSON object, without unknown values."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def make_sidecar(plan: VideoPlan) -> Sidecar:
    """Invent the metadata of a video."""
    rng = plan.rng("title")
    other = plan.kind is VideoKind.OTHER
    number = _number(plan)
    channel = "GlowWithMirabel ✨" if other else CHANNELS[number % len(CHANNELS)]
    uploaded = date(2017, 1, 1) + timedelta(days=rng.randrange(3000))
    title = _makeup_title(plan) if other else _surgery_title(plan)
    return Sidecar(
        title=title,
        description=_description(plan, channel),
        channel=channel,
        channel_id=f"UC{sum(map(ord, channel)):08d}simulated",
        uploader=channel,
        upload_date=uploaded.strftime("%Y%m%d"),
        duration=math.ceil(plan.duration_s),
        tags=("makeup", "smokyeye", "tutorial") if other else _tags(plan),
        license=LICENCES[number % len(LICENCES)],
    )


def _surgery_title(plan: VideoPlan) -> str:
    rng = plan.rng("title words")
    look = plan.look
    eye = rng.choice(("RE", "LE"))
    case = rng.randrange(40, 5000)
    titles: tuple[str, ...]
    if look.small_pupil:
        titles = (
            f"Small pupil?? No problem 😎 iris hooks + phaco {eye} #cataract #smallpupil",
            f"Phaco in small pupil with IRIS HOOKS | {case}",
            f"Cataract surgery, pseudoexfoliation & small pupil - iris retractors ({eye})",
        )
    elif look.white:
        titles = (
            f"WHITE CATARACT 😱 trypan blue assisted capsulorhexis || live #{case}",
            f"Mature white cataract {eye} - trypan blue, phaco + foldable IOL",
            "Intumescent cataract: how I do the rhexis (trypan blue) 🔵",
        )
    elif look.stained:
        titles = (
            f"Phaco with trypan blue {eye} || case {case}",
            "poor red reflex -> blue dye first! PHACO + IOL #ophthalmology",
            f"Dense cataract, capsule staining, phaco chop [{eye}] full video",
        )
    else:
        titles = (
            f"PHACO+PCIOL {eye} || Dr. Marrow || case {case}",
            "Routine cataract surgery step by step 👁️✨ #phaco #cataractsurgery #eyesurgery",
            f"Phacoemulsification with IOL implantation OD/OS?? ({eye}) topical anaesthesia",
            "2.4 mm MICS phaco unedited... grade 3 nuclear sclerosis 🔥🔥",
            f"cataract sx {eye} 68y F",
        )
    # Hospital files have no better name than their number.
    if plan.kind is VideoKind.SILENT and plan.index % 5 == 2:
        return f"case_{case}.mp4"
    return titles[_number(plan) % len(titles)]


def _number(plan: VideoPlan) -> int:
    """Return a running number, so that successive videos of the corpus choose differently."""
    return plan.seed + plan.index + (2 if plan.kind is VideoKind.SILENT else 0)


def _makeup_title(plan: VideoPlan) -> str:
    titles = (
        "Smoky eye makeup tutorial 💄✨ for hooded eyes | GRWM",
        "5 minute eye makeup look 😍 drugstore eyeshadow palette",
    )
    return titles[plan.index % len(titles)]


def _description(plan: VideoPlan, channel: str) -> str:
    if plan.kind is VideoKind.OTHER:
        body = "All products below 👇 use code SHIMMER10 💕 #makeup #eyeshadow"
    elif plan.look.small_pupil:
        body = "Small pupil managed with four iris hooks, then phaco and IOL in the bag."
    elif plan.look.stained:
        body = "Capsule stained with trypan blue 0.06%. Phaco chop, foldable acrylic IOL. Comments welcome!!"
    else:
        body = "Phacoemulsification under topical anaesthesia, 2.4 mm incision, PCIOL in the bag."
    links = "▶ Subscribe and ring the bell 🔔\nFor courses write to courses at example.org"
    return f"{body}\n\n{links}\n© {channel}\n\n{NOTE}"


def _tags(plan: VideoPlan) -> tuple[str, ...]:
    tags = ["cataract", "phaco", "eye surgery", "simulated"]
    if plan.look.stained:
        tags.append("trypan blue")
    if plan.look.small_pupil:
        tags.append("iris hooks")
    return tuple(tags)
