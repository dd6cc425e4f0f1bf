"""What a user may write: one module a section, as frozen objects."""
