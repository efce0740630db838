"""The house keeps its shape: who imports whom, and what a mere `--help` may cost."""

from __future__ import annotations

import ast
import pkgutil
import re
import subprocess
import sys
import time
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import ophclip
import ophvl
import pipelines
import schemas

ROOT = Path(__file__).parents[1]
HEAVY = {
    *("av", "jinja2", "numpy", "pandas", "pyarrow", "spacy", "torch", "transformers", "yt_dlp"),
    *("ctranslate2", "faster_whisper", "httpx", "whisper", "wordfreq", "sentence_transformers"),
}


def python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_the_import_contracts_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_every_module_has_its_place_in_the_layers() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [
        layer for c in settings["contracts"] if c["type"] == "layers" for layer in c["layers"]
    ]
    placed = {name.strip("() ") for layer in layers for name in re.split("[|:]", layer)}
    for package in (ophvl, ophclip):
        name = package.__name__
        present = {f"{name}.{module.name}" for module in pkgutil.iter_modules(package.__path__)}
        assert present - {f"{name}.__main__"} - placed == set()


def test_the_packages_are_ours() -> None:
    for package in (ophvl, pipelines, schemas):
        assert Path(package.__file__ or "").parent == ROOT / package.__name__


OURS = {"benchmarks", "demo", "ophclip", "ophvl", "pipelines", "schemas"}
ON_DEMAND = {"_typeshed", "wandb"}
"""For types alone; or asked for by a setting, and told what to install where it is missing."""
HIDDEN = {"torch.utils.tensorboard": "tensorboard"}
"""Modules that need a package of another name."""


def imported(package: str) -> set[str]:
    """Top-level names that the modules of a package import, but for ours and the standard library's."""
    found: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
    tops = {HIDDEN.get(name, name).partition(".")[0] for name in found}
    return tops - set(sys.stdlib_module_names) - OURS - ON_DEMAND


@pytest.mark.parametrize(
    ("package", "extras"),
    [
        ("schemas", ()),
        ("ophvl", ("curate", "ray")),
        ("pipelines", ("curate",)),
        ("ophclip", ("train",)),
        ("demo", ("curate", "demo")),
        ("benchmarks", ("curate", "train", "ray", "demo", "dev")),
    ],
)
def test_what_a_package_imports_is_declared(package: str, extras: tuple[str, ...]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    named = [*project["dependencies"], *(text for extra in extras for text in optional[extra])]
    declared = {canonicalize_name(Requirement(text).name) for text in named}
    distributions = packages_distributions()
    undeclared = {
        name
        for name in imported(package)
        if not declared & {canonicalize_name(d) for d in distributions.get(name, [])}
    }
    assert undeclared == set()


@pytest.mark.parametrize("name", ["ophvl", "ophclip"])
def test_help_loads_nothing_heavy(name: str) -> None:
    code = (
        f"import sys; sys.argv = ['{name}', '--help']\n"
        f"from {name}.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "print('\\nmodules', *sorted(sys.modules))"
    )
    text, _, modules = python(code).rpartition("modules ")
    assert "Usage" in text
    assert {module.partition(".")[0] for module in modules.split()} & HEAVY == set()


def test_help_costs_little_more_than_its_framework() -> None:
    def fastest(code: str) -> float:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            python(code)
            times.append(time.perf_counter() - started)
        return min(times)

    bare_s = fastest("import typer, rich.console")
    help_s = fastest("import sys; sys.argv = ['ophvl', '--help']; from ophvl.cli import app; app()")
    print(f"ophvl --help {help_s:.2f} s, typer alone {bare_s:.2f} s")
    assert help_s < 4 * bare_s
