# Foreign tables are sources like any other.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('foreign', "max_prepared_transactions = 5\n");

plan skip_all => 'needs file_fdw and postgres_fdw'
  if $node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name IN ('file_fdw', 'postgres_fdw')") ne '2';

customers($node, 'postgres', 'customers', 30000);
my $file = $node->basedir . '/customers.csv';
my $connection = sprintf("host '%s', port '%s', dbname 'postgres'", $node->host, $node->port);
$node->safe_psql('postgres', <<"END");
COPY (SELECT * FROM customers ORDER BY id) TO '$file' CSV HEADER;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE in_file (id int, recency float8, frequency float8, monetary float8, channel text, member bool)
    SERVER files OPTIONS (filename '$file', format 'csv', header 'true');
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw OPTIONS ($connection);
CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere;
CREATE FOREIGN TABLE far (id int, recency float8, frequency float8, monetary float8, channel text, member bool)
    SERVER elsewhere OPTIONS (schema_name 'public', table_name 'customers');
CREATE TABLE parted (LIKE customers) PARTITION BY RANGE (id);
CREATE TABLE near_part PARTITION OF parted FOR VALUES FROM (0) TO (15001);
INSERT INTO near_part SELECT * FROM customers WHERE id <= 15000 ORDER BY id;
CREATE TABLE far_rows AS SELECT * FROM customers WHERE id > 15000 ORDER BY id;
CREATE FOREIGN TABLE far_part PARTITION OF parted FOR VALUES FROM (15001) TO (30001)
    SERVER elsewhere OPTIONS (schema_name 'public', table_name 'far_rows');
SET max_parallel_maintenance_workers = 2;
SELECT custseg.train(t, t, '{recency,frequency,monetary,channel,member}', k => 4, id => 'id')
FROM unnest('{customers,in_file,far,parted}'::text[]) t;
END

for my $source (qw(in_file far parted))
{
    is(fingerprint($node, $source), fingerprint($node, 'customers'), "$source: the model is that of the table");
    is($node->safe_psql('postgres', "SELECT md5(string_agg(s::text, ',' ORDER BY id)) FROM custseg.score('$source') s"),
        $node->safe_psql('postgres', "SELECT md5(string_agg(s::text, ',' ORDER BY id)) FROM custseg.score('customers') s"),
        "$source: so are the scores");
    is($node->safe_psql('postgres', "SELECT count(*) FROM $source f JOIN customers c USING (id) WHERE custseg.predict('$source', f) <> custseg.predict('customers', c)"),
        '0', "$source: and the predictions of its rows");
}

# A source that is too large: the hint of the error has the query of a sample, which is one of that source, and is enough.
my $many = $node->basedir . '/many.csv';
$node->safe_psql('postgres', <<"END");
CREATE TABLE many AS SELECT i AS id, 100 * test.u(i, 1) AS "a %s", 100 * test.u(i, 2) + i % 3 * 90 AS b, 100 * test.u(i, 3) AS c, test.u(i, 4) < 0.5 AS flag FROM generate_series(1, 150000) i;
CREATE TABLE many_parts (LIKE many) PARTITION BY RANGE (id);
CREATE TABLE many_low PARTITION OF many_parts FOR VALUES FROM (0) TO (100000);
CREATE TABLE many_high PARTITION OF many_parts FOR VALUES FROM (100000) TO (200000);
INSERT INTO many_parts SELECT * FROM many;
CREATE MATERIALIZED VIEW many_kept AS SELECT * FROM many;
CREATE VIEW many_seen AS SELECT 'alike' AS kind, id AS source, m.* FROM many m;
COPY many TO '$many' CSV HEADER;
CREATE FOREIGN TABLE many_written (id int, "a %s" float8, b float8, c float8, flag bool) SERVER files OPTIONS (filename '$many', format 'csv', header 'true');
CREATE FOREIGN TABLE many_far (id int, "a %s" float8, b float8, c float8, flag bool) SERVER elsewhere OPTIONS (table_name 'many');
CREATE FOREIGN TABLE many_flags (flag bool, color text[]) SERVER elsewhere OPTIONS (table_name 'many_coloured');
CREATE TABLE many_coloured AS SELECT flag, ARRAY[id::text] AS color FROM many;
CREATE TABLE many_parted (LIKE many) PARTITION BY RANGE (id);
CREATE TABLE many_near PARTITION OF many_parted FOR VALUES FROM (0) TO (100000);
INSERT INTO many_near SELECT * FROM many WHERE id < 100000;
CREATE TABLE many_moved AS SELECT * FROM many WHERE id >= 100000;
CREATE FOREIGN TABLE many_away PARTITION OF many_parted FOR VALUES FROM (100000) TO (200000) SERVER elsewhere OPTIONS (table_name 'many_moved');
ANALYZE many; ANALYZE many_parts; ANALYZE many_far; ANALYZE many_parted;
CREATE TABLE many_lines AS SELECT i % 40000 AS "who %", date '2024-01-01' + (300 * test.u(i, 6))::int AS day FROM generate_series(1, 120000) i;
SELECT custseg.train_purchases('repeats', 'SELECT * FROM many_lines WHERE "who %" < 1000', 'who %', 'day', as_of => '2024-08-01');
SELECT custseg.train('many', 'SELECT * FROM many LIMIT 3000', '{"a %s",b,c}', 3, id => 'id');
SELECT custseg.train_value('worth', 'SELECT * FROM many LIMIT 3000', 'c', '{b}', id => 'id');
END
my $local = q(options => '{"engine": "local"}');
my %too_large = (
    'train' => "custseg.train('large', '%s', '{\"a %s\",b}', 3, $local)",
    'train of a tree' => "custseg.train('tree', '%s', '{\"a %s\",b}', algorithm => 'tree', options => '{\"target\": \"flag\"}')",
    'choose_k' => "custseg.choose_k('%s', '{\"a %s\",b}', 2, 3, $local)",
    'evaluate' => "custseg.evaluate('many', '%s')",
    'segment_profile' => "custseg.segment_profile('many', '%s', '{\"a %s\",b,c}')",
    'drift' => "custseg.drift('many', '%s')",
    'histogram' => "custseg.histogram('%s', 'c')",
    'outliers' => "custseg.outliers('%s', '{\"a %s\",b,c}')",
    'outcome_calibration' => "custseg.outcome_calibration('worth', '%s', 'c')");
