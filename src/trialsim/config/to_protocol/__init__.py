"""A scenario to the flat numbers that engines read."""
