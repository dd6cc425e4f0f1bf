"""Designs whose endpoint is a time."""
