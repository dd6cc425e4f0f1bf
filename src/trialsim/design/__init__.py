"""Designs of clinical trials and how they behave."""
