"""Parameters from a published cohort: targets, likelihood, prior, posterior."""
