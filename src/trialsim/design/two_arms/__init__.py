"""Designs with two or more arms and one immediate outcome."""
