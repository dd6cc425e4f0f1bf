"""Designs with one arm and one or two rates."""
