"""Studies: what is declared, what is run, what is recorded."""
