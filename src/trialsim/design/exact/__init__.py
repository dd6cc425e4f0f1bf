"""Designs whose probabilities are summed over every possible count of successes; nothing is simulated.

`proportions`   two arms compared by a test of two proportions
`selection`     several arms, of which the one with most successes is taken
`precision`     one proportion estimated with an interval
`binomial`      binomial probabilities at any rate
`tables`        every 2 x 2 table of two arms, with the statistics that order them
`nuisance`      the largest probability of a region when both arms share an unknown rate
`sawtooth`      smallest sample sizes where a probability goes up and down with n
`arguments`     what numbers a design accepts
"""
