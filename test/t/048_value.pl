# Models of purchases and of values under a DBA's hands: undone, cancelled, trained twice at once, deployed and dropped
# by others, dumped, on a standby, with any number of workers.
#
# Alone: it measures how soon a cancel acts.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Shared memory in files of the data directory, where it can be counted.
my $node = start_node('value', "dynamic_shared_memory_type = mmap\nmax_parallel_maintenance_workers = 2\nmaintenance_work_mem = 256MB\n",
    allows_streaming => 1);

$node->safe_psql('postgres', <<'END');
CREATE TABLE lines AS
SELECT c AS customer, date '2024-01-01' + (c % 60) + (j * (3 + 60 * test.u(c, 1)))::int AS at, 5 + (40 * test.u(c * 20 + j, 2))::int AS amount
FROM generate_series(1, 3000) c, generate_series(0, 12) j
WHERE j <= 9 * test.u(c, 3) ^ 2 AND (c % 60) + j * (3 + 60 * test.u(c, 1)) < 365;
CREATE TABLE customers AS
SELECT i AS id, 10 * test.u(i, 1) AS a, 10 * test.u(i, 2) AS b, (ARRAY['x', 'y', 'z'])[1 + i % 3] AS g,
    exp(3 + 2 * test.u(i, 1) + (i % 3) * 0.3 + 0.2 * test.u(i, 3)) AS worth, test.u(i, 1) + test.u(i, 4) > 1 AS stays
FROM generate_series(1, 12000) i;
CREATE SEQUENCE readings;

-- one for the first readings of a source, so many that they never end for those from the n-th on
CREATE FUNCTION endless(n int) RETURNS bigint LANGUAGE sql AS $$
    SELECT CASE WHEN nextval('readings') < n THEN 1 ELSE 1000000000000 END
$$;

-- rows that tables of the extension have of any model
CREATE FUNCTION rows_of_models() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    of_table bigint;
    result bigint := 0;
    r regclass;
BEGIN
    FOR r IN SELECT c.oid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
        WHERE d.classid = 'pg_class'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'custseg') AND c.relkind = 'r'
            AND c.relname <> 'audit_event'     -- who did what stays when the model is gone
    LOOP
        EXECUTE format('SELECT count(*) FROM %s', r) INTO of_table;
        result := result + of_table;
    END LOOP;
    RETURN result;
END $$;
END

# A training of each kind, of the model of that name.
my %train = (
    train_purchases => "custseg.train_purchases('%s', 'lines', 'customer', 'at', 'amount', deploy => %s)",
    train_value => "custseg.train_value('%s', 'customers', 'worth', '{a,b,g}', 'forest', 'id', options => '{\"trees\": 10, \"min_samples_leaf\": 50}', deploy => %s)");
my %predict = (
    train_purchases => "(SELECT md5(string_agg(custseg.predict_lifetime_value('%1\$s', s, '1 year')::text, ',' ORDER BY customer_id::int)) FROM custseg.purchase_summary('lines', 'customer', 'at', 'amount') s)"
      . " || (SELECT md5(string_agg(l::text, ',' ORDER BY customer_id::int)) FROM custseg.lifetime_value('%1\$s', 'lines', '1 year') l)",
    train_value => "(SELECT md5(string_agg(custseg.predict_value('%s', c)::text, ',' ORDER BY id)) FROM customers c WHERE id <= 500)");

