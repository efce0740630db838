"""Assignment by source video: stable, and in the shares that were asked for."""

import pytest

from pipelines.stages.split import SplitConfig, assign, split
from schemas.splits import SPLITS
from schemas.titles import TITLES
from schemas.vocab import Split

IDS = [f"youtube_{number:05d}" for number in range(4000)]


def test_shares_are_near_what_was_asked_for() -> None:
    config = SplitConfig(val_share=0.1, test_share=0.2)
    counts = {name: sum(assign(i, config) is name for i in IDS) / len(IDS) for name in Split}
    assert counts[Split.TEST] == pytest.approx(0.2, abs=0.02)
    assert counts[Split.VAL] == pytest.approx(0.1, abs=0.02)


def test_growing_the_test_share_moves_no_test_video() -> None:
    small, large = SplitConfig(test_share=0.05), SplitConfig(test_share=0.2)
    before = {i for i in IDS if assign(i, small) is Split.TEST}
    assert before <= {i for i in IDS if assign(i, large) is Split.TEST}


def test_zero_shares_leave_everything_for_training() -> None:
    config = SplitConfig(val_share=0.0, test_share=0.0)
    assert {assign(i, config) for i in IDS} == {Split.TRAIN}


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.1), (0.5, 0.5)])
def test_impossible_shares_are_refused(val: float, test: float) -> None:
    with pytest.raises(ValueError, match="val_share"):
        SplitConfig(val_share=val, test_share=test)


def test_table_holds_each_video_once_and_keeps_its_schema() -> None:
    titles = TITLES.empty().select(["video_id"])
    assert split(titles, config=SplitConfig()).tables["splits"].num_rows == 0
    import pyarrow as pa

    titles = pa.table({"video_id": IDS[:10]})
    table = split(titles, config=SplitConfig()).tables["splits"]
    assert SPLITS.check(table) == []
    assert table.column("video_id").to_pylist() == IDS[:10]


def test_a_video_keeps_its_split_whatever_else_is_in_the_table() -> None:
    import pyarrow as pa

    config = SplitConfig(val_share=0.3, test_share=0.3)
    whole = split(pa.table({"video_id": IDS[:60]}), config=config).tables["splits"].to_pylist()
    part = split(pa.table({"video_id": IDS[29:9:-1]}), config=config).tables["splits"].to_pylist()
    assert [row["video_id"] for row in part] == IDS[10:30]
    assert part == whole[10:30]
    assert {row["split"] for row in whole} == {"train", "val", "test"}


def test_the_assignment_itself_does_not_change_from_version_to_version() -> None:
    config = SplitConfig(val_share=0.2, test_share=0.2)
    names = [str(assign(i, config)) for i in IDS[:12]]
    pinned = "test train train test val val train train train train test val"
    assert names == pinned.split()
    assert [
        str(assign(i, SplitConfig(val_share=0.2, test_share=0.2, salt="x"))) for i in IDS[:12]
    ] != names


def test_videos_that_leave_test_for_val_are_those_between_the_shares() -> None:
    small, large = (SplitConfig(val_share=0.1, test_share=share) for share in (0.1, 0.2))
    for video_id in IDS[:500]:
        before, after = assign(video_id, small), assign(video_id, large)
        assert (before is Split.VAL) <= (after is Split.TEST), "val lies next above test"
