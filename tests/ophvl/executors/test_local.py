"""In process or in a pool: every task ends once, and faults come out as they are."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ophvl.errors import ItemError, UsageError
from ophvl.executors import local
from schemas.vocab import FailureKind


@dataclass(frozen=True)
class Setup:
    """Makes a function that answers with its process, or does what the task says."""

    say: str

    def __call__(self) -> Callable[[str], tuple[str, int, str]]:
        def work(task: str) -> tuple[str, int, str]:
            if task == "item":
                raise ItemError(FailureKind.EMPTY, "nothing in it")
            if task == "bug":
                raise KeyError(task)
            if task == "die":
                os._exit(9)
            return f"{self.say} {task}", os.getpid(), os.environ.get("OMP_NUM_THREADS", "")

        return work


def test_one_worker_is_this_process_and_keeps_the_order() -> None:
    done = list(local.run(Setup("did"), iter("cab"), workers=1))
    assert [said for said, _, _ in done] == ["did c", "did a", "did b"]
    assert {pid for _, pid, _ in done} == {os.getpid()}


def test_more_workers_are_other_single_threaded_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    done = list(local.run(Setup("did"), "abcdef", workers=2))
    assert sorted(said for said, _, _ in done) == [f"did {x}" for x in "abcdef"]
    assert os.getpid() not in {pid for _, pid, _ in done}
    assert {threads for _, _, threads in done} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [("item", ItemError, "nothing in it"), ("bug", KeyError, "bug"), ("die", UsageError, "killed")],
)
def test_faults_of_a_worker_come_out(task: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        list(local.run(Setup("did"), [task, *"abc"], workers=2))


def test_no_tasks_are_no_trouble() -> None:
    assert list(local.run(Setup("did"), [], workers=1)) == []
