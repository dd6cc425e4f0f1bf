"""Numbers that a calibration gives: where they stand, which values they take, and their draws."""
