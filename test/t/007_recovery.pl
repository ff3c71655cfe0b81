# A crash leaves no half model; a standby scores, and says so when it cannot train.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = start_node('primary', "dynamic_shared_memory_type = mmap\n", allows_streaming => 1);

customers($node, 'postgres', 'customers', 50000);
$node->safe_psql('postgres', <<'END');
ALTER TABLE customers ADD segment int;
CREATE TRIGGER assign BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('m', 'segment');
SELECT custseg.train('m', 'customers', '{recency,frequency,monetary,channel}', k => 4);
-- wait until work on behalf of a session has a worker; the process of that kind
CREATE FUNCTION test.await_process(kind text, session int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + interval '60 s';
    worker int;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT a.pid INTO worker FROM pg_stat_activity a WHERE a.leader_pid = session AND a.pid <> session;
        IF worker IS NOT NULL THEN
            RETURN CASE kind WHEN 'parallel worker' THEN worker ELSE session END;
        END IF;
        IF clock_timestamp() > deadline THEN
            RAISE 'session % has no worker', session;
        END IF;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;
END
$node->restart;
my $idle = shared_segment_count($node);
my $kept = fingerprint($node, 'm');

# Crashes of the whole server in every phase: while rows are read, while workers iterate, and after
# the rows were written but not committed.
my %trainings = (
    reading => "'SELECT l.recency, l.monetary FROM customers l, customers r WHERE r.frequency < 3', k => 2",
    iterating => "'SELECT test.u(i, 1) AS a, test.u(i, 2) AS b, test.u(i, 3) AS c FROM generate_series(1, 100000) i',"
      . " k => 400, options => '{\"tol\": 0, \"max_iter\": 1000000, \"n_init\": 100, \"algorithm\": \"lloyd\"}'",
    idle => "'customers', '{recency,monetary}', k => 2");
for my $phase (qw(reading iterating idle))
{
    my $session = CustsegTest::Session->new($node, 'postgres');

    $session->send("BEGIN; SET maintenance_work_mem = '1GB'; SELECT custseg.train('half', $trainings{$phase});");
    if ($phase eq 'idle')
    {
        $session->wait;
    }
    else
    {
        $node->safe_psql('postgres', "SELECT test.await_phase('half', '$phase')");
    }
    $node->stop('immediate');
    eval { $session->quit };
    $node->start;
    is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.models WHERE name = 'half'"), '0', "$phase: no half model after a crash");
    is(fingerprint($node, 'm'), $kept, "$phase: the committed model is as it was");
    is(shared_segment_count($node), $idle, "$phase: no shared memory is left") or note(join ' ', shared_segments($node));
}

# One process killed, the leader or a worker, in a training or a publication: the server restarts all of them, and goes on.
$node->append_conf('postgresql.conf', "restart_after_crash = on\n");
$node->reload;
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT i AS id, c.recency, c.frequency, c.monetary, c.channel FROM generate_series(1, 400000) i JOIN customers c ON c.id = 1 + i % 50000; ANALYZE many');
my %calls = (
    training => "custseg.train('half', $trainings{iterating})",
    publication => "custseg.publish('m', 'many')");
for my $work (sort keys %calls)
{
    for my $victim ('client backend', 'parallel worker')
    {
        my $session = CustsegTest::Session->new($node, 'postgres');
        my $watcher = CustsegTest::Session->new($node, 'postgres');
        my $log = -s $node->logfile;

        $session->send("SET maintenance_work_mem = '1GB'; SELECT count(*) FROM $calls{$work};");
        my $pid = $watcher->query("SELECT test.await_process('$victim', " . $session->pid . ');');
        kill 'KILL', $pid;
        eval { $session->quit };
        eval { $watcher->quit };
        # until then a connection may be refused or cut off in the middle
        $node->wait_for_log(qr/all server processes terminated; reinitializing.*database system is ready to accept connections/s, $log);
        is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM custseg.models WHERE name = 'half') + (SELECT count(*) FROM custseg.report)"), '0',
            "nothing half after a $victim was killed in a $work");
        is(shared_segment_count($node), $idle, 'and no shared memory is left') or note(join ' ', shared_segments($node));
        is($node->safe_psql('postgres', "SELECT custseg.predict('m', c) IS NOT NULL FROM customers c LIMIT 1"), 't', 'and the server scores again');
    }
}

