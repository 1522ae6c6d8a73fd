"""One run: its configuration, training, samples, metrics, measurements and cost."""
