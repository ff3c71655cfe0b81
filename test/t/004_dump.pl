# Models travel with pg_dump, and live on where they are restored.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('dump');
my $dump = $node->basedir . '/dump.sql';
my $archive = $node->basedir . '/dump.custom';

# Two models with a past: versions, deployments, a rollback, names, grants, a resegmentation; and what their segments are worth.
customers($node, 'postgres', 'customers', 2000);
$node->safe_psql('postgres', <<'END');
CREATE ROLE analyst LOGIN;
CREATE ROLE clerk LOGIN;
GRANT SELECT, UPDATE ON customers TO analyst;
ALTER TABLE customers ADD segment int;
SET ROLE analyst;
SELECT custseg.train('loyalty', 'customers', k => 4, id => 'id', features => '{recency,frequency,monetary,channel,member}',
    prep => '{"columns": {"monetary": {"transform": "log1p"}, "recency": {"impute": "knn"}}}');
SELECT custseg.name_segment('loyalty', 1, 'größte "Treue"', E'back\\slash, tab\t and ''quote''');
SELECT custseg.train('loyalty', 'SELECT * FROM customers WHERE id % 2 = 0', k => 5, features => '{recency,frequency,channel}', deploy => true);
SELECT custseg.rollback('loyalty', 'too many');
SELECT custseg.train('loyalty', 'customers', k => 3, features => '{recency,monetary}', prep => '{"pca": 2}');
SELECT custseg.deploy('loyalty', 3, 'simpler');
SELECT custseg.grant_model('loyalty', 'clerk');
SELECT custseg.grant_model('loyalty', 'public');
SELECT custseg.set_action('loyalty', 1, '{"channel": "e-mail", "products": ["a, b", "\"c\""], "budget_share": 0.1}');
SELECT custseg.set_presentation('loyalty', '{"title": "größte \"Treue\"", "value": "monetary", "currency": "EUR", "columns": {"it''s \\\\": {"unit": "days"}}}');
SELECT custseg.override_segment('loyalty', 17, 2, 'key account');
SELECT custseg.exclude('loyalty', 18, 'objected', now() + interval '10 years');
CALL custseg.resegment('loyalty', 'customers');
RESET ROLE;
GRANT TRIGGER ON customers TO analyst;
SET ROLE analyst;
SELECT custseg.track_changes('loyalty', 'customers'), custseg.create_consumer('mail', 'loyalty', 'clerk'), custseg.create_consumer('sync', 'loyalty');
UPDATE customers SET segment = 9 WHERE id IN (3, 5);
CALL custseg.resegment('loyalty', 'customers');
SELECT custseg.acknowledge('sync', 2);
SELECT custseg.set_column_note('loyalty', NULL, 'recency', '{"meaning": "days", "owner": "it''s me"}');
SELECT custseg.monitor('loyalty', 'SELECT * FROM customers WHERE monetary > 100');
SELECT custseg.monitor('loyalty', 'nosuch');
SELECT custseg.train_value('worth', 'customers', 'monetary', '{recency,frequency}', 'linear', id => 'id');
SELECT custseg.record_segment_value('worth', 'loyalty');
SELECT custseg.record_segment_value('worth', 'loyalty', 'SELECT * FROM customers WHERE id > 100', confidence => 0.5);
SELECT custseg.record_kpis('loyalty', 'SELECT id, date ''2026-01-10'' + id % 50 AS at, monetary FROM customers', 'id', 'at', 'monetary');
SELECT custseg.publish('loyalty', options => '{"value": "monetary"}');
SELECT custseg.set_condition('loyalty', 'privacy', 'pass', 'reviewed', 'ticket 7'), (custseg.decide('loyalty', 'spring')).decision;
SELECT custseg.record_outcomes('worth', 'SELECT * FROM customers WHERE id % 3 = 0');
SELECT custseg.record_outcomes('worth', 'SELECT id, recency, frequency, monetary + 1000 AS monetary FROM customers');
SELECT custseg.monitor('worth', 'customers');
SELECT custseg.create_experiment('spring', 'loyalty', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 0.1, "window": "14 days"}]', '{"traffic": 0.3, "layer": "mail"}');
SELECT custseg.create_experiment('autumn', 'loyalty', '["control", "offer"]', '[{"metric": "m", "kind": "mean", "role": "primary", "effect": 0.1}]', '{"traffic": 0.3, "layer": "mail"}');
SELECT custseg.enroll('spring', 'customers');
SELECT custseg.end_experiment('autumn', 'of no use');
RESET ROLE;
SELECT custseg.train('Ours; -- "x"', 'customers', k => 2, features => '{frequency}');
SELECT custseg.train('a tree', 'customers', algorithm => 'tree', options => '{"model": "loyalty"}');
SELECT custseg.train('dense', 'customers', algorithm => 'dbscan', features => '{recency,monetary}', options => '{"eps": 0.3}');
SELECT custseg.train('within ours', 'customers', k => 2, features => '{recency}', options => jsonb_build_object('within', jsonb_build_object('model', 'Ours; -- "x"', 'segment', 1)));
CREATE TABLE visits (at timestamptz, shop numeric, x float8, PRIMARY KEY (at, shop));
INSERT INTO visits SELECT timestamptz '2024-03-01 00:00+00' + i * interval '1 hour', i, i % 2 FROM generate_series(1, 8) i;
SELECT custseg.train('visits', 'visits', k => 2);
SET timezone = 'America/New_York';
SELECT custseg.exclude('visits', ROW('2024-03-01 04:00+01', 3.0), 'objected');
SELECT custseg.exclude(NULL, ROW(timestamptz '2024-03-01 05:00+00', 5), 'objected to all');
END

