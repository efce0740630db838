"""Settings that stages discover and download share: how they send requests to hosts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ophvl.config import EFFORT, UNSAVED, SavedPath, Settings, Unit


class RequestConfig(Settings):
    """Settings of stages that send requests to hosts: discover and download."""

    gap_s: Annotated[float, Unit("s"), EFFORT] = Field(
        6.0,
        ge=0,
        description="Time between two requests to one host, on average; jitter makes it half to one and a "
        "half of that.",
    )
    per_hour: Annotated[int, EFFORT] = Field(
        300, ge=1, description="Most requests to one host in an hour."
    )
    pause_s: Annotated[float, Unit("s"), EFFORT] = Field(
        20.0,
        ge=0,
        description='Wait after a first refusal ("too many requests") that names no time; doubled after each '
        "further one.",
    )
    pace_local: Annotated[bool, EFFORT] = Field(
        False, description="Limit requests to this machine and to private networks too."
    )
    timeout_s: Annotated[float, Unit("s"), EFFORT] = Field(
        30.0, gt=0, description="Longest wait for one answer of a server."
    )
    retries: Annotated[int, EFFORT] = Field(
        3, ge=0, description="How often a broken transfer is resumed."
    )
    cookies: Annotated[SavedPath | None, EFFORT, UNSAVED] = Field(
        None,
        description="Cookie file (Netscape format) for sites that need a login; it is only read, and its "
        "path is not saved.",
    )
