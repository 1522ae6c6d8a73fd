"""Tables, figures and claims, rebuilt from records alone: no torch, no model, no GPU."""
