"""Read the labelled frames of six real cataract surgeries (CaDIS). Images stay in the data folder."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("frames/cadis")
"""Below the folder that OPHVL_TEST_DATA names: `labels.csv` and `images/`."""

FRAMES_PER_S = 30.0
"""CaDIS numbers the frames of the source videos."""

PLAIN = {
    "Bonn Forceps": "pair of Bonn forceps",
    "Capsulorhexis Cystotome": "cystotome",
    "Capsulorhexis Cystotome Handle": "cystotome handle",
    "Capsulorhexis Forceps": "pair of capsulorhexis forceps",
    "Hydrodissection Cannula": "hydrodissection cannula",
    "I/A Handpiece": "irrigation and aspiration handpiece",
    "I/A Handpiece Handle": "handle of an irrigation and aspiration handpiece",
    "Lens Injector": "lens injector",
    "Lens Injector Handle": "lens injector handle",
    "Micromanipulator": "micromanipulator",
    "Phacoemulsifier Handpiece": "phacoemulsification handpiece",
    "Primary Knife": "primary incision knife",
    "Primary Knife Handle": "primary incision knife handle",
    "Rycroft Cannula": "Rycroft cannula",
    "Secondary Knife": "side port knife",
    "Secondary Knife Handle": "side port knife handle",
    "Suture Needle": "suture needle",
    "Troutman Forceps": "pair of Troutman forceps",
    "Viscoelastic Cannula": "viscoelastic cannula",
}
"""The dataset's instruments in words that follow "a" or "an"."""

_NUMBER = re.compile(r"frame(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelledFrame:
    """One frame and the instruments that it shows."""

    path: Path
    video: str
    number: int
    instruments: frozenset[str]

    @property
    def time_s(self) -> float:
        """Time in the source video, in seconds."""
        return self.number / FRAMES_PER_S


def read(data: Path) -> list[LabelledFrame]:
    """Read all frames, in the order of videos and time.

    Raises:
        FileNotFoundError: `data` holds no CaDIS labels, or an image is missing.
        ValueError: a file name has no frame number, or an instrument has no plain name.
    """
    folder = data / FOLDER
    frames = []
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number = _NUMBER.search(row["image"])
            if number is None:
                raise ValueError(f"{row['image']} in {folder} has no frame number in its name")
            frame = LabelledFrame(
                path=folder / "images" / row["image"],
                video=row["video"],
                number=int(number[1]),
                instruments=frozenset(name for name in row["instruments"].split("|") if name),
            )
            unknown = frame.instruments - PLAIN.keys()
            if unknown:
                raise ValueError(f"{row['image']}: no plain name for {', '.join(sorted(unknown))}")
            if not frame.path.is_file():
                raise FileNotFoundError(f"{frame.path} is in labels.csv but does not exist")
            frames.append(frame)
    return sorted(frames, key=lambda frame: (frame.video, frame.number))


def videos(frames: Sequence[LabelledFrame]) -> list[str]:
    """Return the videos of the frames, sorted."""
    return sorted({frame.video for frame in frames})