# Everything there is to know about the models of a database, but what only one cluster knows.
my @tables = qw(model model_version model_within feature segment deployment model_grant migration monitor_run monitor_feature monitor_segment outcome_run outcome alert segment_action presentation segment_override segment_value_history segment_kpi report gate_condition gate_decision
  experiment experiment_variant experiment_metric enrolment_batch enrolment_count enrolment experiment_look experiment_look_metric
  change_feed segment_change change_batch change_consumer column_note);
my $everything = join ' UNION ALL ',
  map { "SELECT '$_', count(*), md5(string_agg(j::text, ',' ORDER BY j::text)) FROM custseg.$_ t, LATERAL (SELECT to_jsonb(t) - '{owner_oid,owner_cluster,grantee_oid,grantee_cluster,reader_oid,reader_cluster}'::text[]) l (j)" } @tables;
my $predictions = "SELECT count(*), md5(string_agg((custseg.predict_detail('loyalty', c, v))::text || custseg.predict_path('Ours; -- \"x\"', c) || custseg.predict_detail('a tree', c)::text || custseg.predict_detail('dense', c)::text, ',' ORDER BY id, v))"
  . ' FROM customers c, generate_series(1, 3) v';
my %before = map { $_ => $node->safe_psql('postgres', $_) } $everything, $predictions;

# What works after a restore as it did before.
sub check_restored
{
    my ($target, $database, $name) = @_;

    for my $query ($everything, $predictions)
    {
        is($target->safe_psql($database, $query), $before{$query},
            "$name: " . ($query eq $everything ? 'all rows of all tables' : 'all predictions') . ' are as before');
    }
    is($target->safe_psql($database, "SET ROLE clerk; SELECT count(DISTINCT custseg.predict('loyalty', '{\"recency\": 1, \"monetary\": 2}'::jsonb))"),
        '1', "$name: a grant is in force");
    is($target->safe_psql($database, "SELECT custseg.rollback('loyalty'); SELECT custseg.deploy('loyalty', 2)"),
        "1\n2", "$name: rollback follows the history, deploy adds to it");
    is($target->safe_psql($database, "SELECT count(*), max(id) > (SELECT max(id) FROM custseg.deployment WHERE reason = 'simpler') FROM custseg.deployment WHERE model = 'loyalty'"),
        '6|t', "$name: deployments are counted on");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT version, deployed FROM custseg.train('loyalty', 'customers', '{recency,frequency,channel}', k => 5)"),
        '4|f', "$name: retraining makes the next version");
    is($target->safe_psql($database, "SET ROLE analyst; CALL custseg.resegment('loyalty', 'customers')") =~ s/^\d+//r,
        '|2000', "$name: resegment runs");
    is($target->safe_psql($database, "SELECT count(*) = count(DISTINCT id) AND count(DISTINCT run_at) = 3 FROM custseg.migration"),
        't', "$name: migrations are counted on");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT run > (SELECT min(id) + 1 FROM custseg.monitor_run), status, alerts_closed > 0 FROM custseg.monitor('loyalty')"),
        't|ok|t', "$name: runs are counted on, and close the alerts that were open");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT count(DISTINCT run), min(run) > (SELECT max(run) FROM custseg.segment_value_history) FROM custseg.record_segment_value('worth', 'loyalty', 'customers')"),
        '1|t', "$name: runs of what segments are worth are counted on");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT count(DISTINCT run), min(run) > (SELECT max(run) FROM custseg.segment_kpi) FROM custseg.record_kpis('loyalty', 'SELECT id, date ''2026-03-31'' AS at FROM customers', 'id', 'at', NULL, 'customers'); SELECT count(DISTINCT month) FROM custseg.kpi_history"),
        "1|t\n2", "$name: months are counted on");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT id > (SELECT min(id) FROM custseg.gate_decision), decision, conditions @> '[{\"condition\": \"privacy\"}]' FROM custseg.decide('loyalty', 'again')"),
        't|no-go|t', "$name: decisions are counted on");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT id > (SELECT min(id) + 1 FROM custseg.outcome_run), verdict FROM custseg.record_outcomes('worth', 'customers')"),
        't|ok', "$name: runs of outcomes are counted on");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT verdict, alerts_closed > 0 FROM custseg.monitor('worth', 'customers')") =~ s/^(ok|watch)//r,
        '|t', "$name: and close the alerts of those before");
    is($target->safe_psql($database, "SET ROLE clerk; SELECT count(*) FROM custseg.outcome"),
        '0', "$name: outcomes are for the owner");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT custseg.exclude('loyalty', 17, 'moved'); SELECT assigned_by FROM custseg.score('loyalty', 'customers', 1) WHERE id IN ('17', '18', '19') ORDER BY id"),
        "\nexclusion\nexclusion\nmodel", "$name: decisions by hand hold, and can be replaced");
    is($target->safe_psql($database, "SET timezone = 'Asia/Kolkata'; SET datestyle = 'SQL, DMY'; SELECT array_agg(shop ORDER BY shop) FROM visits v WHERE custseg.predict('visits', v) IS NULL"),
        '{3,5}', "$name: they hold for ids of any type under other settings");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT batch, n_enrolled, n_already > 0 FROM custseg.enroll('spring', 'customers')"),
        '2|0|t', "$name: who is enrolled stays so");
    is($target->safe_psql($database, "SET ROLE clerk; SELECT count(*) FROM custseg.enrolment"),
        '0', "$name: enrolments are for the owner");
    is($target->safe_psql($database, "SET ROLE analyst; SELECT custseg.end_experiment('spring'); SELECT status FROM custseg.experiment WHERE experiment = 'spring'"),
        "\nended", "$name: an experiment can be ended");
    is($target->safe_psql($database, "SELECT custseg.drop_model('loyalty', whole => true) IS NULL; SELECT name FROM custseg.models ORDER BY name"),
        "t\nOurs; -- \"x\"\na tree\ndense\nvisits\nwithin ours\nworth", "$name: a model can be dropped");
}

