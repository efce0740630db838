"""Reading video files: what they are, how they sound, what they show."""
