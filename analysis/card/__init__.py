"""One page about a curve, a plan or a mixer that a person tries, beside the paper's (`python -m studies try`)."""
