"""Which strategy: variants of one trial on the same patients, endpoint by endpoint.

checks         what cannot be compared, each problem with its line
preparation    a study prepared to be simulated
paired_trials  variants, endpoints and pairs, simulated block by block
effects        estimates, paired differences, ranks, dominance
"""
