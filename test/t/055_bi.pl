# What is ready for other tools runs as an ordinary role and tells something: the queries of
# dashboard/bi/queries.sql, those of the Grafana dashboard as Grafana sends them, and what docs/bi.md
# has for PostgREST.  A role that may use no model sees none of it.

use strict;
use warnings FATAL => 'all';

use Cwd;
use File::Basename;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = Cwd::abs_path(dirname(__FILE__) . '/../..');
my $grafana = "$root/dashboard/grafana/custseg.json";

plan skip_all => 'the dashboard is not here' unless -r $grafana;

my $node = PostgreSQL::Test::Cluster->new('bi');
$node->init;
$node->append_conf('postgresql.conf', "max_wal_size = 4GB\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->command_ok([ 'psql', '-X', '-q', '-d', $node->connstr('shop'), '-f', "$root/demo/year.sql" ], 'the year of the shop');
$node->safe_psql('shop', 'CREATE ROLE stranger LOGIN');

# How many rows a statement gives to a role; an error is none, and is told.
sub rows_as
{
    my ($role, $sql) = @_;
    my ($status, $rows, $error) = $node->psql('shop', "SELECT count(*) FROM (\n$sql\n) q", extra_params => [ '-U', $role ]);

    note $error if $status != 0;
    return $status == 0 ? $rows : "an error";
}

# Check that a statement says something to who may use the models, and nothing to who may not.
sub check_query
{
    my ($sql, $name) = @_;

    cmp_ok(rows_as('dashboard', $sql) =~ s/an error/-1/r, '>', 0, "$name: rows");
    is(rows_as('stranger', $sql), 0, "$name: none for who may use no model");
}

# The queries of the file: a comment, which is the question, and a statement.
my @questions = slurp_file("$root/dashboard/bi/queries.sql") =~ /^-- (.+)\n((?!--)[^;]+);$/mg;
cmp_ok(@questions / 2, '>=', 20, 'the file has queries');
is(() = slurp_file("$root/dashboard/bi/queries.sql") =~ /;$/mg, @questions / 2, 'all of them are found');
while (my ($question, $sql) = splice @questions, 0, 2)
{
    check_query($sql, $question);
}

# A statement as Grafana sends it, for the model and the range of time that are chosen.
sub interpolate
{
    my ($sql) = @_;

    $sql =~ s/\$\{model:sqlstring\}/'loyalty'/g;
    $sql =~ s/\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)/$1 BETWEEN '2024-12-01T00:00:00Z' AND '2026-01-31T23:59:59.999Z'/g;
    return $sql;
}

my $dashboard = decode_json(slurp_file($grafana));
my @targets = map { my $panel = $_; map { [ $panel->{title}, $_ ] } @{ $panel->{targets} } } @{ $dashboard->{panels} };
cmp_ok(scalar @targets, '>=', 15, 'the Grafana dashboard has pictures');
push @targets, map { [ $_->{name}, $_->{target} ] } @{ $dashboard->{annotations}{list} };
push @targets, map { [ "variable $_->{name}", { rawSql => $_->{query} } ] } @{ $dashboard->{templating}{list} };
for (@targets)
{
    my ($title, $target) = @$_;
    my $sql = interpolate($target->{rawSql});

    unlike($sql, qr/\$(?:__|\{)/, "Grafana, $title: nothing is left to replace");
    check_query($sql, "Grafana, $title");
    next unless ($target->{format} // '') eq 'time_series';
    # what Grafana wants of a picture over time: a time, a name, a number, by ascending time
    is($node->safe_psql('shop', "SELECT pg_typeof(time), pg_typeof(metric), pg_typeof(value + 0.0) FROM ($sql) q LIMIT 1", extra_params => [ '-U', 'dashboard' ]) =~ s/\|(?:numeric|double precision)$/|number/r,
        'timestamp with time zone|text|number', "Grafana, $title: time, metric and value");
}

# Panels are within the grid, and none covers another.
my %cells;
for my $panel (@{ $dashboard->{panels} })
{
    my $place = $panel->{gridPos};

    for my $x ($place->{x} .. $place->{x} + $place->{w} - 1)
    {
        $cells{"$x,$_"} .= "$panel->{id} " for $place->{y} .. $place->{y} + $place->{h} - 1;
    }
}
is_deeply([ grep { /^(?:-|2[4-9]|[3-9]\d)/ || $cells{$_} =~ / ./ } sort keys %cells ], [], 'panels lie beside each other');

# docs/bi.md: its statements run, and its web role gets what it says and no more.
my @blocks = slurp_file("$root/docs/bi.md") =~ /^```sql\n(.*?)^```/msg;
is(@blocks, 2, 'docs/bi.md has statements');
$node->safe_psql('shop', $_) for @blocks;
is($node->safe_psql('shop', "SET ROLE web; SELECT count(*) > 3 FROM api.segments WHERE model = 'loyalty'"), 't', 'segments by the web role');
is($node->safe_psql('shop', "SET ROLE web; SELECT count(*) > 3 FROM api.playbook WHERE model = 'loyalty' AND channel IS NOT NULL"), 't', 'playbook by the web role');
my ($customer) = slurp_file("$root/docs/bi.md") =~ /"customer": (\{.*?\})/;
is($node->safe_psql('shop', "SET ROLE web; SELECT api.predict_segment('loyalty', '$customer') ->> 'segment' = (api.recommendations('loyalty', '$customer') ->> 'segment')"),
    't', 'a customer is placed, and there is something to do');
my ($status, undef, $error) = $node->psql('shop', 'SET ROLE web; SELECT * FROM customers');
like($error, qr/permission denied/, 'the web role reads no customers');

$node->stop;
done_testing();
