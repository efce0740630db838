"""Speech recognition: voice activity, Whisper engines and weights, hot words, hallucination filters."""
