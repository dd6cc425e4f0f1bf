"""What a configuration says, in words and in differences."""
