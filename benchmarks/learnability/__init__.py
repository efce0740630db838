"""The learnability study: the gain of each part of the method, on surgeries that are drawn by a program.

world     surgeries, their phases, and the instruments of each
draw      frames of 64 x 64 pixels
words     narrations, titles, and prompts that are not used in training
corpus    the dataset: shards and labels
measure   the figures of one trained model
variants  the compared configs, and the settings that all share
study     trains and measures; writes the table and learnability.json
"""
