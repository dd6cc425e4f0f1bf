"""What a trial that was conducted says: estimates, p-values and intervals that know how the trial could have stopped.

staged      one arm with looks at counts: stagewise ordering, median unbiased and UMVU estimates
sequential  a normal statistic with looks: stagewise ordering, median unbiased estimate
rates       two arms and one rate: p-values of the tests, the exact interval of the difference
stratified  two arms and one rate in strata: Cochran-Mantel-Haenszel, common odds ratio and difference
logistic    two arms and one rate with covariates: logistic regression, standardised difference
survival    times to events: Kaplan-Meier, log-rank, Cox, restricted means
data        counts and times from numbers, or from a table of patients
analyses    the analysis that belongs to each design of rates
adjusted    rates of two arms in strata and with covariates, beside the analysis of the design
subgroups   the effect of two arms in each level of a column, and the interaction
repeated    the mean, bias and coverage of estimates over simulated trials
times       the analysis of times to events, of one arm and of two
standing    the patients of a running trial as they stand on a day
virtual     virtual patients by draw of the posterior, and who of them stands as a real patient does
onwards     trials simulated onwards from the patients as they stand
result      what an analysis gives, a row at a time
"""
