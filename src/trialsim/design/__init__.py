"""How many patients: exact designs, the same designs under a calendar, assurance, the search for n."""
