# Times to events by rpact and survival, one row each: what was asked and what they give.
# Run: Rscript verification/times_to_events.R > tests/published/times_to_events.csv
suppressMessages({library(rpact); library(survival)})
write <- function(kind, asked, found) {
  cell <- function(x) paste(vapply(x, function(v) if (is.character(v)) v else format(v, digits = 12, scientific = FALSE, trim = TRUE), ""), collapse = " ")
  text <- paste(names(asked), vapply(asked, cell, ""), sep = "=", collapse = ";")
  cat(kind, ",", text, ",", cell(as.numeric(found)), "\n", sep = "")
}
cat("# rpact", as.character(packageVersion("rpact")), "survival", as.character(packageVersion("survival")), "\n")
cat("kind,asked,found\n")

# Hazards that change with time: events and patients for a power.
control <- list(list(starts = c(0, 6), hazards = c(0.08, 0.04)), list(starts = c(0, 3, 12), hazards = c(0.02, 0.09, 0.05)))
for (pieces in control) for (hr in c(0.5, 0.65, 0.8)) for (ratio in c(1, 2)) for (dropout in c(0, 0.1)) {
  design <- getDesignGroupSequential(kMax = 1, alpha = 0.025, beta = 0.2, sided = 1)
  x <- getSampleSizeSurvival(design, hazardRatio = hr, piecewiseSurvivalTime = pieces$starts, lambda2 = pieces$hazards,
    accrualTime = c(0, 18), followUpTime = 9, allocationRatioPlanned = ratio, dropoutRate1 = dropout, dropoutRate2 = dropout,
    dropoutTime = 12)
  asked <- list(starts = pieces$starts, hazards = pieces$hazards, hazard_ratio = hr, ratio = ratio, dropout = dropout, alpha = 0.025,
    power = 0.8, accrual = 18, follow_up = 9)
  write("piecewise size", asked, c(x$eventsFixed, x$nFixed))
}

# The probability of an event by months of the trial, with hazards of the two arms that are not proportional.
for (pieces in control) for (ratio in c(1, 2)) for (dropout in c(0, 0.1)) for (accrual in c(6, 18)) {
  second <- pieces$hazards * c(1, 0.5, 0.7)[seq_along(pieces$hazards)]
  months <- c(3, 6, 10, 15, 20, 36)
  x <- getEventProbabilities(time = months, accrualTime = c(0, accrual), piecewiseSurvivalTime = pieces$starts,
    lambda2 = pieces$hazards, lambda1 = second, allocationRatioPlanned = ratio, dropoutRate1 = dropout, dropoutRate2 = dropout,
    dropoutTime = 12, maxNumberOfSubjects = 100)
  asked <- list(starts = pieces$starts, hazards = pieces$hazards, experimental = second, ratio = ratio, dropout = dropout,
    accrual = accrual, months = months)
  write("event probabilities", asked, x$cumulativeEventProbabilities)
}

# The test of Harrington and Fleming with weights S^rho, of the patients of survival.csv.
patients <- read.csv("tests/published/survival.csv")
for (rho in c(0, 0.5, 1, 2)) {
  x <- survdiff(Surv(time_days, event) ~ arm, data = patients, rho = rho)
  write("survdiff", list(rho = rho), c(x$chisq, x$obs - x$exp, x$var[2, 2]))
}
