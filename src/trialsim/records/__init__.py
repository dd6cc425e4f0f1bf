"""What happened, as tables. Every column is declared once in `columns`; events first, outcomes derived from them.

columns      name, dtype, unit and meaning of every column
tables       rows of an engine to a table of events
baseline     site, sensitivity and baseline covariates of patients
outcomes     a table of events to one row per patient, and one row per replicate
digest       digests of results, row by row, and of configurations
"""
