"""The stages, one file each, in the order of the flow:

    source lines -> discover -> videos
                    download -> media
                    transcribe -> transcripts, speech
                    segment -> narrations
                    tag -> attributes, video_attributes
                    title -> titles
                    (screen -> shots, dedup -> groups: to come, here, before the split)
                    split -> splits
                    pair -> routes, pairs
                    frames -> frames
                    shard -> shards/

No stage reads a table that is written after it, but for its own.
"""