$node->command_ok([ 'pg_dump', '--no-sync', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
unlike(slurp_file($dump), qr/CREATE TABLE custseg\.|COPY custseg\.\w+ .*\bpg_temp/, 'tables of the extension are not dumped as the user\'s');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('plain'), '-f', $dump ], 'psql restores it');
check_restored($node, 'plain', 'plain');

# As an archive.
$node->command_ok([ 'pg_dump', '--no-sync', '-Fc', '-f', $archive, $node->connstr('postgres') ], 'pg_dump of the custom format');
$node->safe_psql('postgres', 'CREATE DATABASE archive');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('archive'), $archive ], 'pg_restore');
check_restored($node, 'archive', 'archive');

# In parallel jobs pg_restore loads an extension's tables in any order: no foreign key may mind.
$node->safe_psql('postgres', 'CREATE DATABASE jobs');
$node->run_log([ 'pg_restore', '--exit-on-error', '--jobs=2', '-d', $node->connstr('jobs'), $archive ]);
is($node->safe_psql('jobs', $everything), $before{$everything}, 'pg_restore with --jobs');

# A compiled model goes out and comes in as binary, as clients that ask for it have it; garbage does not.
my $binary = $node->basedir . '/scorer.bin';
is($node->safe_psql('postgres', "COPY (SELECT custseg.scorer('loyalty')) TO '$binary' (FORMAT binary); CREATE TEMPORARY TABLE s (s custseg.compiled_model);"
          . "COPY s FROM '$binary' (FORMAT binary); SELECT s::text = custseg.scorer('loyalty')::text, s::jsonb = custseg.scorer('loyalty')::jsonb FROM s"),
    't|t', 'a compiled model by COPY in binary');
like(psql_error($node, 'postgres', "COPY (SELECT 'rubbish'::text) TO '$binary' (FORMAT binary); CREATE TEMPORARY TABLE s (s custseg.compiled_model);"
          . "COPY s FROM '$binary' (FORMAT binary)"),
    qr/ERROR:  22P02: invalid input syntax for type json/, 'and what is none');

