"""YAML and what else a user may give, read with its lines; problems that point at them."""