sub trained { return "SELECT version, deployed FROM " . sprintf($train{$_[0]}, $_[1], $_[2] // 'NULL') . ';' }

sub predicted { return 'SELECT ' . sprintf($predict{$_[0]}, $_[1]) . ';' }

my $one = CustsegTest::Session->new($node, 'postgres');
my $two = CustsegTest::Session->new($node, 'postgres');
my $none = $node->safe_psql('postgres', 'SELECT rows_of_models()');

# The first training loads the library and whatever else stays.
for my $kind (sort keys %train)
{
    $one->query('BEGIN;' . trained($kind, 'm') . 'ROLLBACK;');
    is($node->safe_psql('postgres', 'SELECT rows_of_models()'), $none, "$kind: ROLLBACK leaves nothing");
}
my $idle = shared_segment_count($node);

# Undone in part.
for my $kind (sort keys %train)
{
    my @answers = split /\n/, $one->query('BEGIN;' . trained($kind, 'm') . predicted($kind, 'm') . 'SELECT rows_of_models();'
            . 'SAVEPOINT s;' . trained($kind, 'm', 'true') . trained($kind, 'n') . 'ROLLBACK TO s;'
            . 'SELECT rows_of_models();' . predicted($kind, 'm') . trained($kind, 'm') . 'COMMIT;');

    is(scalar @answers, 8, "$kind: all of a transaction's statements answer") or note(join "\n", @answers);
    is("$answers[0] $answers[3] $answers[4] $answers[7]", '1|t 2|t 1|t 2|f', "$kind: versions, before and after ROLLBACK TO");
    is($answers[5], $answers[2], "$kind: ROLLBACK TO leaves nothing");
    is($answers[6], $answers[1], "$kind: and the model before it predicts");
    $one->query("SELECT custseg.drop_model('m', whole => true);");
}
is($node->safe_psql('postgres', 'SELECT rows_of_models()'), $none, 'drop_model leaves nothing');

# Nothing is left of a training that ended in this session.
sub nothing_left
{
    my ($name) = @_;

    is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"), '0', "$name: no worker is left");
    is(shared_segment_count($node), $idle, "$name: no shared memory is left");
    is($node->safe_psql('postgres', 'SELECT rows_of_models() - ' . $none), '0', "$name: no model is left");
    is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.progress()'), '0', "$name: no progress is left");
}

# Trainings that would take long in one phase.  The days of lines are read first, then all lines for the fit, then twice for holdouts.
my $endless = "'SELECT l.* FROM lines l, generate_series(1, endless(%d))', 'customer', 'at', 'amount'";
my @slow = (
    [ 'reading', 'reading of lines', sprintf("train_purchases('slow', $endless)", 2) ],
    [ 'iterating', 'fit of Pareto/NBD', "train_purchases('slow', 'lines', 'customer', 'at', 'amount', algorithm => 'pareto_nbd')" ],
    [ 'scoring', 'holdout of purchases', sprintf("train_purchases('slow', $endless, algorithm => 'bg_nbd')", 3) ],
    [ 'reading', 'reading of customers', "train_value('slow', 'SELECT l.* FROM customers l, customers r WHERE r.b < 5', 'worth', '{a,b}', 'forest')" ],
    [ 'iterating', 'fit of a forest', "train_value('slow', 'customers', 'worth', '{a,b,g}', 'forest', 'id', options => '{\"trees\": 10000}')" ],
    [ 'tuning', 'tuning of a forest', "train_value('slow', 'customers', 'worth', '{a,b,g}', 'forest', 'id', options => '{\"trees\": 2000}', tune => true)" ],
    [ 'scoring', 'folds of a regression', "train_value('slow', 'SELECT * FROM customers, generate_series(1, 8)', 'stays', '{a,b,g}', 'logistic', options => '{\"folds\": 100}')" ]);

for my $training (@slow)
{
    my ($phase, $name, $call) = @$training;
    my ($out, $err, $elapsed);

    $one->query("SELECT setval('readings', 1, false);");
    $one->send("SELECT custseg.$call;");
    $elapsed = $two->query("SELECT pg_cancel_backend(test.await_phase('slow', '$phase')); SELECT test.await_idle(" . $one->pid . ')::numeric(9,1);') =~ s/^t\n//r;
    ($out, $err) = $one->wait;
    like($err, qr/ERROR:  57014: canceling statement due to user request/, "$name: cancelled");
    cmp_ok($elapsed, '<', soon(), "$name: within a second");
    nothing_left($name);
}

# Storing waits while somebody holds the table.
for my $kind (sort keys %train)
{
    $two->query('BEGIN; LOCK TABLE custseg.model_version IN SHARE MODE;');
    $one->send(trained($kind, 'slow'));
    ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $one->pid), "$kind: storing waits");
    is($node->safe_psql('postgres', "SELECT phase FROM custseg.progress() WHERE model = 'slow'"), 'storing', "$kind: in its phase");
    $node->safe_psql('postgres', 'SELECT pg_cancel_backend(' . $one->pid . ')');
    like(($one->wait)[1], qr/ERROR:  57014: canceling statement due to user request/, "$kind: cancelled");
    $two->query('ROLLBACK;');
    nothing_left("$kind, storing");
    is($one->query(trained($kind, 'm') . "SELECT custseg.drop_model('m', whole => true);"), "1|t\n", "$kind: the session trains");
}

