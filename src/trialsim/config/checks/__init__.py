"""What one part of a configuration says about another. Nothing here needs the compiler."""
