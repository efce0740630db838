"""Language: sentences, terms, assertion, corrections and titles. Works on text alone, without video."""
