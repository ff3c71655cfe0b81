# Another session sees what a training is at, as far as it may.
#
# Alone: phases that are short must not be missed.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('progress');

# Reading can be held up: halfway, a row asks for a lock.
$node->safe_psql('postgres', <<'END');
CREATE ROLE trainer LOGIN;
CREATE ROLE stranger LOGIN;
CREATE ROLE monitor LOGIN;
GRANT pg_read_all_stats TO monitor;
GRANT CREATE ON SCHEMA public TO trainer;
CREATE TABLE customers AS SELECT i, test.u(i, 1) AS a, test.u(i, 2) AS b FROM generate_series(1, 100000) i;
ANALYZE customers;
GRANT SELECT ON customers TO trainer;
CREATE FUNCTION held(i bigint) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF i = 50000 THEN
        PERFORM pg_advisory_xact_lock_shared(1);
    END IF;
    RETURN true;
END $$;

-- the phases that a training shows, in order, until it has ended
CREATE FUNCTION watch(trainer int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    seen text[] := '{}';
    now_at text;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT phase INTO now_at FROM custseg.progress() WHERE pid = trainer;
        IF now_at IS NULL AND seen <> '{}' THEN
            RETURN array_to_string(seen, ' ');
        END IF;
        IF now_at IS NOT NULL AND now_at IS DISTINCT FROM seen[array_length(seen, 1)] THEN
            seen := seen || now_at;
        END IF;
    END LOOP;
END $$;
END

my $trainer = CustsegTest::Session->new($node, 'postgres', user => 'trainer');
my $watcher = CustsegTest::Session->new($node, 'postgres');
my $pid = $trainer->pid;
my $name = 'Kunden: "größte"';

is($watcher->query('SELECT count(*) FROM custseg.progress();'), '0', 'nothing to see before');

# While rows are read.
$watcher->query('SELECT pg_advisory_lock(1);');
$trainer->send("SELECT custseg.train('$name', 'SELECT a, b FROM customers WHERE held(i)', k => 2);");
$node->safe_psql('postgres', "SELECT test.await_phase('$name', 'reading')");
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 'the training waits while it reads');
is($watcher->query("SELECT pid = $pid, model, phase, k, start, starts, iteration, rows_done >= 0, rows_total, started_at <= clock_timestamp() AND started_at > clock_timestamp() - interval '1 min' FROM custseg.progress();"),
    "t|$name|reading|||||t||t", 'what is known while reading');
is($node->safe_psql('postgres', "SELECT pid = $pid, num_nonnulls(model, phase, k, start, starts, iteration, rows_done, rows_total, started_at) FROM custseg.progress()", extra_params => [ '-U', 'stranger' ]),
    't|0', 'a stranger sees the process and nothing else');
is($node->safe_psql('postgres', 'SELECT model FROM custseg.progress()', extra_params => [ '-U', 'monitor' ]), $name, 'pg_read_all_stats sees all');
is($node->safe_psql('postgres', 'SELECT model FROM custseg.progress()', extra_params => [ '-U', 'trainer' ]), $name, 'so does the role that trains');
is($node->safe_psql('template1', 'SELECT count(*) FROM pg_stat_progress_vacuum UNION ALL SELECT count(*) FROM pg_stat_progress_create_index'), "0\n0",
    'views of other commands do not show it');

# A second one beside it.
my $other = CustsegTest::Session->new($node, 'postgres');
$other->send("SELECT custseg.train('other', 'SELECT a, b FROM customers WHERE held(i)', k => 2);");
$node->safe_psql('postgres', "SELECT test.await_phase('other', 'reading')");
is($watcher->query('SELECT string_agg(model, \',\' ORDER BY model COLLATE "C") FROM custseg.progress();'), "$name,other", 'trainings of two sessions');
$watcher->query('SELECT pg_advisory_unlock(1);');
$other->wait;
$trainer->wait;
is($watcher->query('SELECT count(*) FROM custseg.progress();'), '0', 'nothing to see after');

