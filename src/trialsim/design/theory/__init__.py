"""Designs whose operating characteristics are exact, or that a formula gives: immediate, independent, known outcomes.

stages          paths of a binomial count through looks with boundaries: what every design below is made of
single_stage    exact binomial test in one stage (A'Hern 2001), with its saw-tooth
two_stage       Simon's optimal, minimax and admissible designs; Fleming's; decisions at attained numbers
bryant_day      response and toxicity together
toxicity        boundaries that stop a trial for toxicity
proportions     two proportions: conditional, unconditional, approximate
two_arm_sizes   the smallest trial of two proportions
selection       the randomised selection design
precision       how precisely a proportion is estimated
sequential      group-sequential boundaries by alpha spending
time_to_event   numbers of events and patients for the log-rank test
"""
