"""The stages, one file each, in the order of the flow:

    source lines -> discover -> sources, videos
                    admit -> identities; drops blocked videos
                    download -> media, publications, subtitles
                    transcribe -> transcripts, speech
                    keep -> kept; replaces fetched files by proxies, if the settings say so
                    review -> overrides
                    segment -> narrations
                    rewrite -> rewrites
                    tag -> attributes, video_attributes
                    title -> titles
                    split -> splits
                    pair -> routes, pairs
                    frames -> frames
                    shard -> shards/

A stage reads tables of earlier stages. One that declares `previous` also gets rows of its own last run.
"""
