"""How time passes: `reference` (SimPy, to be read aloud)."""
