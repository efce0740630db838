"""Errors that the user can fix. The command line prints the message and exits with code 2.

    ConfigError         a setting or option that does not fit; the settings mechanism of ophvl raises it, too
    OphclipError
      DataError         shards or labels that cannot be used
      CheckpointError   a run or checkpoint that cannot be read, or belongs to other data
      TrainingError     training cannot go on, e.g. the loss is not finite

Any other exception is a bug: its traceback is printed and the exit code is 1.
"""

from __future__ import annotations

from ophvl.errors import ConfigError

__all__ = ["CheckpointError", "ConfigError", "DataError", "OphclipError", "TrainingError"]


class OphclipError(Exception):
    """The base class. The message says what is wrong, with which item, and what to do next."""


class DataError(OphclipError):
    """Shards or labels that cannot be used."""


class CheckpointError(OphclipError):
    """A run or checkpoint that cannot be read, or belongs to other data."""


class TrainingError(OphclipError):
    """Training cannot go on."""
