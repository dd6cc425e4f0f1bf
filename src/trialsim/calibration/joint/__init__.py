"""Several published trials calibrated together: what they share, what differs between them, and a new trial.

model      the trials, the parameters that they share, and how much these differ between trials
emulator   cell probabilities of a trial as a smooth function of its parameters, fitted to simulated ones
sampling   Markov chains over the joint posterior under emulated likelihoods
fitting    rounds of simulation, emulation and sampling, and the correction by the simulated likelihood
posterior  draws for each trial and for a new one
"""
