# Designs by rpact, one row each: what was asked and what it gives. Run: Rscript verification/rpact.R > tests/published/rpact.csv
suppressMessages(library(rpact))
write <- function(kind, asked, found) {
  cell <- function(x) paste(vapply(x, function(v) if (is.character(v)) v else format(v, digits = 12, scientific = FALSE, trim = TRUE), ""), collapse = " ")
  text <- paste(names(asked), vapply(asked, cell, ""), sep = "=", collapse = ";")
  cat(kind, ",", text, ",", cell(as.numeric(found)), "\n", sep = "")
}
cat("# rpact", as.character(packageVersion("rpact")), "\n")
cat("kind,asked,found\n")

# Boundaries of group-sequential designs, one-sided.
looks <- list(c(0.5, 1), c(0.3, 0.7, 1), c(1 / 3, 2 / 3, 1), c(0.25, 0.5, 0.75, 1), c(0.1, 0.4, 0.6, 0.9, 1))
for (at in looks) for (alpha in c(0.025, 0.05, 0.1)) {
  asked <- function(name) list(looks = at, alpha = alpha, spending = name)
  get <- function(...) getDesignGroupSequential(informationRates = at, alpha = alpha, sided = 1, ...)$criticalValues
  write("bounds", asked("obrien-fleming"), get(typeOfDesign = "asOF"))
  write("bounds", asked("pocock"), get(typeOfDesign = "asP"))
  write("bounds", asked("power 2"), get(typeOfDesign = "asKD", gammaA = 2))
  for (g in c(-4, 0, 1.5)) write("bounds", asked(paste("hwang-shih-decani", g)), get(typeOfDesign = "asHSD", gammaA = g))
  write("bounds", asked("classical obrien-fleming"), get(typeOfDesign = "OF"))
  write("bounds", asked("classical pocock"), get(typeOfDesign = "P"))
  write("bounds", asked("wang-tsiatis 0.25"), get(typeOfDesign = "WT", deltaWT = 0.25))
  write("bounds", asked("haybittle-peto"), get(typeOfDesign = "HP", constantBoundsHP = 3))
}

# Times to events: events and patients for a power, one look and several.
for (hr in c(0.5, 0.6, 0.75)) for (median in c(6, 14)) for (ratio in c(1, 2)) for (dropout in c(0, 0.1)) for (looks in 1:3) {
  design <- if (looks == 1) getDesignGroupSequential(kMax = 1, alpha = 0.025, beta = 0.2, sided = 1) else
    getDesignGroupSequential(kMax = looks, alpha = 0.025, beta = 0.2, sided = 1, typeOfDesign = "asOF")
  x <- getSampleSizeSurvival(design, hazardRatio = hr, median2 = median, accrualTime = c(0, 18), followUpTime = 9,
    allocationRatioPlanned = ratio, dropoutRate1 = dropout, dropoutRate2 = dropout, dropoutTime = 12)
  asked <- list(hazard_ratio = hr, median_control = median, ratio = ratio, dropout = dropout, looks = looks, alpha = 0.025,
    power = 0.8, accrual = 18, follow_up = 9)
  events <- if (looks == 1) x$eventsFixed else max(x$eventsPerStage)
  n <- if (looks == 1) x$nFixed else max(x$numberOfSubjects)
  write("survival size", asked, c(events, n))
}

# Times to events: the power of a number of events.
for (hr in c(0.5, 0.7, 0.85)) for (events in c(27, 60, 150)) for (ratio in c(1, 0.5)) for (looks in 1:2) {
  design <- if (looks == 1) getDesignGroupSequential(kMax = 1, alpha = 0.025, sided = 1) else
    getDesignGroupSequential(kMax = looks, alpha = 0.025, sided = 1, typeOfDesign = "asP")
  x <- getPowerSurvival(design, hazardRatio = hr, median2 = 12, accrualTime = c(0, 12), maxNumberOfSubjects = 2 * events,
    maxNumberOfEvents = events, allocationRatioPlanned = ratio, directionUpper = FALSE)
  asked <- list(hazard_ratio = hr, median_control = 12, ratio = ratio, looks = looks, alpha = 0.025, accrual = 12,
    n = 2 * events, events = events)
  write("survival power", asked, c(x$overallReject, x$analysisTime))
}

# One rate: the exact power of a number of patients, by the binomial distribution of R itself.
for (p0 in c(0.05, 0.1, 0.2, 0.3, 0.5, 0.7)) for (step in c(0.15, 0.2)) for (alpha in c(0.025, 0.05, 0.1)) for (n in c(22, 40, 75))
  write("one rate", list(p0 = p0, p1 = p0 + step, alpha = alpha, n = n),
    pbinom(qbinom(alpha, n, p0, lower.tail = FALSE), n, p0 + step, lower.tail = FALSE))

