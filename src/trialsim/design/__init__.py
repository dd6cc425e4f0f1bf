"""Designs of trials: what a trial of a given size can show, and the size that shows what is wanted."""
