"""Whether two words are kin: one is no mishearing of the other, but another form or a relative of it."""

from __future__ import annotations

_PREFIXES_TEXT = (
    "a an un in im ir non pre post sub pseudo hyper hypo epi para peri intra extra inter "
    "trans re de dis endo exo retro anti eu dys"
)
_PREFIXES = tuple(_PREFIXES_TEXT.split())
_MAX_SLIP = 0.5
"""A slip of the ear inside a word; words with the same long beginning that differ by more are kin."""
_ENDINGS_TEXT = (
    "s es ed d ing er ers al ar ic ical ous ly y ies us i um a ae is on e ity ize ized ise "
    "ised ization isation or ors ion ions ive ation ations ment ance ence ally able ant ent"
)
_ENDINGS = frozenset(_ENDINGS_TEXT.split()) | {""}


def is_inflection(heard: str, meant: str, apart: float) -> bool:
    """Whether two words, `apart` in sound, differ only in an ending or a prefix.

    "Canaliculus" is not a misheard "canaliculi", nor "aphakic" a misheard "phakic".
    """
    longer, shorter = (heard, meant) if len(heard) > len(meant) else (meant, heard)
    if len(shorter) > 3 and longer.endswith(shorter) and longer[: -len(shorter)] in _PREFIXES:
        return True
    shared = _shared_beginning(heard, meant)
    if apart > _MAX_SLIP and shared >= max(6, 0.6 * len(shorter)):
        return True
    return share_a_stem(heard, meant)


def _shared_beginning(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def share_a_stem(heard: str, meant: str) -> bool:
    """Whether two words are one stem with different endings."""
    shared = _shared_beginning(heard, meant)
    if shared < 3:
        return False
    for cut in range(max(3, shared - 2), shared + 1):
        endings = {heard[cut:], meant[cut:]}
        if endings <= _ENDINGS and endings != {"us", "is"}:
            return True
    return False
