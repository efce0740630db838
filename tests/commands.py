"""Run commands of ours in processes of their own that do not import everything anew.

A server imports the packages once for each worker of the test session; each command runs in a fork of it.
What a new interpreter does differently has tests of its own, such as those of README, signals and kills.
"""

from __future__ import annotations

import atexit
import io
import json
import multiprocessing
import os
import random
import resource
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["tests.preload"])


class Command:
    """A command that runs.

    Args:
        arguments: a module that is a program, such as `ophvl`, and its arguments.
        env: the environment; that of this process where it is None.
        open_files: the most files that it may have open.
    """

    def __init__(
        self,
        *arguments: object,
        stdin: str = "",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        open_files: int | None = None,
    ) -> None:
        self.argv = list(map(str, arguments))
        self._folder = tempfile.TemporaryDirectory(prefix="command-")
        self._streams = [Path(self._folder.name, name) for name in ("stdin", "stdout", "stderr")]
        self._streams[0].write_text(stdin, encoding="utf-8")
        place, variables = str(cwd or Path.cwd()), dict(os.environ if env is None else env)
        self._process = _SERVER.Process(
            target=_become,
            args=(self.argv, list(map(str, self._streams)), place, variables, open_files),
        )
        self._process.start()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.is_alive()

    def kill(self) -> None:
        """Kill it (SIGKILL), and wait for its end."""
        self._process.kill()
        self.end()

    def end(self, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Wait for the end; return the exit code and what was written.

        Raises:
            subprocess.TimeoutExpired: it took longer; it is killed.
        """
        with self._folder:
            self._process.join(timeout_s)
            if self.is_running:
                self._process.kill()
                self._process.join()
                raise subprocess.TimeoutExpired(self.argv, timeout_s)
            code = self._process.exitcode
            assert code is not None
            stdout, stderr = (path.read_text(encoding="utf-8") for path in self._streams[1:])
        self._process.close()
        return subprocess.CompletedProcess(self.argv, code, stdout, stderr)


def run(
    *arguments: object,
    code: int = 0,
    stdin: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    open_files: int | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would; it must end with `code` and never with a traceback."""
    result = Command(*arguments, stdin=stdin, cwd=cwd, env=env, open_files=open_files).end()
    assert result.returncode == code, result.stdout + result.stderr
    assert "Traceback" not in result.stderr, result.stderr
    return result


def status(out: Path) -> dict[str, Any]:
    """Return the funnel and the pace of a dataset folder, as `ophvl status --json` prints them."""
    shown: dict[str, Any] = json.loads(run("ophvl", "status", "--json", "--out", out).stdout)
    return shown


def _become(
    argv: list[str], streams: list[str], cwd: str, env: dict[str, str], open_files: int | None
) -> None:
    """Become the command, in a fork of the server."""
    for descriptor, path in enumerate(streams):
        flags = os.O_WRONLY | os.O_CREAT if descriptor else os.O_RDONLY
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False), encoding="utf-8")
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(
            io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)),
            encoding="utf-8",
            errors=errors,
            write_through=descriptor == 2,
        )
        for descriptor, errors in ((1, "strict"), (2, "backslashreplace"))
    )
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    random.seed()  # Forks of one process would draw the same.
    sys.argv = argv
    if open_files is not None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, hard))
    try:
        runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # A process of multiprocessing ends without.