# Predictions are cancelled between rows; the session and its cached model go on.
for my $endless ("SELECT sum(custseg.predict_value('m', c)) FROM customers c, generate_series(1, 1000000)",
    "SELECT count(*) FROM custseg.lifetime_value('m', 'SELECT l.* FROM lines l, generate_series(1, 1000000)', '1 year')",
    "SELECT sum(custseg.predict_lifetime_value('m', '{\"repeats\": 2, \"recency\": 3, \"customer_age\": 9, \"monetary\": 5}'::jsonb, '1 year')) FROM generate_series(1, 1000000000)")
{
    my $kind = $endless =~ /lifetime/ ? 'train_purchases' : 'train_value';
    my ($name) = $endless =~ /custseg\.(\w+)/;
    my $before;

    $two->query(trained($kind, 'm'));
    $before = $one->query(predicted($kind, 'm'));
    $one->send("$endless;");
    $node->poll_query_until('postgres', "SELECT query ~ 'FROM' AND state = 'active' FROM pg_stat_activity WHERE pid = " . $one->pid);
    cmp_ok($two->query('SELECT pg_cancel_backend(' . $one->pid . '); SELECT test.await_idle(' . $one->pid . ')::numeric(9,1);') =~ s/^t\n//r, '<', soon(), "$name: cancelled within a second");
    like(($one->wait)[1], qr/ERROR:  57014: canceling statement due to user request/, "$name: cancelled");
    is($one->query(predicted($kind, 'm')), $before, "$name: the session predicts the same");
    $two->query("SELECT custseg.drop_model('m', whole => true);");
}

# Two sessions train one name: the second to commit becomes version 2, or under an older snapshot has to come again.
for my $kind (sort keys %train)
{
    $one->query('BEGIN;' . trained($kind, 'm'));
    $two->send(trained($kind, 'm'));
    ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $two->pid), "$kind: a second training waits for the first");
    $one->query('COMMIT;');
    is($two->wait, '2|f', "$kind: and becomes version 2");
    is($node->safe_psql('postgres', "SELECT count(DISTINCT parameters), count(*) FROM custseg.model_version WHERE model = 'm'"), '1|2', "$kind: which is the same");

    $one->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;');
    $two->query(trained($kind, 'm'));
    like(($one->query(trained($kind, 'm')))[1], qr/ERROR:  40001/, "$kind: under REPEATABLE READ the loser gets a serialization failure");
    $one->query('ROLLBACK;');
    is($node->safe_psql('postgres', "SELECT max(version) FROM custseg.model_version WHERE model = 'm'"), 3, "$kind: and has stored nothing");
    $one->query("SELECT custseg.drop_model('m', whole => true);");
}

# What a plan that is kept predicts with follows the changes of another session.
$node->safe_psql('postgres', 'CREATE ROLE clerk LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk');
my $clerk = CustsegTest::Session->new($node, 'postgres', user => 'clerk');
$clerk->query('SET plan_cache_mode = force_generic_plan;');
for my $kind (sort keys %train)
{
    my ($first, $second);

    $two->query(trained($kind, 'm') . "SELECT custseg.grant_model('m', 'clerk');");
    $two->query($kind eq 'train_value' ? "SELECT custseg.train_value('m', 'customers', 'worth', '{a,b}', 'linear', 'id');" :
          "SELECT custseg.train_purchases('m', 'SELECT * FROM lines WHERE customer % 3 > 0', 'customer', 'at', 'amount');");
    $clerk->query("PREPARE $kind AS " . predicted($kind, 'm'));
    $first = $clerk->query("EXECUTE $kind;");
    is($first, $two->query(predicted($kind, 'm')), "$kind: a plan predicts");
    $two->query("SELECT custseg.deploy('m', 2);");
    $second = $clerk->query("EXECUTE $kind;");
    isnt($second, $first, "$kind: otherwise by the version that another session deploys");
    is($second, $two->query(predicted($kind, 'm')), "$kind: as that session does");
    $two->query("BEGIN; SELECT custseg.rollback('m');");
    is($clerk->query("EXECUTE $kind;"), $second, "$kind: before it commits a rollback is not seen");
    $two->query('COMMIT;');
    is($clerk->query("EXECUTE $kind;"), $first, "$kind: then it is");
    $two->query("SELECT custseg.revoke_model('m', 'clerk');");
    like(($clerk->query("EXECUTE $kind;"))[1], qr/ERROR:  42501: permission denied for model "m"/, "$kind: so is a right that is revoked");
    $two->query("SELECT custseg.grant_model('m', 'clerk');");
    is($clerk->query("EXECUTE $kind;"), $first, "$kind: and granted again");
    $two->query("SELECT custseg.drop_model('m', whole => true);");
    like(($clerk->query("EXECUTE $kind;"))[1], qr/ERROR:  42704: model "m" does not exist/, "$kind: and a model that is dropped");
}

