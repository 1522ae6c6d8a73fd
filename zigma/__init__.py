"""ZigMa: zigzag Mamba diffusion models, as a library (arXiv 2403.13802)."""
