"""Inference after the trial."""
