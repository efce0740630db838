"""The yt-dlp adapter. Nothing here imports yt-dlp before it is used."""