# A dump of what was restored is the same dump.
my $again = $node->basedir . '/again.sql';
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('again'), '-f', $dump ], 'restored again');
$node->command_ok([ 'pg_dump', '--no-sync', '-f', $again, $node->connstr('again') ], 'dumped again');
ok(slurp_file($again) =~ s/^\\(un)?restrict.*$//mgr eq slurp_file($dump) =~ s/^\\(un)?restrict.*$//mgr, 'both dumps are the same');

# Into a database without the owner: the models are there, a superuser may use and change them.
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->start;
$node->command_ok([ 'pg_dump', '--no-sync', '--no-owner', '--no-privileges', '-f', $dump, $node->connstr('postgres') ], 'pg_dump without owners');
$other->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $other->connstr('postgres'), '-f', $dump ], 'restored where the owner is missing');
is($other->safe_psql('postgres', $everything), $before{$everything}, 'all rows are there without the owner');
is($other->safe_psql('postgres', $predictions), $before{$predictions}, 'all predictions as well');
is($other->safe_psql('postgres', "SELECT custseg.rollback('loyalty'); SELECT version FROM custseg.train('loyalty', 'customers', '{recency}', k => 2)"),
    "1\n4", 'and a superuser may change them');
like(psql_error($other, 'postgres', "CREATE ROLE stranger; SET ROLE stranger; SELECT custseg.deploy('loyalty', 2)"),
    qr/ERROR:  42501: must be owner of model "loyalty"/, 'others may not');
$other->safe_psql('postgres', 'CREATE ROLE analyst');
is($other->safe_psql('postgres', "SET ROLE analyst; SELECT custseg.deploy('loyalty', 2)"), '2', 'the owner may once the role is made');

# The owner of a database, no superuser, can install the extension and dump what it may see.
$node->safe_psql('postgres', 'CREATE ROLE landlord LOGIN; GRANT pg_read_all_data TO landlord; CREATE DATABASE house OWNER landlord');
$node->safe_psql('house', "CREATE EXTENSION custseg; CREATE TABLE t AS SELECT i AS x FROM generate_series(1, 100) i;"
      . "SELECT custseg.train('mine', 't', k => 2)", extra_params => [ '-U', 'landlord' ]);
$node->command_ok([ 'pg_dump', '--no-sync', '--enable-row-security', '-f', $dump, '-d', $node->connstr('house'), '-U', 'landlord' ],
    'the owner of a database dumps it with --enable-row-security');
like(slurp_file($dump), qr/^mine\tlandlord\t1/m, 'and the models are in it');

# Without a dump: models as values, by roles that are no superusers, into a database of another server.
my $exported = $node->safe_psql('postgres', "SET ROLE analyst; SELECT custseg.export_model('loyalty', whole => true, decisions => true)") =~ s/'/''/gr;
my $detail = "SELECT count(*), md5(string_agg(concat_ws('|', custseg.predict_detail('loyalty', c, v), (SELECT string_agg(e::text, ',' ORDER BY e::text) FROM custseg.explain('loyalty', c, v) e)), ',' ORDER BY id, v))"
  . ' FROM customers c, generate_series(1, 3) v';
# in the order of their ids: the rows have been updated here and not there, and sums of floats have the order of the rows
my $customers = "'SELECT * FROM customers WHERE monetary > 100 ORDER BY id'";
my $watched = "SELECT (SELECT md5(string_agg(d::text, ',')) FROM custseg.drift('loyalty', $customers) d),"
  . " (SELECT md5(string_agg(s::text, ',')) FROM custseg.segment_sizes('loyalty', $customers) s)";
$other->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; CREATE DATABASE moved OWNER keeper');
add_extension($other, 'moved');
customers($other, 'moved', 'customers', 2000);
$other->safe_psql('moved', 'GRANT SELECT ON customers TO keeper');
is($other->safe_psql('moved', "SELECT * FROM custseg.import_model('$exported')", extra_params => [ '-U', 'keeper' ]),
    "loyalty|1|kmeans|4|f\nloyalty|2|kmeans|5|f\nloyalty|3|kmeans|3|t", 'a model is imported');
for my $query ($detail, $watched)
{
    is($other->safe_psql('moved', $query, extra_params => [ '-U', 'keeper' ]), $node->safe_psql('postgres', $query), 'it answers as it did');
}
is($other->safe_psql('moved', "SELECT custseg.export_model('loyalty', whole => true, decisions => true) - 'decisions' = custseg.export_model('loyalty', whole => true) - 'decisions',"
          . " owner, channel, (SELECT count(*) FROM custseg.overrides) FROM custseg.models, custseg.segment_action", extra_params => [ '-U', 'keeper' ]),
    't|keeper|e-mail|2', 'whoever imports it owns it, with actions and decisions');

# DROP EXTENSION leaves nothing; a user's trigger needs CASCADE.
$node->safe_psql('again', 'DROP EXTENSION custseg CASCADE');
is($node->safe_psql('again', "SELECT count(*) FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'custseg')"),
    '0', 'DROP EXTENSION leaves nothing');

$node->stop;
$other->stop;
done_testing();