# The same model for any number of workers, and the same predictions by workers.
my @fitted = ([ 'forest', 'worth', '{"trees": 4, "min_samples_leaf": 500}' ], [ 'linear', 'worth', '{}' ], [ 'logistic', 'stays', '{}' ]);
push @fitted, [ 'xgboost', 'worth', '{"rounds": 3, "folds": 2}' ] if has_xgboost($node);
for my $workers (0, 1, 2, 4)
{
    my $log = -s $node->logfile;

    $node->safe_psql('postgres', trained('train_purchases', "purchases $workers"));
    $node->safe_psql('postgres', "SET max_parallel_maintenance_workers = $workers; SELECT custseg.train_value('$_->[0] $workers', 'SELECT * FROM customers, generate_series(1, 10)', '$_->[1]', '{a,b,g}', '$_->[0]', options => '$_->[2]');") for @fitted;
    is(scalar(() = slurp_file($node->logfile, $log) =~ /using $workers parallel workers/g), $workers > 0 ? scalar @fitted : 0, "$workers workers come");
    is(fingerprint($node, "$_ $workers"), fingerprint($node, "$_ 0"), "$_: the same model by $workers workers") for 'purchases', map { $_->[0] } @fitted;
}
$node->safe_psql('postgres', "SET max_parallel_maintenance_workers = 2; SELECT custseg.train_value('forest of votes $_', 'customers', 'stays', '{a,b,g}', 'forest', 'id', options => '{\"trees\": 20}')") for 0 .. 1;
is(fingerprint($node, 'forest of votes 1'), fingerprint($node, 'forest of votes 0'), 'a forest of probabilities is the same again');

