"""What a search for a size says: console, pictures, sentences for the protocol."""
