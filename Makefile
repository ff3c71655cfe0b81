EXTENSION = custseg
MODULE_big = custseg
DATA = custseg--1.0.sql

OBJS = \
	src/custseg.o src/progress.o \
	src/data/relation.o src/data/key.o src/data/value.o src/data/dictionary.o src/data/matrix.o \
	src/prep/options.o src/prep/resolve.o src/prep/fit.o src/prep/levels.o src/prep/column.o \
	src/prep/yeo_johnson.o src/prep/knn.o src/prep/pca.o src/prep/pipeline.o src/prep/apply.o src/prep/json.o \
	src/prep/covariance.o src/prep/time.o \
	src/math/distance.o src/math/filter.o src/math/sort.o src/math/rng.o src/math/linear.o src/math/lapack.o \
	src/math/kdtree.o src/math/kdtree_search.o src/math/exponential.o src/math/special.o \
	src/parallel/arena.o src/parallel/team.o \
	src/algo/registry.o src/algo/options.o src/algo/nearest.o src/algo/moments.o src/algo/kmeans.o \
	src/algo/kmeans_plan.o src/algo/kmeans_seed.o src/algo/kmeans_assign.o src/algo/kmeans_measure.o \
	src/algo/minibatch.o src/algo/hdbscan.o src/algo/hdbscan_graph.o src/algo/hdbscan_search.o \
	src/algo/hdbscan_tree.o src/algo/hdbscan_assign.o src/algo/neighbors.o src/algo/dbscan.o \
	src/algo/dbscan_label.o src/algo/dbscan_pass.o src/algo/dbscan_score.o src/algo/hierarchical.o \
	src/algo/linkage.o src/algo/linkage_points.o src/algo/linkage_pairs.o src/algo/cophenetic.o \
	src/algo/micro_clusters.o src/algo/gmm.o src/algo/gmm_plan.o src/algo/gmm_mixture.o src/algo/gmm_pass.o \
	src/algo/gmm_score.o src/algo/kmeans_sums.o src/algo/rules.o src/algo/rules_parse.o src/algo/rules_bind.o \
	src/algo/rules_score.o src/algo/rules_words.o src/algo/rules_search.o src/algo/rules_json.o \
	src/algo/tree.o src/algo/tree_grow.o src/algo/tree_prune.o src/algo/tree_score.o src/algo/tree_words.o src/model/tree_target.o \
	src/profile/tree_path.o src/profile/surrogate.o \
	src/stat/silhouette.o src/stat/sample.o src/stat/validity.o src/stat/gap.o src/stat/agreement.o \
	src/stat/unimodal.o src/stat/reference.o src/stat/hopkins.o src/stat/ks.o src/stat/kolmogorov.o \
	src/stat/distances.o src/stat/chi_square.o src/stat/two_sample.o src/stat/contingency.o src/stat/result.o \
	src/stat/two_sample_aggregates.o src/stat/category_aggregates.o src/stat/shares.o src/stat/marginal.o \
	src/stat/quantile_function.o src/stat/energy.o src/stat/anova.o src/stat/rank_tests.o src/stat/pairs.o \
	src/stat/studentized_range.o src/stat/grouped_moments.o src/stat/group_sample.o src/stat/group_aggregates.o \
	src/explore/reader.o src/explore/describe.o src/explore/correlations.o src/explore/histogram.o src/explore/missing.o src/explore/outliers.o src/stat/missing.o src/stat/correlation.o src/stat/describe.o src/stat/effect.o src/stat/rfm.o src/profile/segment_tests.o \
	src/orders/lines.o src/orders/gather.o src/orders/segments.o src/orders/rfm.o src/orders/features.o src/orders/features_sql.o src/stat/summaries.o \
	src/judge/neighbors.o src/judge/dendrogram.o src/judge/choice.o src/judge/choose_k.o src/judge/placed.o \
	src/judge/evaluate.o src/judge/contender.o src/judge/compare.o src/judge/request.o src/judge/agreement.o \
	src/judge/stability.o src/judge/clusterability.o src/judge/components.o src/judge/select_features.o src/judge/optimise_thresholds.o \
	src/model/catalog.o src/model/prepare.o src/model/train.o src/model/features.o src/model/rows.o \
	src/model/stream.o src/model/profile.o src/model/numbering.o src/model/store.o src/model/lifecycle.o \
	src/model/scorer.o src/model/compiled_model.o src/model/binding.o src/model/cache.o src/model/predict.o src/model/rewrite.o \
	src/model/explain.o src/model/score.o src/model/assign.o src/model/resegment.o src/model/versions.o \
	src/model/change.o src/model/action.o src/model/override.o src/model/rules.o \
	src/monitor/observe.o src/monitor/baseline.o src/monitor/report.o src/monitor/sizes.o \
	src/monitor/quality.o src/monitor/quality_source.o src/monitor/fairness.o src/monitor/migration.o \
	src/monitor/at_risk.o src/monitor/compare_versions.o src/monitor/drift.o src/monitor/drift_compare.o \
	src/monitor/drift_verdict.o src/monitor/multivariate.o src/monitor/run.o src/monitor/silhouette.o \
	src/profile/portrait.o src/profile/columns.o src/profile/defining.o src/profile/segment_profile.o \
	src/profile/words.o src/profile/summary.o src/profile/importance.o src/profile/split_stability.o

