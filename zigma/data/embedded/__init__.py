"""Data that ships inside a dependency or is drawn from a seed: each module's `load(config)` needs no download."""
