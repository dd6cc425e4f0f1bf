"""The files to start from for a pilot of one's own: what is known of it, priors, and the YAML with comments."""
