"""docs/settings.md says what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ophclip.cli import app as ophclip
from ophvl.cli import app as ophvl

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


@pytest.mark.parametrize("name", ["ophvl", "ophclip"])
def test_the_page_has_the_tables_of_the_code(name: str, tmp_path: Path) -> None:
    app, place = (ophvl, ["--out", str(tmp_path)]) if name == "ophvl" else (ophclip, [])
    preset = ["--preset", "tiny"] if name == "ophclip" else []
    result = CliRunner().invoke(app, ["config", "--markdown", *place, *preset])
    assert result.exit_code == 0, result.output
    assert result.stdout in PAGE.read_text(encoding="utf-8"), (
        f"docs/settings.md is not that of the code: put the output of `{name} config --markdown` in it"
    )


def test_where_a_value_comes_from_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[pair]\nclip_frames = 4\n")
    arguments = [
        "config",
        "--out",
        str(tmp_path),
        "--config",
        str(file),
        "--set",
        "frames.quality=80",
    ]
    result = CliRunner().invoke(ophvl, arguments)
    assert result.exit_code == 0, result.output
    assert f"clip_frames = 4 frames  ({file})" in result.stdout
    assert "quality = 80  (--set frames.quality=80)" in result.stdout
    assert "short_side = 256 pixels  (default)" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= max(
        80, len(f"clip_frames = 4 frames  ({file})")
    )


def test_settings_as_json(tmp_path: Path) -> None:
    import json

    result = CliRunner().invoke(ophvl, ["config", "--out", str(tmp_path), "--json"])
    setting = json.loads(result.stdout)["segment"]["max_clip_s"]
    assert (setting["value"], setting["unit"], setting["origin"]) == (15.0, "s", "default")
