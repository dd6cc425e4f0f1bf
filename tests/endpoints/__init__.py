"""Comparisons of variants."""
