"""The errors of the toolkit, and how each ends a command:

    OphvlError
    ├── UsageError       wrong command, empty list, missing folder: exit code 2
    │   ├── ConfigError  a setting that does not exist or does not fit: exit code 2
    │   ├── DiskFullError    no disk space for the next result: the run stops; run again with space
    │   ├── DiskFaultError   the system cannot read or write a file: likewise, once that is repaired
    │   └── DamagedFileError a file of ours is cut short or changed: exit code 2
    ├── SchemaError      a table that breaks its schema: exit code 2
    ├── ItemError        one source line or video cannot be processed: recorded, the run goes on
    └── HostClosedError  the host of an item takes no requests for a while: the item stays pending

What the machine does besides, an `OSError` or a missing extra, `ophvl.faults` puts into words: exit code 2.
Any other exception is a bug in this code: the run stops with exit code 1 and a traceback.
A message states what happened, to which item, and what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from schemas.base import Violation
    from schemas.vocab import FailureKind


class OphvlError(Exception):
    """Root of the errors that are explained in words instead of a traceback."""

    exit_code: ClassVar[int] = 2


class UsageError(OphvlError):
    """The command cannot be carried out as it was given."""


class ConfigError(UsageError):
    """A setting is unknown or its value does not fit."""


class DiskFullError(UsageError):
    """There is no room in the dataset folder `root` for the next result."""

    def __init__(self, root: Path, reason: str) -> None:
        super().__init__(root, reason)
        self.root = root
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.reason}. The run stopped in {self.root}; finished work is saved. Make room, then "
            "run the same command again"
        )


class DiskFaultError(UsageError):
    """The system cannot read or write `path`: the cause is no item, and all items would fail."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{self.path}: {self.reason}. The run stopped; finished work is saved. Repair the disk, "
            "the rights or the limit, then run the same command again"
        )


class DamagedFileError(UsageError):
    """A file that a command of ours wrote is cut short or changed; `remedy` is what to do about it."""

    def __init__(self, path: str, reason: str, remedy: str) -> None:
        super().__init__(path, reason, remedy)
        self.path = path
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.path} is damaged ({self.reason}); {self.remedy}"


class SchemaError(OphvlError):
    """A table breaks its schema. `violations` lists each fault, one a line in the text."""

    def __init__(self, message: str, violations: Sequence[Violation]) -> None:
        super().__init__(message, tuple(violations))
        self.message = message
        self.violations = tuple(violations)

    def __str__(self) -> str:
        return "\n  ".join([self.message, *map(str, self.violations)])


class ItemError(OphvlError):
    """One item could not be processed. `retry_after_s` is the wait that the server named."""

    # All arguments go to `args`, so that the error can be pickled on its way from a worker.
    def __init__(self, kind: FailureKind, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(kind, message, retry_after_s)
        self.kind = kind
        self.message = message
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.message


class HostClosedError(OphvlError):
    """A host takes no requests before `until_s` (seconds since 1970); none was sent.

    The item stays pending. `kind` is that of the failure that closed the host.
    """

    def __init__(self, host: str, until_s: float, kind: FailureKind, message: str) -> None:
        super().__init__(host, until_s, kind, message)
        self.host = host
        self.until_s = until_s
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return self.message
