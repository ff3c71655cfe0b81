# docs/month.md prints what it says.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use PageTest;

test_page('docs/month.md');
