"""Which strategy: variants of one trial on the same patients, endpoint by endpoint.

expressions   arithmetic over the columns of the patients table, and nothing else
survival      Kaplan-Meier probabilities and restricted means, with what each patient adds
endpoints     from the patients of a trial to one number
allocation    who goes where in a parallel trial
ready         a study made ready to be simulated
contest       variants, endpoints and pairs, simulated block by block
statements    estimates, paired differences, ranks, dominance
"""
