"""What every part may use: words for messages, files, this machine. Standard library only."""
