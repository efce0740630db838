#!/usr/bin/env bash
# The four commands on the demo corpus, then zero-shot evaluation on surgeries nobody has seen before.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${DEMO:=.demo}" "${SEED:=$(date +%s)}"
# What is needed comes in packages: a model hub is never asked.
export HF_HUB_OFFLINE=1

step() { printf '\n== %s\n' "$*"; "$@"; }

rm -rf "$DEMO"
step ophvl ingest --source demo/list.txt --out "$DEMO/out"
step ophvl build-pairs --out "$DEMO/out"
step ophvl stats --out "$DEMO/out"
step ophclip train --shards "$DEMO/out" --out "$DEMO/runs"

# Ground truth of the twelve stays beside the shards: only their pictures go through the pipeline.
step python -m demo.render --seed "$SEED" --silent 12 --out "$DEMO/unseen" --workers 2
step ophvl ingest --source "$DEMO/unseen/list.txt" --out "$DEMO/unseen-out" --assume-surgical
step ophvl build-pairs --out "$DEMO/unseen-out"
step ophclip eval zero-shot --checkpoint "$DEMO"/runs/* \
    --labels "$DEMO/unseen/labels.parquet" --shards "$DEMO/unseen-out"

step ophvl status --out "$DEMO/out"