my @here = ('many', 'many_parts', 'many_kept', 'many_seen', 'SELECT * FROM many WHERE c >= 0', 'many_written');
for my $name (sort keys %too_large)
{
    for my $source (@here, $name =~ /^train$|choose/ ? ('many_far', 'many_parted') : ())
    {
        my $call = "SET client_min_messages = error; SET maintenance_work_mem = '1MB'; SELECT count(*) FROM $too_large{$name}";
        my $err = psql_error($node, 'postgres', $call =~ s/'%s'/'$source'/r);
        my ($sample) = $err =~ /ERROR:  54000: .*HINT:  .*(a query with TABLESAMPLE|SELECT \* FROM .* AS source WHERE .* & \d+ = 0)/s;

        is($sample // $err, 'a query with TABLESAMPLE', "$name of $source: the hint") if $source =~ /^many(_parts|_kept)?$/;
        like($sample // $err, qr/^SELECT/, "$name of $source: the hint") if $source !~ /^many(_parts|_kept)?$/;
        next if !defined $sample;
        $sample = "SELECT * FROM $source TABLESAMPLE BERNOULLI (1) REPEATABLE (1)" if $sample !~ /^SELECT/;
        $sample =~ s/\(the query\)/($source)/;
        $sample =~ s/'/''/g;
        is(psql_error($node, 'postgres', $call =~ s/'%s'/'$sample'/r), '', "$name of $source: the hint is enough");
    }
}
my $flags = "SET client_min_messages = error; SET maintenance_work_mem = '1MB'; SELECT count(*) FROM custseg.train('flags', '%s', '{flag}', 2, $local)";
my ($whole) = psql_error($node, 'postgres', $flags =~ s/%s/many_flags/r) =~ /HINT:  .*(SELECT \* FROM public\.many_flags AS source WHERE .*\(source\.\*\).* & \d+ = 0)/;
ok(defined $whole, 'a foreign table without a column that has a hash: the hint');
is(psql_error($node, 'postgres', $flags =~ s/%s/$whole/r), '', 'is enough') if defined $whole;
my $lines = "SET client_min_messages = error; SET maintenance_work_mem = '1MB'; SELECT count(*) FROM custseg.outcome_calibration('repeats', '%s')";
for my $source ('many_lines', 'SELECT * FROM many_lines')
{
    my $err = psql_error($node, 'postgres', $lines =~ s/%s/$source/r);
    my ($customers) = $err =~ /ERROR:  54000: keeping \d+ outcomes.*HINT:  .*as (SELECT \* FROM .* AS source WHERE pg_catalog\.hashint4extended\("who %"\S*, 0\) & \d+ = 0) gives/s;

    ok(defined $customers, "lines of $source: the hint") or diag($err);
    next if !defined $customers;
    $customers =~ s/\(the query\)/($source)/;
    is(psql_error($node, 'postgres', $lines =~ s/%s/$customers/r), '', 'has all lines of a customer, or none');
}

# What goes wrong over there is the server's own error; nothing is stored.
append_to_file($file, "30001,not a number,1,1,web,true\n");
like(psql_error($node, 'postgres', "SELECT custseg.train('broken', 'in_file', '{recency,frequency}', k => 3)"),
    qr/ERROR:  22P02: invalid input syntax for type double precision: "not a number"/, 'a broken file');
$node->safe_psql('postgres', 'ALTER TABLE far_rows RENAME TO moved');
like(psql_error($node, 'postgres', "SELECT custseg.train('broken', 'parted', '{recency,frequency}', k => 3)"),
    qr/ERROR:  42P01: .*far_rows/, 'a table that is gone elsewhere');
unlink $file;
like(psql_error($node, 'postgres', "SELECT custseg.train('broken', 'in_file', '{recency,frequency}', k => 3)"),
    qr/ERROR:  58P01: could not open file/, 'a file that is gone');
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.models WHERE name = 'broken'"), '0', 'nothing is stored');

# A foreign table can be scored into, by UPDATE, where its rows lie.
$node->safe_psql('postgres', 'ALTER TABLE customers ADD segment int; ALTER FOREIGN TABLE far ADD segment int');
is($node->safe_psql('postgres', "UPDATE far f SET segment = custseg.predict('customers', f); SELECT count(*) FROM customers c WHERE segment = custseg.predict('customers', c)"),
    '30000', 'UPDATE of a foreign table');
like(psql_error($node, 'postgres', "CALL custseg.resegment('customers', 'far')"), qr/ERROR:  42809: .*HINT:/s, 'resegment says where to run it');

$node->stop;
done_testing();
