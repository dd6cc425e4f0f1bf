"""What a run says: console, pictures, one trial told in order."""
