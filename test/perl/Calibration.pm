# How often verdicts are wrong, and how often they are given where they should be: the simulations of
# test/calibration/ are run, counted and compared with their bars.
#
# SQL is run by a function that the caller gives: it takes statements and returns what psql prints of
# them, a line for each row, with columns separated by "|".

package Calibration;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Basename;

our @EXPORT = qw(calibration_files load_file parts run_part clearly_beyond table_row table_head file_head);

# Of a normal distribution: 95 % lie within.
use constant Z => 1.959963984540054;

# Beyond its bar is what would come by chance this rarely, were the bar met.
use constant CLEARLY => 0.001;

my $folder = dirname(__FILE__) . '/../calibration';

# The names of the files, without common.sql.
sub calibration_files
{
    return sort grep { $_ ne 'common' } map { basename($_, '.sql') } glob "$folder/*.sql";
}

sub slurp
{
    my ($name) = @_;

    open my $file, '<', "$folder/$name.sql" or die "$folder/$name.sql: $!\n";
    local $/;
    return <$file>;
}

# What a file says of itself: the comment that it begins with, as one paragraph.
sub file_head
{
    my ($name) = @_;

    return slurp($name) =~ /\A((?:--.*\n)+)/ ? join(' ', map { s/^--\s*//r } split /\n/, $1) : '';
}

# Make the functions and parts of a file; "common" comes first, in an empty database with custseg.
sub load_file
{
    my ($run, $name) = @_;

    $run->("SET client_min_messages = warning; SET calibration.file = '$name';\n" . slurp($name));
}

# The parts of a file, as they stand there.
sub parts
{
    my ($run, $name) = @_;
    my @columns = qw(verdict data n measure bar unit replicates quick trial);

    return map { my %part; @part{@columns} = split /\|/, $_, scalar @columns; \%part }
      split /\n/, $run->('SELECT ' . join(', ', @columns)
        . " FROM calibration.part WHERE file = '$name' ORDER BY position;");
}

# Run so many trials of a part, each in a transaction of its own.  Returns the part with hits, of,
# rate, low and high.
sub run_part
{
    my ($run, $part, $trials) = @_;
    my ($hits, $of, $squares) = (0, 0, 0);
    my $sql = join '', map { 'SELECT array_to_string(calibration.outcome(' . $part->{trial} =~ s/\{seed\}/$_/gr
          . "), ' ');\n" } 1 .. $trials;

    for my $line (split /\n/, $run->("SET client_min_messages = error;\n$sql"))
    {
        my ($number, $count) = split ' ', $line;

        next unless defined $count;
        $hits += $number;
        $of += $count;
        $squares += $number * $number;
    }
    my %result = (%$part, hits => $hits, of => $of);
    @result{qw(rate low high)} = $of == 0 ? (0, 0, 1)
      : $part->{measure} eq 'mean' ? mean_interval($hits, $squares, $of)
      : $part->{unit} ? poisson_interval($hits, $of) : wilson_interval($hits, $of);
    return \%result;
}

# Wilson's interval of a share, 95 %.
sub wilson_interval
{
    my ($hits, $of) = @_;
    my $p = $hits / $of;
    my $half = Z / (1 + Z**2 / $of) * sqrt($p * (1 - $p) / $of + Z**2 / 4 / $of**2);
    my $middle = ($p + Z**2 / 2 / $of) / (1 + Z**2 / $of);

    return ($p, $hits == 0 ? 0 : $middle - $half, $hits == $of ? 1 : $middle + $half);
}

# The same for events of which there may be more than one a unit.
sub poisson_interval
{
    my ($hits, $of) = @_;
    my $half = Z * sqrt($hits + Z**2 / 4);

    return ($hits / $of, ($hits + Z**2 / 2 - $half) / $of, ($hits + Z**2 / 2 + $half) / $of);
}

sub mean_interval
{
    my ($sum, $squares, $n) = @_;
    my $mean = $sum / $n;
    my $variance = $n > 1 ? ($squares - $n * $mean**2) / ($n - 1) : 0;
    my $half = Z * sqrt(($variance > 0 ? $variance : 0) / $n);

    return ($mean, $mean - $half, $mean + $half);
}

# The chance of "from" to "to" hits, were the rate the bar: binomial, or Poisson where there is a unit.
sub chance
{
    my ($result, $from, $to) = @_;
    my ($bar, $of) = ($result->{bar}, $result->{of});
    my ($total, $log_term) = (0, undef);

    return $from == 0 ? 1 : 0 if $bar <= 0;
    return $to == $of ? 1 : 0 if $bar >= 1 && !$result->{unit};
    $log_term = $result->{unit} ? -$bar * $of : $of * log(1 - $bar);
    for my $i (0 .. $to)
    {
        $total += exp($log_term) if $i >= $from;
        $log_term += $result->{unit} ? log($bar * $of / ($i + 1))
          : $i < $of ? log(($of - $i) / ($i + 1) * $bar / (1 - $bar)) : 0;
    }
    return $total;
}

# Has a rate left its bar by more than chance can do?
sub clearly_beyond
{
    my ($result) = @_;
    my ($hits, $bar) = @$result{qw(hits bar)};

    return 1 if $result->{of} == 0;
    return 0 if $bar eq '';
    return $result->{low} > $bar || $result->{high} < -$bar if $result->{measure} eq 'mean';
    return chance($result, 0, $hits) < CLEARLY if $result->{measure} eq 'power';
    return $hits > 0 && 1 - chance($result, 0, $hits - 1) < CLEARLY;
}

# Is the bar met: "yes", "no", or by less than chance makes?
sub met
{
    my ($result) = @_;
    my ($bar, $rate, $low, $high) = @$result{qw(bar rate low high)};

    return '-' if $bar eq '';
    return abs($rate) <= $bar ? 'yes' : $low <= $bar && $high >= -$bar ? 'within chance' : 'no'
      if $result->{measure} eq 'mean';
    return $rate >= $bar ? 'yes' : $high >= $bar ? 'within chance' : 'no' if $result->{measure} eq 'power';
    return $rate <= $bar ? 'yes' : $low <= $bar ? 'within chance' : 'no';
}

# The head of the table of results, in Markdown.
sub table_head
{
    return "| Verdict | Data | Customers | Measured | Rate | 95 % interval | Bar | Met |\n"
      . "| --- | --- | ---: | --- | ---: | --- | --- | --- |\n";
}

# A result as a row of it.
sub table_row
{
    my ($result) = @_;
    my $n = reverse(reverse($result->{n}) =~ s/(\d{3})(?=\d)/$1,/gr);
    my $counted = $result->{measure} eq 'mean' ? "mean of $result->{of}"
      : "$result->{measure}, $result->{hits} " . ($result->{unit} ? "in $result->{of} $result->{unit}s" : "of $result->{of}");
    my $bar = $result->{bar} eq '' ? '-' : ($result->{measure} eq 'power' ? 'at least ' : 'at most ') . $result->{bar}
      . ($result->{unit} ? " a $result->{unit}" : '');

    return sprintf "| %s | %s | %s | %s | %.3f | [%.3f, %.3f] | %s | %s |\n", @$result{qw(verdict data)}, $n, $counted,
      @$result{qw(rate low high)}, $bar, met($result);
}

1;
