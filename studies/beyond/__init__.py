"""One file per question that the paper leaves open."""
