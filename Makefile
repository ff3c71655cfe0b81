EXTENSION = custseg
MODULE_big = custseg
DATA = custseg--1.0.sql

OBJS = $(patsubst $(srcdir)/%.c,%.o,$(sort $(wildcard $(srcdir)/src/*.c $(srcdir)/src/*/*.c)))

# pg_regress: sql/NAME.sql against expected/NAME.out
REGRESS := $(notdir $(basename $(sort $(wildcard $(dir $(lastword $(MAKEFILE_LIST)))sql/*.sql))))
REGRESS_OPTS = --load-extension=custseg
EXTRA_CLEAN = .built-for $(OBJS:.o=.d)

# Floats are exact: no fast-math, no contraction, so every machine computes the same bits.
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers \
	-Werror -fvisibility=hidden -ffp-contract=off -fno-math-errno
# LAPACK is loaded when it is needed: src/math/lapack.c.
SHLIB_LINK += -lgsl -lm

PG_CONFIG ?= pg_config

# What installs what the machine lacks before it builds, and so cannot rest on PGXS.
SELF_CONTAINED = check calibrate sanitize demo report dashboard bench deb dist package-check

ifneq ($(filter $(SELF_CONTAINED),$(MAKECMDGOALS)),)

.PHONY: $(MAKECMDGOALS)

# Variables given to make go on to the build, and by the environment to the scripts: PG_CONFIG,
# CC, COPT; KEEP, DATA, OUT, VALGRIND, SANITIZED, MODEL, KIND, DATABASE, AS_OF, START, FORMAT, PORT, ROLE (see
# the head of each script).
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

# More optimisation only where it pays: the kernels that see every value of every row.  Whatever is
# compiled for several instruction sets is one; these are, too.
KERNELS := $(shell grep -lE 'CS_CLONES|"math/kernel\.h"' $(srcdir)/src/*/*.c)
$(patsubst $(srcdir)/%.c,%.o,$(KERNELS)) src/math/sort.o src/algo/hdbscan_search.o src/algo/kmeans.o \
	src/algo/kmeans_measure.o src/algo/moments.o src/stat/describe.o src/stat/summaries.o: \
	override CFLAGS += -O3

# Its results are certain whatever the rounding, see its head.
src/math/filter.o: override CFLAGS += -ffp-contract=fast

# Code that the server inlines into compiled expressions computes the same bits, too.
override BITCODE_CFLAGS += -ffp-contract=off

# The compiler writes beside each object which headers it was made of. Objects know neither the flags nor
# the server and the compiler that they were made for: all are made anew when this file changes, or
# .built-for, written only when it differs.
override CFLAGS += -MMD -MP
-include $(OBJS:.o=.d)
BUILT_FOR := $(shell $(PG_CONFIG) --version) $(PGXS) $(CC) $(COPT) $(PROFILE)
ifneq ($(shell cat .built-for 2>/dev/null),$(BUILT_FOR))
$(shell echo '$(BUILT_FOR)' >.built-for)
endif
$(OBJS) $(OBJS:.o=.bc): .built-for $(srcdir)/Makefile
# What is inlined has no such list.
$(OBJS:.o=.bc): $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)

# Tests that need a second session, a restart or another tool; the extension must be installed.
.PHONY: prove_installcheck
prove_installcheck: PROVE_TESTS = test/t/*.pl
prove_installcheck:
	$(prove_installcheck)

endif
