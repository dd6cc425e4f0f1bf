# Rates of two arms in strata and with covariates, by R itself: what was asked and what it gives.
# Run: Rscript verification/adjusted_rates.R > tests/published/adjusted_rates.csv; writes tests/published/rates.csv too.
# mantelhaen.test and glm are R's own. The test of homogeneity, the common difference and the standardised difference
# are written here anew: roots by uniroot, variances by sums over strata, a sandwich by numerical derivatives.
write <- function(kind, asked, found) {
  cell <- function(x) paste(vapply(x, function(v) if (is.character(v)) v else format(v, digits = 12, scientific = FALSE, trim = TRUE), ""), collapse = " ")
  cat(kind, ",", paste(names(asked), vapply(asked, cell, ""), sep = "=", collapse = ";"), ",", cell(as.numeric(found)), "\n", sep = "")
}
cat("# R", as.character(getRversion()), "\n")
cat("kind,asked,found\n")

homogeneity <- function(tables, ratio) {  # Breslow and Day 1980, Tarone 1985
  away <- v <- numeric(0)
  for (k in seq_len(dim(tables)[3])) {
    n1 <- sum(tables[1, , k]); n0 <- sum(tables[2, , k]); m <- sum(tables[, 1, k])
    if (min(n1, n0) == 0 || m == 0 || m == n1 + n0) next
    odds <- function(e) e * (n0 - m + e) - ratio * (m - e) * (n1 - e)
    e <- uniroot(odds, c(max(0, m - n0), min(m, n1)), tol = 1e-13)$root
    away <- c(away, tables[1, 1, k] - e)
    v <- c(v, 1 / sum(1 / c(e, m - e, n1 - e, n0 - m + e)))
  }
  statistic <- sum(away^2 / v) - sum(away)^2 / sum(v)
  c(statistic, length(v) - 1, pchisq(statistic, length(v) - 1, lower.tail = FALSE))
}
common_difference <- function(tables) {  # Greenland and Robins 1985; Sato 1989
  top <- bottom <- p <- q <- 0
  for (k in seq_len(dim(tables)[3])) {
    a <- tables[1, 1, k]; b <- tables[1, 2, k]; c <- tables[2, 1, k]; d <- tables[2, 2, k]; n <- a + b + c + d
    if (a + b == 0 || c + d == 0) next
    w <- (a + b) * (c + d) / n
    top <- top + w * (a / (a + b) - c / (c + d)); bottom <- bottom + w
    p <- p + ((a + b)^2 * c - (c + d)^2 * a + (a + b) * (c + d) * ((c + d) - (a + b)) / 2) / n^2
    q <- q + (a * d + c * b) / (2 * n)
  }
  c(top / bottom, sqrt(top / bottom * p + q) / bottom)
}

# Tables of responses and failures, the experimental arm first, in two to twelve strata of many or few patients.
set.seed(11)
for (i in 1:30) {
  K <- sample(2:12, 1); size <- c(40, 12, 5)[i %% 3 + 1]
  effect <- c(1, 1.8, 3, 0.4, 1)[i %% 5 + 1]
  tables <- array(0, c(2, 2, K))
  for (k in 1:K) {
    n <- 1 + rpois(2, size); p0 <- runif(1, 0.15, 0.6); odds <- effect * p0 / (1 - p0)
    x <- rbinom(2, n, c(odds / (1 + odds), p0)); tables[, , k] <- cbind(x, n - x)
  }
  m <- mantelhaen.test(tables, correct = FALSE)
  greater <- mantelhaen.test(tables, correct = FALSE, alternative = "greater")$p.value
  asked <- list(n = c(apply(tables[2, , ], 2, sum), apply(tables[1, , ], 2, sum)), x = c(tables[2, 1, ], tables[1, 1, ]))
  write("strata", asked, c(m$statistic, m$p.value, greater, m$estimate, m$conf.int, homogeneity(tables, m$estimate), common_difference(tables)))
}

