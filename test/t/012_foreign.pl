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
