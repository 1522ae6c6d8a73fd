"""What a study, an arm and a run are, and which are declared."""
