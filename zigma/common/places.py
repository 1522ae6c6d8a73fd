"""Environment variables that name folders of a person's own."""

WEIGHTS_VARIABLE = "ZIGMA_WEIGHTS"  # published weights: of extractors, of the autoencoder
DATA_VARIABLE = "ZIGMA_DATA"  # prepared data sets, each in NAME-SIZE
