"""Errors that the user can fix. The command line prints the message and exits with code 2.

    OphclipError
      ConfigError       a setting or option that does not fit
      DataError         shards or labels that cannot be used
      CheckpointError   a run or checkpoint that cannot be read, or belongs to other data
      TrainingError     training cannot go on, e.g. the loss is not finite

Any other exception is a bug: its traceback is printed and the exit code is 1.
"""

from __future__ import annotations


class OphclipError(Exception):
    """The base class. The message says what is wrong, with which item, and what to do next."""


class ConfigError(OphclipError):
    """A setting or option that does not fit."""


class DataError(OphclipError):
    """Shards or labels that cannot be used."""


class CheckpointError(OphclipError):
    """A run or checkpoint that cannot be read, or belongs to other data."""


class TrainingError(OphclipError):
    """Training cannot go on."""
