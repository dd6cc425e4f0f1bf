# Analyses by rpact, survival and R itself: what was asked and what they give.
# Run: Rscript verification/inference.R > tests/published/inference.csv; writes tests/published/survival.csv too.
suppressMessages({library(rpact); library(survival)})
write <- function(kind, asked, found) {
  cell <- function(x) paste(vapply(x, function(v) if (is.character(v)) v else format(v, digits = 12, scientific = FALSE, trim = TRUE), ""), collapse = " ")
  cat(kind, ",", paste(names(asked), vapply(asked, cell, ""), sep = "=", collapse = ";"), ",", cell(as.numeric(found)), "\n", sep = "")
}
cat("# rpact", as.character(packageVersion("rpact")), "survival", as.character(packageVersion("survival")), "\n")
cat("kind,asked,found\n")

# Group-sequential log-rank tests at the planned shares of events: final p-value, interval and median unbiased estimate of the hazard ratio.
for (type in c("asOF", "asP", "WT")) for (case in list(c(50, 75, 1.4, 2.9), c(50, 75, 2.99, NA), c(40, 60, 0.6, 2.6), c(50, 75, 1.1, 2.45), c(30, 60, 3.2, NA))) {
  d <- getDesignGroupSequential(informationRates = c(0.5, 0.75, 1), alpha = 0.025, typeOfDesign = type, deltaWT = if (type == "WT") 0.25 else NA_real_)
  k <- if (is.na(case[4])) 1 else 2
  z <- case[3:4][1:k]
  if (any(z[-k] >= d$criticalValues[seq_len(k - 1)]) || z[k] < d$criticalValues[k]) next
  events <- case[1:2][1:k]
  invisible(capture.output(r <- suppressWarnings(getAnalysisResults(d, getDataset(overallEvents = events, overallLogRanks = z), thetaH0 = 1, directionUpper = TRUE))))
  write("sequential", list(upper = d$criticalValues, information = d$informationRates, events = events, z = z),
    c(r$finalPValues[k], r$finalConfidenceIntervalLowerBounds[k], r$finalConfidenceIntervalUpperBounds[k], r$medianUnbiasedEstimates[k]))
}

# One rate and two rates by R itself.
for (case in list(c(7, 20, 0.2), c(0, 15, 0.1), c(15, 15, 0.8), c(14, 55, 0.15), c(33, 100, 0.25), c(1, 9, 0.05))) {
  b <- binom.test(case[1], case[2], case[3], alternative = "greater"); ci <- binom.test(case[1], case[2])$conf.int
  write("one rate", list(x = case[1], n = case[2], p0 = case[3]), c(b$p.value, ci))
}
for (case in list(c(4, 20, 10, 20), c(9, 30, 33, 60), c(0, 15, 4, 10), c(20, 50, 33, 50), c(5, 40, 6, 38), c(12, 25, 3, 25), c(70, 150, 95, 150))) {
  t <- matrix(c(case[3], case[4] - case[3], case[1], case[2] - case[1]), 2)
  z <- suppressWarnings(prop.test(c(case[3], case[1]), c(case[4], case[2]), correct = FALSE))
  write("two rates", list(x = case[c(1, 3)], n = case[c(2, 4)]), c(fisher.test(t, alternative = "greater")$p.value, fisher.test(t)$p.value, z$p.value))
}

# Times to events of 120 patients.
set.seed(7); n <- 120
x <- data.frame(arm = rep(c("control", "experimental"), n / 2), age = round(rnorm(n, 60, 9)), sex = sample(c("f", "m"), n, TRUE), site = sample(c("a", "b", "c"), n, TRUE))
t <- rexp(n, 0.01 * ifelse(x$arm == "control", 1, 0.65) * 1.02^(x$age - 60)); censored <- runif(n, 20, 200)
x$time_days <- ceiling(pmin(t, censored)); x$event <- as.integer(t <= censored)
write.csv(x, "tests/published/survival.csv", row.names = FALSE)
y <- Surv(x$time_days, x$event); second <- as.integer(x$arm == "experimental")
for (rho in c(0, 0.5, 1)) write("log-rank", list(rho = rho, strata = "none"), survdiff(y ~ second, rho = rho)$chisq)
for (by in c("sex", "site")) write("log-rank", list(rho = 0, strata = by), survdiff(y ~ second + strata(x[[by]]))$chisq)
cox <- function(model) { s <- summary(model); c(s$coefficients["second", c(1, 3, 5)], s$conf.int["second", 3:4]) }
write("cox", list(adjust = "none", strata = "none"), cox(coxph(y ~ second)))
write("cox", list(adjust = "age", strata = "none"), cox(coxph(y ~ second + age, x)))
write("cox", list(adjust = "age sex", strata = "none"), cox(coxph(y ~ second + age + sex, x)))
write("cox", list(adjust = "age sex site", strata = "none"), cox(coxph(y ~ second + age + sex + site, x)))
write("cox", list(adjust = "none", strata = "sex"), cox(coxph(y ~ second + strata(sex), x)))
write("cox", list(adjust = "age", strata = "site"), cox(coxph(y ~ second + age + strata(site), x)))
for (arm in unique(x$arm)) for (level in c(0.8, 0.9, 0.95)) {
  s <- survfit(Surv(time_days, event) ~ 1, x[x$arm == arm, ], conf.type = "log-log", conf.int = level)
  q <- quantile(s, 0.5); write("median", list(arm = arm, confidence = level), c(q$quantile, q$lower, q$upper))
  for (day in c(30, 60, 90)) { a <- summary(s, times = day); write("survival", list(arm = arm, confidence = level, day = day), c(a$surv, a$lower, a$upper)) }
}
for (until in c(60, 100, 150)) {
  m <- survival:::survmean(survfit(y ~ second), rmean = until)$matrix
  write("restricted mean", list(until = until), c(diff(m[, "rmean"]), sqrt(sum(m[, "se(rmean)"]^2))))
}
