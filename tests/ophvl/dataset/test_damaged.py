"""Files of a dataset folder that are cut short: each command names them and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import ophvl.cli
from ophvl.dataset.store import Store
from pipelines.registry import load_stages
from schemas.catalogue import TABLES

GOLDEN = Path(__file__).parents[2] / "golden" / "dataset"


def _result(root: Path) -> Path:
    """Write a result that is not compacted yet."""
    store = Store(root, load_stages())
    entry = next(iter(store.entries("tag").values()))
    store.commit(entry, {"attributes": TABLES["attributes"].empty()})
    return root / "units" / "tag" / f"{entry.unit}.zip"


FILES: dict[str, Callable[[Path], Path]] = {
    "result": _result,
    "segment": lambda root: sorted(root.glob("ledger/tag/*.jsonl"))[0],
    "table": lambda root: sorted(root.glob("tables/pairs/*.parquet"))[0],
    "list": lambda root: sorted(root.glob("lists/*.json"))[0],
    "models": lambda root: root / "models.json",
}
READERS = {
    "result": ["stats", "status", "show", "check", "run"],
    "segment": ["stats", "status", "show", "check", "run"],
    "table": ["stats", "show", "check"],
    "list": ["stats", "status"],
    "models": ["run"],
}
COMMANDS = {"show": ["show", "url_28a53f4b94ca09f4"], "run": ["run", "transcribe..tag"]}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden folder in this version's form."""
    root = tmp_path_factory.mktemp("golden") / "out"
    shutil.copytree(GOLDEN, root)
    Store(root, load_stages()).upgrade(lambda text: None)
    return root


@pytest.mark.parametrize("cut", [0.0, 0.5])
@pytest.mark.parametrize(
    ("kind", "command"), [(kind, command) for kind in FILES for command in READERS[kind]]
)
def test_a_file_that_is_cut_short_is_named(
    kind: str,
    command: str,
    cut: float,
    dataset: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "out"
    shutil.copytree(dataset, root)
    path = FILES[kind](root)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    words = COMMANDS.get(command, [command])
    monkeypatch.setattr("sys.argv", ["ophvl", *words, "--out", str(root)])
    monkeypatch.setattr(ophvl.cli, "end_on_sigterm", lambda: None)
    with pytest.raises(SystemExit) as stop:
        ophvl.cli.main()
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert path.name in said
    assert "delete" in said
