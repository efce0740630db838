"""The house keeps its shape: who imports whom, and what a mere `--help` may cost."""

from __future__ import annotations

import ast
import pkgutil
import re
import resource
import subprocess
import sys
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
from pipelines.registry import MODULES, load_stages, settings_classes

ROOT = Path(__file__).parents[1]
HEAVY = {
    *("av", "jinja2", "numpy", "pandas", "pyarrow", "spacy", "torch", "transformers", "yt_dlp"),
    *("ctranslate2", "faster_whisper", "httpx", "whisper", "wordfreq", "sentence_transformers"),
    *("ahocorasick", "rapidfuzz", "ray"),
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


def modules_after(code: str) -> set[str]:
    return set(
        python(f"{code}\nimport sys; print('\\nmodules', *sys.modules)")
        .split("modules ")[-1]
        .split()
    )


def tops(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


HELP = (
    "import sys; sys.argv = ['{name}', '--help']\n"
    "from {name}.cli import main\n"
    "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0"
)


@pytest.mark.parametrize("name", ["ophvl", "ophclip"])
def test_help_loads_nothing_heavy(name: str) -> None:
    assert "Usage" in python(HELP.format(name=name))
    modules = modules_after(HELP.format(name=name))
    assert tops(modules) & {*HEAVY, "pydantic"} == set()
    assert [module for module in modules if module.startswith("pipelines")] == []


def test_the_registry_lists_stages_without_importing_any() -> None:
    modules = modules_after("from pipelines.registry import MODULES")
    assert tops(modules) & {*HEAVY, "pydantic"} == set()
    assert [module for module in modules if module.startswith("pipelines.stages.")] == []


def test_declarations_of_all_stages_load_nothing_heavy() -> None:
    modules = modules_after("from pipelines.registry import load_stages; load_stages()")
    assert "pipelines.stages.shard" in modules
    assert tops(modules) & HEAVY == set()


def test_each_declaration_has_the_name_that_the_registry_gives_it() -> None:
    assert [stage.name for stage in load_stages()] == list(MODULES)
    files = {path.stem for path in (ROOT / "pipelines" / "stages").glob("[!_]*.py")}
    assert files == {module.rpartition(".")[2] for module in MODULES.values()}


def test_every_setting_has_a_description() -> None:
    assert [
        f"{section}.{key}"
        for section, cls in settings_classes().items()
        for key, field in cls.model_fields.items()
        if not field.description
    ] == []


def cpu_s(code: str) -> float:
    """CPU time of a new interpreter that runs `code`, user and system: the least of three."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        python(code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


@pytest.mark.parametrize("name", ["ophvl", "ophclip"])
def test_help_takes_less_than_half_a_second_of_cpu(name: str) -> None:
    spent = cpu_s(HELP.format(name=name))
    print(f"{name} --help {spent:.2f} s")
    assert spent < 0.5


LONG = 400
"""Lines of a file that needs no reason to be so long."""
MANY = 15
"""Modules of a folder that is not split by subject."""
ONE_A_SUBJECT = {"pipelines/stages", "schemas", "tests/pipelines/stages"}
"""Folders with one file a stage or a table."""


def modules() -> list[Path]:
    """Return all our modules, relative to the root."""
    packages = (*sorted(OURS), "tests")
    return [path.relative_to(ROOT) for name in packages for path in (ROOT / name).rglob("*.py")]


def test_a_long_file_says_why() -> None:
    unexplained = []
    for path in modules():
        text = (ROOT / path).read_text(encoding="utf-8")
        first = ast.get_docstring(ast.parse(text)) or ""
        if text.count("\n") > LONG and " is long because " not in " ".join(first.split()):
            unexplained.append(str(path))
    assert unexplained == []


def test_a_folder_is_split_by_subject_before_it_is_full() -> None:
    names = [str(path.parent) for path in modules() if path.name != "__init__.py"]
    full = {name for name in names if names.count(name) > MANY}
    assert full <= ONE_A_SUBJECT
