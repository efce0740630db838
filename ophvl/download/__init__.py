"""Fetching videos and subtitles from sites at a rate that the sites accept."""
