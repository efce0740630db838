"""The learnability study: what each part of the method gains, on surgeries that are drawn by a program.

world     surgeries, their phases, and the instruments of each
draw      pictures of 64 x 64 pixels
words     what is said, how videos are titled, and prompts that training never sees
corpus    the dataset: shards, and labels beside them
measure   the figures of one trained model
variants  what is compared, and the settings that all share
study     trains and measures; the table and learnability.json
"""
