# docs/people.md, which is all about real customers, prints what it says.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use PageTest;

test_real_customers('docs/people.md', 'whole');
