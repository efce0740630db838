"""Format the funnel and the statistics as text: the same lines on a terminal and in a log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ophvl.report.funnel import Funnel
from ophvl.report.statistics import Statistics


def printable(text: str) -> str:
    """Replace control characters in `text`: text from a web site must not control a terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def in_words(hours: float) -> str:
    """Format a duration in the unit that suits it."""
    if hours < 1:
        return f"{hours * 60:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def funnel_lines(funnel: Funnel) -> list[str]:
    """Describe the funnel: source lines, source videos, and their outcomes stage by stage."""
    lines, units = funnel.lines, funnel.units
    text = [
        f"lines   {lines.listed:>6} = {lines.expanded} expanded + {lines.failed} failed"
        f" + {lines.folded} folded + {lines.pending} pending",
        f"videos  {units.listed:>6} = {units.emitted} emitted + {units.dropped} dropped"
        f" + {units.failed} failed + {units.pending} pending",
        "",
        f"{'stage':<12}{'entered':>9}{'emitted':>9}{'dropped':>9}{'failed':>9}{'pending':>9}",
    ]
    text += [
        f"{s.stage:<12}{s.entered:>9}{s.emitted:>9}{s.dropped:>9}{s.failed:>9}{s.pending:>9}"
        for s in funnel.stages
    ]
    if funnel.by_kind or funnel.by_reason or funnel.by_warning:
        text.append("")
    if funnel.by_kind:
        text.append(f"failures  {_listed(funnel.by_kind)}")
    if funnel.by_reason:
        text.append(f"drops     {_listed(funnel.by_reason)}")
    if funnel.by_warning:
        text.append(f"warnings  {_listed(funnel.by_warning)}")
    return text


def statistics_lines(statistics: Statistics) -> list[str]:
    """Describe the statistics that follow the funnel."""
    s = statistics
    silent = f" ({_listed(s.silent_reasons)})" if s.silent_reasons else ""
    text = [
        f"hours       {s.hours:.2f}, of which speech {s.speech_hours:.2f}",
        f"videos      {s.narrated_videos} narrated, {s.silent_videos} silent{silent}",
        f"clip pairs  {s.clip_pairs}, mean {s.clip_mean_s:.1f} s and {s.words_per_narration:.1f} words",
        f"video rows  {s.video_rows}, of which titled {s.titled_videos}",
        f"frames      {s.frames}",
        f"splits      {_listed(s.splits)}",
        f"licences    {_listed(s.licences)}",
        "",
        f"{'kind':<15}{'mentions':>9}{'concepts':>9}{'negated':>9}  most named",
    ]
    text += [
        f"{kind:<15}{of.mentions:>9}{of.concepts:>9}{of.negated:>9}  {_listed(_first(of.top, 3))}"
        for kind, of in s.attributes.items()
    ]
    return text


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def _first(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    items: Iterable[tuple[str, int]] = list(counts.items())[:limit]
    return dict(items)
