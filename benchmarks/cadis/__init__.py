"""On real pictures: ophclip from captions made of the CaDIS labels, one video left out in turn.

labels    the frames, their instruments, and these in plain English
captions  what is said of a frame, and the prompts that training never sees
corpus    the shards of some videos
baselines an ImageNet encoder, and the logistic probe
scores    average precision, means over instruments and videos, intervals over videos
study     trains and measures, one video left out in turn
table     what is printed, and cadis.json
"""
