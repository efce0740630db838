"""One video, followed through all stages."""

from __future__ import annotations

import pytest

from ophvl.dataset.store import Store
from ophvl.errors import UsageError
from ophvl.report.video import video_lines
from tests.factories import video_id


def test_a_video_is_followed(store: Store) -> None:
    text = "\n".join(video_lines(store, video_id(1)))
    assert text.startswith("youtube_00001: Phaco case 1\n  from https://example.org/1")
    assert "narrations: narration_id=youtube_00001-n0001" in text
    assert "routes: route=narrated, reason=speech" in text
    assert "jpeg" not in text


def test_an_unknown_video_is_refused_with_some_known_ones(store: Store) -> None:
    with pytest.raises(UsageError, match=r"no video nobody .* there are youtube_00001"):
        video_lines(store, "nobody")
