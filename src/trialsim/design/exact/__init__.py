"""What is known of a design without simulating it: bounds, crossing probabilities, sample sizes."""
