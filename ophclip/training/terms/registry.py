"""The terms of the loss, in the order in which they are encoded and summed, and their settings written."""

from __future__ import annotations

from ophclip.training.terms.contrast import ClipContrast, VideoContrast
from ophclip.training.terms.order import Order
from ophclip.training.terms.parent_child import ParentChild
from ophclip.training.terms.phase_runs import PhaseRuns
from ophclip.training.terms.pseudo_labels import CarriedNarrations
from ophclip.training.terms.retrieval import Retrieval
from ophclip.training.terms.term import Term

TERMS: tuple[type[Term], ...] = (
    VideoContrast,
    ParentChild,
    Order,
    Retrieval,
    ClipContrast,
    PhaseRuns,
    CarriedNarrations,
)
