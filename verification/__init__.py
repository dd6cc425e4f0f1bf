"""Evidence that takes longer than a test, and programs that the engine is held against."""
