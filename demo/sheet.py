"""Draw the contact sheet of the demo corpus: one row for each phase, one column for each case.

python -m demo.sheet --out docs/images/demo.jpg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from demo.drawing.canvas import Pixels
from demo.drawing.eye import EyePainter
from demo.film import Camera, surgery_frame
from demo.phases import Phase, PhasePart
from demo.plan import VideoKind, VideoPlan, make_plan

COLUMNS = 5
TILE = (192, 144)
LABEL_HEIGHT = 20

MOMENTS = {
    Phase.INCISION: 0.72,
    Phase.VISCOELASTIC: 0.5,
    Phase.CAPSULORHEXIS: 0.7,
    Phase.HYDRODISSECTION: 0.3,
    Phase.PHACO: 0.5,
    Phase.ASPIRATION: 0.5,
    Phase.IMPLANTATION: 0.4,
    Phase.HYDRATION: 0.45,
}
"""The most typical moment of each phase, as a share of its length."""


def contact_sheet(seed: int) -> Pixels:
    """Draw the sheet for cases of this seed: (height, width, 3), RGB."""
    columns: dict[Phase, list[Pixels]] = {phase: [] for phase in Phase}
    index = 0
    # Each row takes the first cases that show its phase, so that no tile is empty.
    while min(map(len, columns.values())) < COLUMNS:
        plan = make_plan(seed, VideoKind.SILENT, index)
        painter = EyePainter(plan.look)
        for phase, tiles in columns.items():
            time_s = _moment(plan, phase)
            if time_s is not None and len(tiles) < COLUMNS:
                frame = Camera(plan.look, index).record(
                    surgery_frame(plan, painter, time_s), time_s
                )
                tiles.append(_resized(frame))
        index += 1
    return np.concatenate([_row(phase, tiles) for phase, tiles in columns.items()])


def _moment(plan: VideoPlan, phase: Phase) -> float | None:
    for step in plan.steps:
        if step.phase is phase and step.part in (PhasePart.WHOLE, PhasePart.MAIN_WOUND):
            return step.start_s + MOMENTS[phase] * step.length_s
    return None


def _resized(frame: Pixels) -> Pixels:
    return np.asarray(cv2.resize(frame, TILE, interpolation=cv2.INTER_AREA), np.uint8)


def _row(phase: Phase, tiles: list[Pixels]) -> Pixels:
    label = np.full((LABEL_HEIGHT, TILE[0] * COLUMNS, 3), 250, np.uint8)
    cv2.putText(label, phase, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    row: Pixels = np.concatenate([label, np.concatenate(tiles, axis=1)])
    return row


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo.sheet", description=__doc__)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("docs/images/demo.jpg"))
    args = parser.parse_args()
    args.out.parent.mkdir(parents=True, exist_ok=True)
    bgr = np.ascontiguousarray(contact_sheet(args.seed)[..., ::-1])
    cv2.imwrite(str(args.out), bgr, [cv2.IMWRITE_JPEG_QUALITY, 70])


if __name__ == "__main__":
    main()
