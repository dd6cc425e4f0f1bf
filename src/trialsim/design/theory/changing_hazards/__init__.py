"""Formulas of times to events whose hazards change with time: events seen, weighted tests, restricted means."""
