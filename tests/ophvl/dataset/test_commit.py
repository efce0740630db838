"""A result file appears whole or not at all."""

from __future__ import annotations

import pyarrow as pa
import pytest

from ophvl.dataset.store import Store
from tests.ophvl.dataset.results import put


def test_a_commit_that_fails_leaves_the_result_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 1)

    def broken(table: pa.Table) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ophvl.dataset.commit._to_ipc", broken)
    with pytest.raises(OSError, match="No space"):
        put(store, 1, bytes=7)
    assert store.read("media").column("bytes").to_pylist() == [1001]
    assert len(list((store.root / "units" / "fetch").iterdir())) == 1
