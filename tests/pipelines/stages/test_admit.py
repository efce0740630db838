"""What stands on a list goes no further, whoever said whose it is, and is known again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from ophvl.media.folder import MediaFolder
from ophvl.sources.blocklists import BlockLists
from ophvl.stage import StageResult
from pipelines.stages.admit import AdmitConfig, admit
from schemas.catalogue import TABLES
from tests.factories import publication_row, table, video_id, video_row

NOTHING: Mapping[str, pa.Table] = {
    name: TABLES[name].empty() for name in ("identities", "publications")
}
PAGE = publication_row(
    1, channel="Eye clinic", channel_id="clinic1", channel_handle="@clinic", page_id="eyetube_b7"
)


def judge(out: Path, **previous: pa.Table) -> StageResult:
    return admit(
        table("videos", video_row(1, channel=None, channel_id=None, channel_handle=None)),
        config=AdmitConfig(),
        lists=BlockLists.of(out),
        files=MediaFolder(root=out),
        previous={**NOTHING, **previous},
    )


def test_a_video_on_no_list_goes_on(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    media = tmp_path / "media" / f"{video_id(1)}.mp4"
    media.touch()
    result = judge(tmp_path)
    assert result.dropped == ()
    assert media.exists()
    (identity,) = result.tables["identities"].to_pylist()
    assert identity["urls"] == [video_row(1).location]
    assert (identity["ids"], identity["channels"]) == ([], [])


@pytest.mark.parametrize(
    "line", ["channel:@clinic", "channel:Eye clinic", "channel:clinic1", "eyetube_b7", "b7"]
)
def test_what_its_page_said_counts_and_is_not_forgotten(tmp_path: Path, line: str) -> None:
    (tmp_path / "media").mkdir()
    media = tmp_path / "media" / f"{video_id(1)}.mp4"
    media.touch()
    (tmp_path / "block.txt").write_text(f"{line}\n")
    result = judge(tmp_path, publications=table("publications", PAGE))
    assert [drop.reason for drop in result.dropped] == ["taken_down"]
    assert not media.exists()
    (tmp_path / "block.txt").write_text(f"{line}\nchannel:another\n")
    again = judge(tmp_path, identities=result.tables["identities"])
    assert [drop.row_id for drop in again.dropped] == [video_id(1)]
    assert again.tables["identities"].equals(result.tables["identities"])
    (tmp_path / "block.txt").write_text("channel:another\n")
    assert judge(tmp_path, identities=again.tables["identities"]).dropped == ()
