"""The dual encoder and its parts."""
