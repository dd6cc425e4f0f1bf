"""Opening and writing files: only regular ones, and only ours."""
