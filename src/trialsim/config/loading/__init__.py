"""Files to frozen objects: inheritance, changes, then validation with all problems at once."""
