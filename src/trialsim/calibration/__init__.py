"""Parameters from a published cohort.

targets       published statistics as terms of a likelihood
published_terms    all terms of a trial, for `check` too
possible      statistics that a scenario cannot give
likelihood    terms and cell probabilities to a log-likelihood
simulator     cell probabilities from the batch engine, on fixed draws
prior         priors, and the scale of scores on which they are sampled
model         all of these as the density that is sampled
sampling      ensembles of walkers
diagnostics   whether they have converged
fitting       sampling until they have
checkpoint    what is finished of a calibration, stored while it lasts
posterior     draws and their summary
predictive    trials under the posterior, and each statistic predicted from the others
sensitivity   what other interpretations and priors would move
"""
