"""A benchmark on real frames: ophclip trained on captions from the CaDIS labels, one video left out in turn.

labels    the frames, their instruments, and these in plain English
captions  the captions of frames, and prompts that are not used in training
corpus    the shards of some videos
baselines an ImageNet encoder, and the logistic probe
scores    average precision, means over instruments and videos, intervals over videos
study     trains and measures, one video left out in turn
table     the printed report, and cadis.json
"""