# Two rates by the normal approximation, in the control arm.
for (p0 in c(0.1, 0.3, 0.5)) for (step in c(0.15, 0.25)) for (sided in 1:2) for (ratio in c(1, 2)) {
  design <- getDesignGroupSequential(kMax = 1, alpha = 0.05, beta = 0.2, sided = sided)
  x <- getSampleSizeRates(design, groups = 2, pi2 = p0, pi1 = p0 + step, allocationRatioPlanned = ratio, normalApproximation = TRUE)
  write("two rates", list(p_control = p0, p_experimental = p0 + step, sides = sided, ratio = ratio, alpha = 0.05, power = 0.8), c(x$nFixed2))
}

# Two rates with a margin of non-inferiority, in the control arm.
for (p in c(0.5, 0.7)) for (margin in c(0.1, 0.15)) for (ratio in c(1, 2)) {
  design <- getDesignGroupSequential(kMax = 1, alpha = 0.025, beta = 0.2, sided = 1)
  x <- getSampleSizeRates(design, groups = 2, thetaH0 = -margin, pi2 = p, pi1 = p, allocationRatioPlanned = ratio, normalApproximation = TRUE)
  write("non-inferior rates", list(p_control = p, p_experimental = p, margin = margin, ratio = ratio, alpha = 0.025, power = 0.8), c(x$nFixed2))
}

# Times to events with a margin of the hazard ratio: events and patients for a power, one look and several.
for (margin in c(1.2, 1.3, 1.5)) for (hr in c(1, 0.9)) for (ratio in c(1, 2)) for (dropout in c(0, 0.1)) for (looks in c(1, 3)) {
  design <- if (looks == 1) getDesignGroupSequential(kMax = 1, alpha = 0.025, beta = 0.2, sided = 1) else
    getDesignGroupSequential(kMax = looks, alpha = 0.025, beta = 0.2, sided = 1, typeOfDesign = "asOF")
  x <- getSampleSizeSurvival(design, thetaH0 = margin, hazardRatio = hr, median2 = 12, accrualTime = c(0, 18), followUpTime = 9,
    allocationRatioPlanned = ratio, dropoutRate1 = dropout, dropoutRate2 = dropout, dropoutTime = 12)
  asked <- list(margin = margin, hazard_ratio = hr, median_control = 12, ratio = ratio, dropout = dropout, looks = looks,
    alpha = 0.025, power = 0.8, accrual = 18, follow_up = 9)
  events <- if (looks == 1) x$eventsFixed else max(x$eventsPerStage)
  n <- if (looks == 1) x$nFixed else max(x$numberOfSubjects)
  write("non-inferior survival", asked, c(events, n))
}

# Conditional power after a look, for a hazard ratio; one or two looks to come.
for (k in 2:3) for (type in c("asOF", "asP")) for (stage in 1:(k - 1)) for (z in c(-0.5, 0.6, 1.4, 2.1)) {
  design <- getDesignGroupSequential(kMax = k, alpha = 0.025, sided = 1, typeOfDesign = type)
  events <- 120 * (1:k) / k
  taken <- getDataset(overallEvents = events[1:stage], overallLogRanks = -c(if (stage == 2) 0.3, z),
    overallAllocationRatios = rep(1, stage))
  result <- getStageResults(design, dataInput = taken, stage = stage, directionUpper = FALSE)
  for (hr in c(0.6, 0.75)) {
    x <- getConditionalPower(result, nPlanned = diff(events[stage:k]), thetaH1 = hr)
    asked <- list(looks = k, spending = if (type == "asOF") "obrien-fleming" else "pocock", look = stage, z = z, hazard_ratio = hr, events = 120)
    write("conditional power", asked, tail(x$conditionalPower, 1))
  }
}

# Re-estimation by conditional power at the observed effect, everywhere below the target; 100,000 simulated trials each.
for (type in c("asOF", "asP")) for (at in c(0.4, 0.6)) for (factor in c(1.5, 3)) for (delta in c(0, 0.12, 0.2)) {
  design <- getDesignInverseNormal(kMax = 2, informationRates = c(at, 1), alpha = 0.025, sided = 1, typeOfDesign = type)
  x <- getSimulationMeans(design, groups = 2, normalApproximation = TRUE, alternative = delta, stDev = 1, plannedSubjects = c(800 * at, 800),
    minNumberOfSubjectsPerStage = c(NA, 800 * (1 - at)), maxNumberOfSubjectsPerStage = c(NA, 800 * (1 - at) * factor),
    conditionalPower = 0.8, maxNumberOfIterations = 100000, seed = 2026)
  asked <- list(at = at, spending = if (type == "asOF") "obrien-fleming" else "pocock", factor = factor, difference = delta, n = 800)
  write("re-estimation", asked, c(x$overallReject, x$expectedNumberOfSubjects))
}