my $scan = "SELECT md5(string_agg(p, ',' ORDER BY id)) FROM (SELECT id, concat_ws(' ', custseg.predict_value('forest 0', c), custseg.predict_interval('linear 0', c), custseg.predict_value('logistic 0', c)) AS p FROM customers c OFFSET 0) s";
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET parallel_leader_participation = off;';
like($node->safe_psql('postgres', "$parallel EXPLAIN (ANALYZE, VERBOSE, COSTS OFF) $scan"), qr/Workers Launched: 2.*Parallel Seq Scan.*Output: c\.id, concat_ws\(.*predict_value/s, 'workers predict');
is($node->safe_psql('postgres', "$parallel $scan"), $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; $scan"), 'the same');

# A dump keeps every bit of what is predicted.
$node->safe_psql('postgres', "SELECT custseg.train('groups', 'customers', '{a,b}', k => 3, id => 'id')");
my @predictions = (predicted('train_purchases', 'purchases 0'), $scan, "SELECT md5(string_agg(l::text, ',' ORDER BY customer_id)) FROM custseg.lifetime_value('purchases 0', 'lines', '90 days', as_of => '2024-12-30') l",
    "SELECT md5(string_agg(i::text, ',')) FROM custseg.value_importance('forest 0') i", "SELECT md5(string_agg(e::text, ',')) FROM customers c, custseg.explain_value('forest 0', c) e WHERE id = 7",
    "SELECT md5(string_agg(v::text, ',')) FROM custseg.segment_value('forest 0', 'groups', 'customers') v");
my @before = map { $node->safe_psql('postgres', $_) } @predictions;
my $dump = $node->basedir . '/value.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
is_deeply([ map { $node->safe_psql('restored', $_) } @predictions ], \@before, 'what is restored predicts the same');

# A standby predicts, compares and refuses to train.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is_deeply([ map { $standby->safe_psql('postgres', $_) } @predictions ], \@before, 'a standby predicts the same');
my $compare = "SELECT algorithm, r2, recommended FROM custseg.compare_value('customers', 'worth', '{a,b,g}', '{linear,forest}', id => 'id', options => '{\"forest\": {\"trees\": 5}}')";
is($standby->safe_psql('postgres', $compare), $node->safe_psql('postgres', $compare), 'and compares');
for my $kind (sort keys %train)
{
    like(psql_error($standby, 'postgres', trained($kind, 'n')), qr/ERROR:  25006: cannot execute custseg\.$kind\(\) during recovery/, "$kind: a standby refuses to train");
    like(psql_error($node, 'postgres', 'SET default_transaction_read_only = on;' . trained($kind, 'n')), qr/ERROR:  25006: cannot execute custseg\.$kind\(\) in a read-only transaction/, "$kind: so does a read-only transaction");
}
like(psql_error($standby, 'postgres', "SELECT custseg.record_segment_value('forest 0', 'groups', 'customers')"), qr/ERROR:  25006: cannot execute custseg\.record_segment_value\(\) during recovery/, 'nor does it keep what segments are worth');
$node->safe_psql('postgres', trained('train_value', 'forest 0', 'true') . "SELECT custseg.drop_model('purchases 0', whole => true)");
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT name, deployed_version FROM custseg.models WHERE name IN ('forest 0', 'purchases 0')"), 'forest 0|2', 'a standby sees what is deployed and dropped');

$_->quit for $one, $two, $clerk;
$standby->stop;

# Processes that are killed: the server restarts, and nothing half stored remains.
$none = $node->safe_psql('postgres', 'SELECT rows_of_models()');
$node->append_conf('postgresql.conf', "restart_after_crash = on\n");
$node->reload;
my %killed = (
    'a session that fits purchases' => [ 'train_purchases', "'half', 'lines', 'customer', 'at', 'amount', algorithm => 'pareto_nbd'", 'client backend' ],
    'a session that grows a forest' => [ 'train_value', "'half', 'customers', 'worth', '{a,b,g}', 'forest', 'id', options => '{\"trees\": 10000}'", 'client backend' ],
    'a worker that grows a forest' => [ 'train_value', "'half', 'customers', 'worth', '{a,b,g}', 'forest', 'id', options => '{\"trees\": 10000}'", 'parallel worker' ]);
for my $name (sort keys %killed)
{
    my ($function, $arguments, $type) = @{ $killed{$name} };
    my $session = CustsegTest::Session->new($node, 'postgres');
    my $log = -s $node->logfile;
    my $pid;

    $session->send("SELECT custseg.$function($arguments);");
    $node->safe_psql('postgres', "SELECT test.await_phase('half', 'iterating')");
    # a worker of a training shows no query
    $type = "FROM pg_stat_activity WHERE backend_type = '$type' AND (query ~ '^SELECT custseg.train' OR backend_type = 'parallel worker')";
    ok($node->poll_query_until('postgres', "SELECT count(*) > 0 $type"), "$name: is there");
    $pid = $node->safe_psql('postgres', "SELECT max(pid) $type");
    kill 'KILL', $pid;
    eval { $session->quit };
    # until then a connection may be refused or cut off in the middle
    $node->wait_for_log(qr/all server processes terminated; reinitializing.*database system is ready to accept connections/s, $log);
    is($node->safe_psql('postgres', 'SELECT rows_of_models()'), $none, "$name: nothing of a model is left");
    is($node->safe_psql('postgres', $scan =~ s/forest 0/forest 1/gr), $before[1], "$name: the server predicts");
}
cmp_ok(shared_segment_count($node), '<=', $idle, 'no shared memory is left');
$node->stop;
done_testing();
