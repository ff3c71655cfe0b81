# Run the simulations whole, and write what comes of them to a page: tools/calibrate has a server for it.
#
# The environment names the page (CALIBRATION_REPORT), the programs (PSQL, CREATEDB), files if not all
# are wanted (VERDICTS), and a share of the trials (REPLICATES); with one, no page is written.

use strict;
use warnings FATAL => 'all';

use Calibration;
use File::Temp;

my $psql = $ENV{PSQL} // 'psql';
my $createdb = $ENV{CREATEDB} // 'createdb';
my $report = $ENV{CALIBRATION_REPORT};
my $share = $ENV{REPLICATES} || 1;
my @files = split(' ', $ENV{VERDICTS} // '');

# What psql prints of statements.
sub run
{
    my $script = File::Temp->new(SUFFIX => '.sql');

    print $script @_;
    close $script;
    my $output = qx($psql -XAtq -v ON_ERROR_STOP=1 -d calibration -f $script);
    die "psql failed\n" if $? != 0;
    return $output;
}

# The sections of the page as it is, by file.
sub old_sections
{
    my ($file, %section);

    open my $page, '<', $report or return ();
    while (<$page>)
    {
        $file = $1 if /^## (\S+)$/;
        $section{$file} .= $_ if defined $file;
    }
    return %section;
}

my $head = <<'TEXT';
# Calibration

custseg says when something is so, and when it is not. This page tells how often it is wrong about it: simulations of customers of whom the truth is known, judged by custseg. `make calibrate` runs them and writes this page, and `make check` runs a few trials of each verdict; they are seeded, and so come out the same wherever they run. The simulations are in `test/calibration/`, one file for each section.

A false alarm is a verdict that is given where there is nothing; power is the share of cases in which it is given where it should be. Intervals are Wilson's, 95 %; a mean has its standard error's, and events that can come more than once a year have a Poisson distribution's. The bar is met, or missed by no more than chance would, or not met. A row without a bar tells what a rule costs.
TEXT

system($createdb, 'calibration') == 0 or die "createdb failed\n";
run('CREATE EXTENSION custseg;');
load_file(\&run, 'common');
@files = calibration_files() unless @files;
my %section = old_sections();
$| = 1;
print table_head();
for my $file (@files)
{
    load_file(\&run, $file);
    my $table = table_head();
    for my $part (parts(\&run, $file))
    {
        my $trials = int($share * $part->{replicates} + 0.5) || 1;
        my $row = table_row(run_part(\&run, $part, $trials));

        print $row;
        $table .= $row;
    }
    $section{$file} = "## $file\n\n" . file_head($file) . "\n\n$table";
}
exit 0 if $share < 1;
open my $page, '>', $report or die "$report: $!\n";
print $page "$head\n", join("\n", map { $section{$_} =~ s/\n+\z/\n/r } grep { exists $section{$_} } calibration_files());
close $page;
