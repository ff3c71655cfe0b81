# One call of a peer in R, on a matrix in a file of doubles, column by column: prints how many seconds the call
# took, and a number that says what it found.
#
# Usage: Rscript peers.R PEER FILE COLUMNS [ARGUMENT...]

arguments <- commandArgs(trailingOnly = TRUE)
values <- readBin(arguments[2], "double", file.size(arguments[2]) / 8)
x <- matrix(values, ncol = as.integer(arguments[3]))
further <- as.numeric(arguments[-(1:3)])

timed <- function(call) {
  took <- system.time(found <- call())[["elapsed"]]
  list(took = took, found = found)
}

peers <- list(
  # The last column is the segment that each row starts in; so many iterations.
  mclust = function() {
    suppressPackageStartupMessages(library(mclust))
    start <- unmap(x[, ncol(x)])
    rows <- x[, -ncol(x)]
    run <- timed(function() suppressWarnings(
      me(rows, "VVV", start, control = emControl(tol = c(0, 0), itmax = rep(further[1], 2)))))
    list(took = run$took, found = run$found$loglik / nrow(rows))
  },
  # eps and min_samples.
  dbscan = function() {
    run <- timed(function() dbscan::dbscan(x, further[1], further[2]))
    list(took = run$took, found = max(run$found$cluster))
  },
  fastcluster = function() {
    run <- timed(function() fastcluster::hclust.vector(x, "ward"))
    list(took = run$took, found = max(run$found$height))
  }
)

run <- peers[[arguments[1]]]()
cat(sprintf("%.6f %.17g\n", run$took, run$found))
