"""What the commands of `python -m studies` do that launch, follow and stop runs."""
