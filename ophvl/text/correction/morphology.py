"""Tell whether two words are forms of one word, or related, so that neither is a mishearing of the other."""

from __future__ import annotations

_PREFIXES_TEXT = (
    "a an un in im ir non pre post sub pseudo hyper hypo epi para peri intra extra inter "
    "trans re de dis endo exo retro anti eu dys"
)
_PREFIXES = tuple(_PREFIXES_TEXT.split())
_MAX_MISHEARING = 0.5
"""Largest sound distance of a mishearing; words that begin alike but differ by more are related."""
_ENDINGS_TEXT = (
    "s es ed d ing er ers al ar ic ical ous ly y ies us i um a ae is on e ity ize ized ise "
    "ised ization isation or ors ion ions ive ation ations ment ance ence ally able ant ent"
)
_ENDINGS = frozenset(_ENDINGS_TEXT.split()) | {""}


def is_inflection(word: str, other: str, sound_distance: float) -> bool:
    """Tell whether two words differ only in an ending or a prefix.

    "Canaliculus" is not a misheard "canaliculi", nor "aphakic" a misheard "phakic".
    """
    longer, shorter = (word, other) if len(word) > len(other) else (other, word)
    if len(shorter) > 3 and longer.endswith(shorter) and longer[: -len(shorter)] in _PREFIXES:
        return True
    shared = _shared_beginning(word, other)
    if sound_distance > _MAX_MISHEARING and shared >= max(6, 0.6 * len(shorter)):
        return True
    return share_a_stem(word, other)


def _shared_beginning(word: str, other: str) -> int:
    pairs = enumerate(zip(word, other, strict=False))
    return next((position for position, (a, b) in pairs if a != b), min(len(word), len(other)))


def share_a_stem(word: str, other: str) -> bool:
    """Tell whether two words are one stem with different endings."""
    shared = _shared_beginning(word, other)
    if shared < 3:
        return False
    for cut in range(max(3, shared - 2), shared + 1):
        endings = {word[cut:], other[cut:]}
        if endings <= _ENDINGS and endings != {"us", "is"}:
            return True
    return False
