# No training uses a column that cannot help, or hardly, without a word.  Random tables hold columns of every such
# kind beside good ones; each that became a feature must be named in a NOTICE, and so must each that was left out.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('suitability');
my $ntables = 120;

# The same tables in each run, whatever Perl and platform: Park and Miller's numbers.
my $state = 46;

sub any
{
    my ($n) = @_;

    $state = $state * 48271 % 2147483647;
    return $state % $n;
}

# Columns that are bad, as SQL of the row's number i of n; what "named" says must be said of them also where they
# are used.
my %kinds = (
    constant => [ '7.5::float8', '3', "'the same'", 'NULL::int', "CASE WHEN i > n / 3 THEN NULL ELSE i END", 'true', "date '2026-01-01'" ],
    id => [ 'i', '(i * 7919::bigint) % 1000003', '9007199254740992 + i', "md5(i::text)", '100000 - i' ],
    segment => [ "custseg.predict('other', r)", "custseg.predict('other', r)::bigint" ],
    erased => [ 'CASE WHEN i = 3 THEN 500.25 ELSE 0 END', 'CASE WHEN i % 50 = 1 THEN i + 0.5 ELSE 2 END', 'CASE WHEN i % 10 = 0 THEN i ELSE 5 END', "(i = 4)::int::float8" ],
    double => [ 'x * -2.5 + 7', "timestamp '2026-01-01' - x * interval '1 day'", 'y' ],
    repeated => [ '1000 + i / 2', 'CASE WHEN i = 1 THEN 2 ELSE i END' ]);

my $script = <<'END';
SET client_min_messages = warning;
CREATE TABLE origin AS SELECT i, test.u(i, 1) * 100 + i % 3 * 200 AS x, (test.u(i, 2) * 9)::int AS y FROM generate_series(1, 400) i;
SELECT version FROM custseg.train('other', 'origin', '{x,y}', k => 3, id => 'i');
SET client_min_messages = notice;
END

for my $table (1 .. $ntables)
{
    my $n = 60 + any(340);
    my @columns = ('x', 'y', (any(2) ? "CASE i % 4 WHEN 0 THEN 'shop' WHEN 1 THEN 'web' ELSE 'app' END AS channel" : ()));
    my @bad = map { my $kind = (sort keys %kinds)[ any(6) ]; [ $kind, $kinds{$kind}[ any(scalar @{ $kinds{$kind} }) ] ] } 0 .. any(4);
    my $clip = ('none', 'iqr', 'quantile', 'zscore')[ any(4) ];
    my $scale = ('standard', 'robust', 'minmax')[ any(3) ];

    for my $b (0 .. $#bad)
    {
        my ($kind, $sql) = @{ $bad[$b] };
        my $name = $kind eq 'repeated' ? ('customer_id', 'CustomerID', 'account number', 'OrderNo')[$b] : "$kind$b";

        push @columns, "$sql AS \"$name\"";
    }
    splice @columns, any(scalar @columns), 0, pop @columns;
    $script .= <<"END";
SET client_min_messages = warning;
DROP TABLE IF EXISTS t;
CREATE TABLE t AS SELECT @{[ join ', ', @columns ]} FROM origin r, (SELECT $n AS n) s WHERE i <= $n;
SET client_min_messages = notice;
\\warn table $table
SELECT custseg.train('m$table', 't', NULL, k => 2, prep => '{"clip": "$clip", "scale": "$scale"}', options => '{"n_init": 1, "silhouette_sample": 0}') IS NULL;
SELECT $table, a.attname, f.name IS NOT NULL, coalesce(f.minimum = f.maximum OR f.prep #> '{limits,0}' = f.prep #> '{limits,1}', false)
FROM pg_attribute a LEFT JOIN custseg.feature f ON f.model = 'm$table' AND f.name = a.attname WHERE a.attrelid = 't'::regclass AND a.attnum > 0 AND NOT a.attisdropped;
END
}

my ($out, $err) = ('', '');
is($node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 1), 0, 'all tables are trained on');

my %said;
my $last;
for my $line (split /\n/, $err)
{
    $last = $1 if $line =~ /^table (\d+)$/;
    $said{$last} .= $line if defined $last;
}

my ($ncolumns, $nfeatures, @silent) = (0, 0);
for my $line (split /\n/, $out)
{
    next unless $line =~ /^(\d+)\|(.*)\|([tf])\|([tf])$/;
    my ($table, $column, $is_feature, $is_erased) = ($1, $2, $3 eq 't', $4 eq 't');
    my $is_named = index($said{$table}, "\"$column\"") >= 0;

    $ncolumns++;
    $nfeatures += $is_feature;
    # which of the kind "erased" are depends on how the column is clipped
    push @silent, "table $table: $column" if !$is_named && (!$is_feature || $is_erased || $column =~ /^(constant|id|segment|double)\d|_id$|ID$|number$|OrderNo/);
}
ok($ncolumns > 4 * $ntables && $nfeatures > 2 * $ntables, "$ntables tables with $ncolumns columns, of which $nfeatures are features");
is_deeply(\@silent, [], 'none is a constant, an id, a segment, what another column says, or erased without being named');

done_testing();
