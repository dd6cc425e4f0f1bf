"""What a comparison says: console, pictures, synopsis."""
