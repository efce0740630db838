"""docs/settings.md says what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field
from typer.testing import CliRunner

from ophclip.cli import app as ophclip
from ophvl.cli import app as ophvl
from ophvl.config import Layer, Settings, resolve_layers
from ophvl.settings_text import as_terminal

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


@pytest.mark.parametrize("name", ["ophvl", "ophclip"])
def test_the_page_has_the_tables_of_the_code(name: str, tmp_path: Path) -> None:
    app, place = (ophvl, ["--out", str(tmp_path)]) if name == "ophvl" else (ophclip, [])
    preset = ["--preset", "tiny"] if name == "ophclip" else []
    result = CliRunner().invoke(app, ["config", "--markdown", *place, *preset])
    assert result.exit_code == 0, result.output
    chapter = PAGE.read_text(encoding="utf-8").split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert chapter[chapter.index("### ") :].rstrip() == result.stdout.rstrip(), (
        f"docs/settings.md is not that of the code: replace the tables under '## {name}' by what "
        f"`{name} config --markdown` prints"
    )


def test_each_value_has_its_origin_and_lines_fit_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saved = tmp_path / "out" / "config.toml"
    saved.parent.mkdir()
    saved.write_text("[pair]\nclip_frames = 2\nmin_language_probability = 0.8\n")
    Path("mine.toml").write_text("[pair]\nclip_frames = 4\n")
    arguments = ["config", "--config", "mine.toml", "--set", "frames.quality=80"]
    result = CliRunner().invoke(ophvl, arguments)
    assert result.exit_code == 0, result.output
    assert "\nclip_frames = 4 frames  (mine.toml)\n" in result.stdout
    assert "\nquality = 80  (--set frames.quality=80)\n" in result.stdout
    assert "\nshort_side = 256 pixels  (default)\n" in result.stdout
    shown = " ".join(result.stdout.split())
    assert f"min_language_probability = 0.8 ({saved})" in shown
    assert [
        line for line in result.stdout.splitlines() if len(line) > 80 and "(/" not in line
    ] == []


def test_a_long_origin_and_text_in_any_script_stay_readable() -> None:
    class Model(Settings):
        """A model."""

        folder: str = Field("ü", description="Where it is.")

    layer = Layer(origin="/" + "x" * 70, values={"model": {"folder": "/home/Jürgen"}})
    sections = {"model": Model}
    text = as_terminal(sections, resolve_layers(sections, [layer]))
    assert text.splitlines() == [
        "[model]",
        "A model.",
        'folder = "/home/Jürgen"',
        f"    (/{'x' * 70})",
        '    Where it is. A text; default "ü".',
    ]


def test_settings_as_json(tmp_path: Path) -> None:
    import json

    result = CliRunner().invoke(ophvl, ["config", "--out", str(tmp_path), "--json"])
    setting = json.loads(result.stdout)["segment"]["max_clip_s"]
    assert (setting["value"], setting["unit"], setting["origin"]) == (15.0, "s", "default")
