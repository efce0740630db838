"""What is told of the neighbours agrees with the corpus."""

from __future__ import annotations

import re

from benchmarks.learnability.corpus import Sizes
from benchmarks.learnability.neighbours import study


def test_neighbours_are_told_before_and_after_training(tmp_path):
    sizes = Sizes(narrated=8, silent=50, test=0)
    first, start, end = study(tmp_path, seed=5, sizes=sizes, clip_steps=3)
    assert re.fullmatch(r"of two videos at random \d+% show the same surgery", first)
    told = (
        r"(\d+)% of the neighbours do; cosine of their pooled title with the video's own "
        r"(-?\d\.\d\d), with another video's (-?\d\.\d\d)"
    )
    for place, line in (("start", start), ("end", end)):
        found = re.fullmatch(f"at the {place} {told}", line)
        assert found
        # Titles alone lead to the right surgery far more often than chance, and to titles like one's own.
        assert int(found[1]) >= 40
        assert float(found[2]) > float(found[3])
