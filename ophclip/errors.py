"""Faults that the user can mend. The command line prints the message and ends with code 2.

    OphclipError
      ConfigError       a setting or option that does not fit
      DataError         shards or labels that cannot be used
      CheckpointError   a run or checkpoint that cannot be read, or belongs to other data
      TrainingError     training cannot go on, e.g. the loss is not finite

Anything else that escapes is a bug: it keeps its traceback and ends with code 1.
"""

from __future__ import annotations


class OphclipError(Exception):
    """Root of the tree. The message says what is wrong, with which item, and what to do next."""


class ConfigError(OphclipError):
    """A setting or option that does not fit."""


class DataError(OphclipError):
    """Shards or labels that cannot be used."""


class CheckpointError(OphclipError):
    """A run or checkpoint that cannot be read, or belongs to other data."""


class TrainingError(OphclipError):
    """Training cannot go on."""
