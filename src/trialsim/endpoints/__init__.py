"""Named measurements: of each patient, and of each trial."""
