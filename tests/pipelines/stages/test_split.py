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
