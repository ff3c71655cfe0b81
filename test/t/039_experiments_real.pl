# docs/experiments.md prints what it says, on real customers.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use PageTest;

test_real_customers('docs/experiments.md');
