"""A design under a calendar: trials simulated as they will be run."""