# pg_regress: sql/NAME.sql against expected/NAME.out, in this order
REGRESS = surface relation explore pipeline kmeans minibatch gmm hierarchical dbscan hdbscan model scoring \
	planner choose agreement structure tests drift watch versions monitor groups orders actions profile rules tree security errors
REGRESS_OPTS = --load-extension=custseg
EXTRA_CLEAN = .built-for

# Floats are exact: no fast-math, no contraction, so every machine computes the same bits.
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers \
	-Werror -fvisibility=hidden -ffp-contract=off -fno-math-errno
# LAPACK is loaded when it is needed: src/math/lapack.c.
SHLIB_LINK += -lgsl -lm

PG_CONFIG ?= pg_config

# What installs what the machine lacks before it builds, and so can't rest on PGXS.
SELF_CONTAINED = check demo bench

ifneq ($(filter $(SELF_CONTAINED),$(MAKECMDGOALS)),)

.PHONY: $(MAKECMDGOALS)

# Variables given to make go on to the build, and by the environment to the scripts: PG_CONFIG,
# CC, COPT; KEEP, DATA, VALGRIND (see the head of each script).
$(SELF_CONTAINED): export REGRESS := $(REGRESS)
$(SELF_CONTAINED): export REGRESS_OPTS := $(REGRESS_OPTS)
$(SELF_CONTAINED):
	@tools/$@ $(MAKEOVERRIDES)

# Other goals beside them, as in "make clean check".
$(filter-out $(SELF_CONTAINED),$(MAKECMDGOALS)):
	@$(MAKE) $@

else

PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifeq ($(wildcard $(PGXS)),)
$(error "$(PG_CONFIG)" leads to no PostgreSQL to build for. Install the server's development \
package (Debian: postgresql-server-dev-NN), or say make PG_CONFIG=/path/to/pg_config. \
"make check" and "make demo" install what is missing themselves)
endif
include $(PGXS)

# A server built by gcc leaves flags and attributes that clang does not know, and need not.
ifneq ($(findstring clang,$(CC)),)
override CFLAGS += -Wno-ignored-optimization-argument -Wno-unknown-warning-option -Wno-ignored-attributes
endif

# More optimisation only where it pays: the kernels that see every value of every row.
src/math/distance.o src/math/filter.o src/math/sort.o src/prep/apply.o src/prep/knn.o \
	src/prep/pca.o src/algo/nearest.o src/algo/moments.o src/algo/kmeans.o \
	src/algo/kmeans_seed.o src/algo/kmeans_assign.o src/algo/kmeans_measure.o \
	src/math/kdtree.o src/algo/hdbscan_search.o src/stat/silhouette.o \
	src/math/kdtree_search.o src/algo/dbscan_pass.o src/algo/linkage_points.o \
	src/algo/linkage_pairs.o src/math/exponential.o src/math/linear.o src/algo/gmm_pass.o \
	src/algo/gmm_score.o src/prep/covariance.o src/stat/ks.o src/algo/kmeans_sums.o \
	src/stat/energy.o src/stat/summaries.o src/stat/describe.o src/stat/correlation.o: override CFLAGS += -O3

# Its results are certain whatever the rounding, see its head.
src/math/filter.o: override CFLAGS += -ffp-contract=fast

# Code that the server inlines into compiled expressions computes the same bits, too.
override BITCODE_CFLAGS += -ffp-contract=off

# Objects know neither the headers nor the flags, the server and the compiler they were made for:
# all are made anew when a header or this file changes, or .built-for, written only when it differs.
BUILT_FOR := $(shell $(PG_CONFIG) --version) $(PGXS) $(CC) $(COPT) $(PROFILE)
ifneq ($(shell cat .built-for 2>/dev/null),$(BUILT_FOR))
$(shell echo '$(BUILT_FOR)' >.built-for)
endif
$(OBJS) $(OBJS:.o=.bc): .built-for $(srcdir)/Makefile $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)

# Tests that need a second session, a restart or another tool; the extension must be installed.
.PHONY: prove_installcheck
prove_installcheck: PROVE_TESTS = test/t/*.pl
prove_installcheck:
	$(prove_installcheck)

endif