# All phases in order, of a table whose size is known.
$watcher->send("SELECT watch($pid);");
$trainer->query("SELECT custseg.train('phases', 'customers', '{a,b}', k => 60, prep => '{\"transform\": \"yeo-johnson\"}', options => '{\"silhouette_sample\": 4000, \"tol\": 0, \"n_init\": 10}');");
like($watcher->wait, qr/^reading (preparing )?seeding iterating (seeding iterating )*scoring( storing)?$/, 'phases come in order');

$trainer->send("SELECT custseg.train('far', 'customers', '{a,b}', k => 300, options => '{\"tol\": 0, \"n_init\": 7, \"max_iter\": 100000, \"algorithm\": \"lloyd\"}');");
$node->safe_psql('postgres', "SELECT test.await_phase('far', 'iterating')");
is($watcher->query("SELECT k, start BETWEEN 1 AND starts, starts, iteration >= 0 OR iteration IS NULL, rows_done, rows_total FROM custseg.progress();"),
    '300|t|7|t|100000|100000', 'how many segments, which start of how many, which iteration, how many rows');
ok($node->poll_query_until('postgres', 'SELECT iteration > 3 FROM custseg.progress()'), 'iterations are counted');
$watcher->query("SELECT pg_cancel_backend($pid);");
like(($trainer->wait)[1], qr/57014/, 'cancelled');
is($watcher->query('SELECT count(*) FROM custseg.progress();'), '0', 'nothing to see after a cancel');

# Tuning tells which trial of how many.
$trainer->send("SELECT custseg.train_value('tuned', 'customers', 'a', '{b}', 'forest', 'i', options => '{\"trees\": 50, \"max_features\": 1}', tune => true);");
$node->safe_psql('postgres', "SELECT test.await_phase('tuned', 'tuning')");
is($watcher->query('SELECT k, start BETWEEN 1 AND starts, starts, rows_done FROM custseg.progress();'), '|t|4|100000', 'which trial of how many');
$watcher->query("SELECT pg_cancel_backend($pid);");
like(($trainer->wait)[1], qr/57014/, 'cancelled');

# Purchases: which iteration of the fit at hand, which has few starts.
$node->safe_psql('postgres', <<'END');
CREATE TABLE lines AS
SELECT c AS customer, date '2024-01-01' + (c % 180) + (j * (1 + 120 * test.u(c, 1)))::int AS at FROM generate_series(1, 40000) c, generate_series(0, 9) j WHERE j <= 9 * test.u(c, 2) ^ 2 AND (c % 180) + j * (1 + 120 * test.u(c, 1)) < 700;
GRANT SELECT ON lines TO trainer;
END
$trainer->send("SELECT custseg.train_purchases('purchases', 'lines', 'customer', 'at', NULL, algorithm => 'pareto_nbd');");
$node->safe_psql('postgres', "SELECT test.await_phase('purchases', 'iterating')");
is($node->safe_psql('postgres', <<'END'), 't|t', 'iterations of a fit of purchases');
DO $$
DECLARE
    deadline timestamptz := clock_timestamp() + interval '60 s';
    seen record;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT * INTO seen FROM custseg.progress() WHERE model = 'purchases';
        EXIT WHEN seen.iteration > 2 OR clock_timestamp() > deadline;
    END LOOP;
    CREATE TABLE seen AS SELECT seen.iteration > 2 AS counted, seen.start BETWEEN 1 AND seen.starts AND seen.starts <= 2 AS started;
END $$;
SELECT * FROM seen;
END
$trainer->wait;

# An error ends it, too, and a subtransaction's error as well.
$trainer->query("DO 'BEGIN PERFORM custseg.train(''e'', ''SELECT 1 / (a - a)::int AS q FROM customers'', k => 2); EXCEPTION WHEN division_by_zero THEN NULL; END';");
is($watcher->query('SELECT count(*) FROM custseg.progress();'), '0', 'nothing to see after an error');

$_->quit for $trainer, $other, $watcher;
$node->stop;
done_testing();