# Responses of patients with covariates, in twelve trials of 90.
set.seed(12); n <- 12 * 90
x <- data.frame(trial = rep(1:12, each = 90), arm = sample(c("control", "experimental"), n, TRUE), age = round(rnorm(n, 60, 9)),
  sex = sample(c("f", "m"), n, TRUE), site = sample(1:3, n, TRUE))
x$responded <- rbinom(n, 1, plogis(-0.8 + 0.7 * (x$arm == "experimental") - 0.06 * (x$age - 60) + 0.8 * (x$sex == "m") + c(-0.5, 0, 0.6)[x$site]))
write.csv(x, "tests/published/rates.csv", row.names = FALSE)
x$second <- as.integer(x$arm == "experimental")

standardised <- function(model, data) {  # the mean if all were experimental, less that if all were control
  one <- predict(model, transform(data, second = 1), type = "response"); none <- predict(model, transform(data, second = 0), type = "response")
  X <- model.matrix(model); y <- data$responded; B <- coef(model); k <- length(B)
  X1 <- X0 <- X; X1[, "second"] <- 1; X0[, "second"] <- 0
  of_each <- function(b) cbind(X * as.vector(y - plogis(X %*% b[1:k])), plogis(X1 %*% b[1:k]) - b[k + 1], plogis(X0 %*% b[1:k]) - b[k + 2])
  at <- c(B, mean(one), mean(none)); h <- 1e-5
  A <- sapply(seq_along(at), function(j) { d <- replace(numeric(k + 2), j, h); (colMeans(of_each(at + d)) - colMeans(of_each(at - d))) / (2 * h) })
  M <- crossprod(of_each(at)) / nrow(X); V <- solve(A) %*% M %*% t(solve(A)) / nrow(X); L <- c(numeric(k), 1, -1)
  c(mean(one) - mean(none), sqrt(drop(t(L) %*% V %*% L)))
}
models <- list(none = responded ~ second, age = responded ~ second + age, "age sex" = responded ~ second + age + sex,
  "age sex | site" = responded ~ second + age + sex + factor(site))
for (trial in 1:12) for (name in names(models)) {
  data <- x[x$trial == trial, ]
  model <- glm(models[[name]], binomial, data, epsilon = 1e-14)
  s <- summary(model)$coefficients["second", c(1, 2, 4)]
  write("logistic", list(trial = trial, covariates = name), c(s, exp(confint.default(model)["second", ]), standardised(model, data)))
}

# Interactions: likelihood ratio tests of arm by level, by glm and by survival's coxph (times of tests/published/survival.csv).
for (trial in 1:12) for (column in c("sex", "site")) {
  data <- x[x$trial == trial, ]; data$level <- factor(data[[column]])
  a <- anova(glm(responded ~ second + level, binomial, data, epsilon = 1e-14), glm(responded ~ second * level, binomial, data, epsilon = 1e-14), test = "LRT")
  write("interaction of rates", list(trial = trial, column = column), c(a$Deviance[2], a[2, "Pr(>Chi)"]))
}
suppressMessages(library(survival))
t <- read.csv("tests/published/survival.csv"); t$second <- as.integer(t$arm == "experimental")
for (column in c("sex", "site")) {
  t$level <- factor(t[[column]]); y <- Surv(t$time_days, t$event)
  l <- c(coxph(y ~ second + level, t)$loglik[2], coxph(y ~ second * level, t)$loglik[2]); s <- 2 * (l[2] - l[1])
  write("interaction of times", list(column = column), c(s, pchisq(s, nlevels(t$level) - 1, lower.tail = FALSE)))
  for (name in levels(t$level)) { m <- summary(coxph(Surv(time_days, event) ~ second, t[t$level == name, ])); write("hazard ratio", list(column = column, level = name), m$conf.int[c(1, 3, 4)]) }
}
