"""What every part may use: words for messages, files, this machine. Nothing heavier than pydantic at import."""
