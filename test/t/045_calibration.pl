# Verdicts on customers of whom the truth is known: no rate has left its bar by more than chance can do.
# The whole, with what it measured, is "make calibrate"; the trials here are its first.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use Calibration;
use CustsegTest;
use Test::More;

my $node = start_node('calibration', "jit = off\nlog_min_messages = warning\n");
my $run = sub { return $node->safe_psql('postgres', join '', @_); };

load_file($run, 'common');
for my $file (calibration_files())
{
    load_file($run, $file);
    for my $part (grep { $_->{quick} > 0 } parts($run, $file))
    {
        my $result = run_part($run, $part, $part->{quick});

        ok(!clearly_beyond($result), table_row($result) =~ s/\s*\|\s*/ /gr);
    }
}

# The limits are those of the binomial and the Poisson distribution (R: pbinom, ppois).
my %result = (measure => 'false alarm', bar => 0.05, unit => '', of => 40);
ok(clearly_beyond({ %result, hits => 8 }) && !clearly_beyond({ %result, hits => 7 }),
    '8 of 40 are clearly more than 5 %, 7 are not: .0007 and .0034');
%result = (measure => 'power', bar => 0.8, unit => '', of => 20);
ok(clearly_beyond({ %result, hits => 9 }) && !clearly_beyond({ %result, hits => 10 }),
    '9 of 20 are clearly fewer than 80 %, 10 are not: .0006 and .0026');
%result = (measure => 'false alarm', bar => 0.5, unit => 'year', of => 4);
ok(clearly_beyond({ %result, hits => 9 }) && !clearly_beyond({ %result, hits => 8 }),
    '9 in 4 years are clearly more than .5 a year, 8 are not: .0002 and .0011');
$node->stop;
done_testing();
