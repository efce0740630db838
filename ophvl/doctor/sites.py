"""Check access to sites: yt-dlp and its dependencies, proxies, certificates, the model hub."""

from __future__ import annotations

import os
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from ophvl.doctor.finding import Finding, FindingState
from ophvl.doctor.installed import installed
from ophvl.extras import requirements

OLD_DAYS = 90
"""Sites change often; a yt-dlp of this age has missed some changes."""

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_SECRET = re.compile(r"^(\w+://)?.*@")
"""Name and password in a proxy's address, whatever they hold."""


def check_yt_dlp() -> Iterator[Finding]:
    """Check yt-dlp's version, its age, and the packages that it recommends."""
    from yt_dlp.version import __version__

    yield judge_age(__version__, datetime.now(UTC).date())
    judged = [installed(requirement) for requirement in requirements("default", "yt-dlp")]
    if faults := [fault for _, fault in judged if fault]:
        yield Finding(
            name="yt-dlp's packages",
            state=FindingState.NOTE,
            found=f"{'; '.join(faults)} (some sites need them: YouTube wants yt-dlp-ejs)",
            mend="pip install -U 'yt-dlp[default]'",
        )
    else:
        found = "all that it recommends are there"
        yield Finding(name="yt-dlp's packages", state=FindingState.OK, found=found)


def judge_age(version: str, today: date) -> Finding:
    """Return a finding on a version of yt-dlp, which is its release date."""
    try:
        year, month, day = map(int, version.split(".")[:3])
        age = (today - date(year, month, day)).days
    except ValueError:
        found = f"{version}, a version without a date"
        return Finding(name="yt-dlp", state=FindingState.OK, found=found)
    if age > OLD_DAYS:
        found = f"{version}, {age} days old: sites have changed since"
        return Finding(
            name="yt-dlp", state=FindingState.NOTE, found=found, mend="pip install -U yt-dlp"
        )
    return Finding(name="yt-dlp", state=FindingState.OK, found=f"{version}, {max(0, age)} days old")


def check_javascript() -> Iterator[Finding]:
    """Check for a JavaScript runtime, which YouTube needs, with yt-dlp's own detection."""
    import yt_dlp

    name = "JavaScript for YouTube"
    mend = "pip install -U 'yt-dlp[default,deno]', or install deno (https://deno.com)"
    try:
        from yt_dlp.globals import supported_js_runtimes
    except ImportError:
        found = "this yt-dlp is too old to use a JavaScript runtime, without which YouTube fails"
        yield Finding(name=name, state=FindingState.NOTE, found=found, mend=mend)
        return
    with yt_dlp.YoutubeDL({"quiet": True}) as session:
        enabled = dict(session.params["js_runtimes"])
    infos = {
        kind: runtime(path=(enabled.get(kind) or {}).get("path")).info
        for kind, runtime in supported_js_runtimes.value.items()
    }
    available = {kind: info for kind, info in infos.items() if info}
    names = {
        kind: f"{info.name} {info.version}" + ("" if info.supported else ", which is too old")
        for kind, info in available.items()
    }
    usable = [names[kind] for kind in names if kind in enabled and available[kind].supported]
    if usable:
        yield Finding(name=name, state=FindingState.OK, found=", ".join(usable))
        return
    options = " or ".join(enabled)
    others = f"; there is {', '.join(names.values())}" if names else ""
    yield Finding(
        name=name,
        state=FindingState.NOTE,
        found=f"no {options} that yt-dlp would use{others}: YouTube may offer few formats or none",
        mend=mend,
    )


def check_environment() -> Iterator[Finding]:
    """Check proxies and certificates in the environment: they affect every request."""
    proxies = {
        kind: _SECRET.sub(r"\1", address) for kind, address in urllib.request.getproxies().items()
    }
    settings = ", ".join(f"{kind} {address}" for kind, address in sorted(proxies.items()))
    if settings:
        found = f"requests go through {settings}"
        mend = "unset http_proxy, https_proxy and all_proxy if they are not meant for this"
        yield Finding(name="proxies", state=FindingState.NOTE, found=found, mend=mend)
    else:
        yield Finding(name="proxies", state=FindingState.OK, found="none set")
    set_here = {name: os.environ[name] for name in _CERTIFICATES if os.environ.get(name)}
    absent = [f"{name}={value}" for name, value in set_here.items() if not _is_there(value)]
    if absent:
        yield Finding(
            name="certificates",
            state=FindingState.PROBLEM,
            found=f"{', '.join(absent)}: there is no such file, so that https requests fail",
            mend=f"set {absent[0].partition('=')[0]} to the file of certificates, or unset it",
        )
    else:
        found = f"as {', '.join(set_here)} say" if set_here else "those of the system"
        yield Finding(name="certificates", state=FindingState.OK, found=found)


def _is_there(value: str) -> bool:
    return any(Path(part).exists() for part in value.split(os.pathsep) if part)


def check_hub() -> Iterator[Finding]:
    """Check whether the model hub answers; without it models come from packages and the cache."""
    from ophvl.speech.weights import hub_is_reachable

    if hub_is_reachable():
        yield Finding(name="model hub", state=FindingState.OK, found="answers")
        return
    yield Finding(
        name="model hub",
        state=FindingState.NOTE,
        found="not in reach, or switched off: models come from packages and from the hub's cache",
        mend="for other models set HF_ENDPOINT to a mirror, or give folders (transcribe.model)",
    )
