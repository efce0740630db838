"""Put small faults into stages, text and ophclip one by one, and count those that the mirrored tests notice.

    python -m benchmarks.faults --seed 1           56 faults, about 12 minutes on two cores
    python -m benchmarks.faults --seed 1 --share .25

A fault is one change inside a function, drawn at random: a comparison turned, an operand of `and` or `or`
left out, a condition that always or never holds, a number that is another, `min` for `max`, `+` for `-`, a
`strip` that is not there. Words in lists and texts of messages are not changed. Of one module come three
faults at most, so that long ones do not fill the sample. The tests of the module's folder run until one
fails, in a clone of the checkout: commit before. Some changes mean the same as before (`share < x` and
`share <= x` of a hash): those that survive are printed, to be read.
"""

from __future__ import annotations

import argparse
import ast
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parents[1]
AREAS = {
    "stages": (("pipelines/stages",), 16),
    "text": (("ophvl/text",), 20),
    "ophclip": (("ophclip",), 20),
}
"""Folders of each area, and the number of faults to draw."""
_MOST_OF_A_MODULE = 3
_LIMIT_S = 300.0
"""A test run that takes longer noticed the fault: it made something endless."""

_COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_METHODS = frozenset(
    {"lower", "casefold", "strip", "removesuffix", "removeprefix", "upper", "replace"}
)
_WORDS_ONLY = frozenset({"description", "help", "version", "strict", "maxsize"})
"""Arguments whose values no test of behaviour can see."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One change of a module: the `change`-th one that is possible at its `node`-th node."""

    path: str
    line: int
    what: str
    node: int
    change: int

    def source(self) -> str:
        """Return the whole module with the fault in it."""
        tree = ast.parse((ROOT / self.path).read_text(encoding="utf-8"))
        node = list(ast.walk(tree))[self.node]
        _, change = list(_changes(node))[self.change]
        change(node)
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def faults(path: Path) -> Iterator[Fault]:
    """Yield every fault of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = [
        (n.body[0].lineno, n.end_lineno or 0)
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    quiet = {id(n) for q in ast.walk(tree) if _is_quiet(q) for n in ast.walk(q)}
    for index, node in enumerate(ast.walk(tree)):
        line = getattr(node, "lineno", 0)
        if id(node) in quiet or not any(first <= line <= last for first, last in inside):
            continue
        text = ast.unparse(node).split("\n")[0][:60]
        for number, (what, _) in enumerate(_changes(node)):
            yield Fault(
                path=path.relative_to(ROOT).as_posix(),
                line=line,
                what=f"{what}: {text}",
                node=index,
                change=number,
            )


def _is_quiet(node: ast.AST) -> bool:
    """Tell whether all within a node says something rather than does it."""
    if isinstance(node, ast.keyword):
        return node.arg in _WORDS_ONLY
    if isinstance(node, ast.If):
        return ast.unparse(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.Raise | ast.JoinedStr | ast.AnnAssign)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[..., None]]]:
    """Yield what may be changed at a node, and the function that does so in place."""
    yield from _changed_conditions(node)
    yield from _changed_values(node)


def _changed_conditions(node: ast.AST) -> Iterator[tuple[str, Callable[..., None]]]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            turned = _COMPARISONS[type(op)]()
            yield "turned", lambda n: n.ops.__setitem__(0, turned)
        case ast.BoolOp(values=values):
            for i in range(len(values)):
                yield f"without operand {i + 1}", lambda n, i=i: n.values.pop(i)
        case ast.If() | ast.IfExp():
            for value in (False, True):
                yield f"always {value}", lambda n, v=value: setattr(n, "test", ast.Constant(v))
        case ast.UnaryOp(op=ast.Not()):
            yield "without not", lambda n: setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))
        case ast.Name(id=name) if name in _NAMES:
            yield _NAMES[name], lambda n: setattr(n, "id", _NAMES[n.id])


def _changed_values(node: ast.AST) -> Iterator[tuple[str, Callable[..., None]]]:
    match node:
        case ast.Constant(value=bool(value)):
            yield "flipped", lambda n: setattr(n, "value", not n.value)
        case ast.Constant(value=int(value)):
            yield "one more", lambda n: setattr(n, "value", n.value + 1)
        case ast.Constant(value=float(value)) if value:
            yield "three quarters", lambda n: setattr(n, "value", n.value * 0.75)
        case ast.BinOp(op=ast.Add() | ast.Sub() as op):
            other = ast.Sub() if isinstance(op, ast.Add) else ast.Add()
            yield "other sign", lambda n: setattr(n, "op", other)
        case ast.Call(func=ast.Attribute(attr=name)) if name in _METHODS:
            yield f"without {name}", _leave_out_call


def _leave_out_call(node: ast.AST) -> None:
    """Turn `a.strip()` into `a`, in place."""
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Attribute)
    value = node.func.value
    node.__class__ = value.__class__  # type: ignore[assignment]
    node.__dict__.clear()
    node.__dict__.update(value.__dict__)


def draw(seed: int, share: float) -> list[tuple[str, Fault]]:
    """Draw faults by area."""
    rng = random.Random(seed)
    drawn = []
    for area, (folders, count) in AREAS.items():
        paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
        pool = [fault for path in paths if _tests(path) for fault in faults(path)]
        rng.shuffle(pool)
        of_module: Counter[str] = Counter()
        chosen: list[tuple[str, Fault]] = []
        for fault in pool:
            if of_module[fault.path] < _MOST_OF_A_MODULE and len(chosen) < round(count * share):
                of_module[fault.path] += 1
                chosen.append((area, fault))
        drawn += chosen
    return drawn


def _tests(path: Path) -> list[str]:
    """Return the tests that mirror a module: those of a stage, else those of its folder."""
    relative = path.relative_to(ROOT)
    if relative.parts[:2] == ("pipelines", "stages"):
        return sorted(
            found.relative_to(ROOT).as_posix()
            for found in (ROOT / "tests/pipelines/stages").glob(f"test_{path.stem}*.py")
        )
    folder = Path("tests") / relative.parent
    return [folder.as_posix()] if len(relative.parts) > 2 and (ROOT / folder).is_dir() else []


def is_noticed(fault: Fault, checkout: Path) -> bool:
    """Run the mirrored tests of a copy of the checkout with the fault in it."""
    path = checkout / fault.path
    before = path.read_text(encoding="utf-8")
    path.write_text(fault.source(), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *_tests(ROOT / fault.path)],
            cwd=checkout,
            capture_output=True,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_text(before, encoding="utf-8")
    return done.returncode != 0


def main(arguments: Sequence[str]) -> int:
    """Draw faults, try each, and print those that survive and the share that was noticed."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, required=True, help="one that nobody has used")
    parser.add_argument("--share", type=float, default=1.0, help="of the faults to draw")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(arguments)
    drawn = draw(given.seed, given.share)
    checkouts: Queue[Path] = Queue()
    noticed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.jobs):
            copy = Path(folder) / str(number)
            subprocess.run(["git", "clone", "--quiet", ROOT, copy], check=True)
            checkouts.put(copy)

        def attempt(item: tuple[str, Fault]) -> tuple[str, Fault, bool]:
            checkout = checkouts.get()
            try:
                return *item, is_noticed(item[1], checkout)
            finally:
                checkouts.put(checkout)

        with ThreadPoolExecutor(given.jobs) as pool:
            for area, fault, found in pool.map(attempt, drawn):
                noticed[area] += found
                if not found:
                    print(f"survived  {fault.path}:{fault.line}  {fault.what}", flush=True)
    for area, total in Counter(area for area, _ in drawn).items():
        print(f"{area:8} {noticed[area]} of {total} noticed")
    print(f"in all   {noticed.total()} of {len(drawn)}: {noticed.total() / len(drawn):.0%}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
