"""What a calibration says: console and pictures."""
