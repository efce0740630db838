"""What is said, read as text: sentences, terms, negation, titles. Needs no video."""