# Read-only transactions score and do not train.
my @reads = (
    "SELECT md5(string_agg(custseg.predict('m', c)::text, ',' ORDER BY id)) FROM customers c",
    "SELECT md5(string_agg(x::text, ',' ORDER BY id)) FROM custseg.score('m') x",
    "SELECT md5(string_agg(e::text, ',')) FROM customers c, custseg.explain('m', c) e WHERE c.id = 7",
    "SELECT custseg.predict_name('m', c) FROM customers c WHERE id = 7",
    "SELECT custseg.predict_detail('m', '{\"recency\": 3, \"frequency\": null, \"monetary\": 9, \"channel\": \"web\"}'::jsonb)",
    "SELECT md5(custseg.scorer('m')::text)",
    "SELECT count(*) FROM custseg.segment_profile",
    "SELECT name, deployed_version FROM custseg.models",
    "SELECT count(*) FROM custseg.progress()");
my @writes = (
    "SELECT custseg.train('n', 'customers', '{recency}', k => 2)",
    "SELECT custseg.deploy('m', 1)",
    "SELECT custseg.rollback('m')",
    "SELECT custseg.drop_model('m', whole => true, ignore_triggers => true)",
    "SELECT custseg.name_segment('m', 1, 'x')",
    "SELECT custseg.grant_model('m', 'public')",
    "SELECT custseg.revoke_model('m', 'public')",
    "CALL custseg.resegment('m', 'customers')");
my %answers = map { $_ => $node->safe_psql('postgres', $_) } @reads;

for my $query (@reads)
{
    is($node->safe_psql('postgres', "SET default_transaction_read_only = on; $query"), $answers{$query}, "read-only: $query");
}
for my $query (@writes)
{
    like(psql_error($node, 'postgres', "SET default_transaction_read_only = on; $query"),
        qr/ERROR:  25006: cannot execute .* in a read-only transaction/, "read-only: $query is refused");
}

# The same on a standby, which follows what is deployed on the primary.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
my $reader = CustsegTest::Session->new($standby, 'postgres');

for my $query (@reads)
{
    is($reader->query("$query;"), $answers{$query}, "standby: $query");
}
for my $query (@writes)
{
    like(psql_error($standby, 'postgres', $query), qr/ERROR:  25006: cannot execute .* during recovery/, "standby: $query is refused");
}
$node->safe_psql('postgres', "SELECT custseg.train('m', 'customers', '{recency}', k => 2, deploy => true)");
$node->wait_for_catchup($standby);
is($reader->query('SELECT name, deployed_version FROM custseg.models;'), 'm|2', 'a deployment reaches the standby');
is($reader->query("$reads[0];"), $node->safe_psql('postgres', $reads[0]), 'and what an open session of it scores with');
$node->safe_psql('postgres', "SELECT custseg.drop_model('m', whole => true, ignore_triggers => true)");
$node->wait_for_catchup($standby);
like(($reader->query("$reads[0];"))[1], qr/ERROR:  42704/, 'so does the end of a model');
$reader->quit;

# Every function does there what it does in a read-only transaction of the primary: what only reads is refused nowhere.
$node->safe_psql('postgres', 'CREATE DATABASE examples');
add_extension($node, 'examples');
$node->safe_psql('examples', "\\i $FindBin::RealBin/../examples.sql");
$node->wait_for_catchup($standby);
my ($there, $here) = map { CustsegTest::Session->new($_, 'examples') } $node, $standby;
my (@refused, @other);

$there->query('SET default_transaction_read_only = on;');
for (split /\n/, $node->safe_psql('examples', "SELECT DISTINCT name, replace(rtrim(example, ';'), E'\\n', ' ') FROM custseg.functions ORDER BY 1, 2"))
{
    my ($name, $example) = /^(\w+)\|(.*)/;
    my @answers = map {
        my ($out, $err) = $_->query("SET client_min_messages = error; $example;");

        # how long something took is another number each time
        $err =~ /ERROR:  (\w+)/ ? $1 : $out =~ s/\|\d+\.\d+(?=\|[ft]\|)//gr
    } $there, $here;

    push @refused, $name if $answers[1] eq '25006';
    push @other, "$name: $answers[0], $answers[1]" if $answers[0] ne $answers[1] || $answers[1] =~ /^\w{5}$/ && $answers[1] =~ /\d/ && $answers[1] ne '25006';
}
is("@other", '', 'functions answer on a standby as on the primary');
cmp_ok(scalar @refused, '<', 60, 'and few are refused there') or note("@refused");
ok((grep { $_ eq 'train' } @refused) && !(grep { $_ eq 'evaluate' || $_ eq 'segment_profile' || $_ eq 'drift' } @refused), 'as training is, and reports are not');
$_->quit for $there, $here;

# Once promoted it trains.
$standby->promote;
is($standby->safe_psql('postgres', "SELECT version FROM custseg.train('p', 'customers', '{recency}', k => 2)"), '1', 'a promoted standby trains');

$standby->stop;
$node->stop;
done_testing();
