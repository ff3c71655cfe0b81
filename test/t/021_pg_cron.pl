# The jobs of docs/operations.md, run by pg_cron: watching, resegmenting, retraining; enrolling, looking,
# keeping months, forgetting; alerts handed on by the program there; a second database; a run that
# overlaps another.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('pg_cron', "cron.database_name = 'shop'\ncron.use_background_workers = on\n");

if ($node->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'") eq '0')
{
    $node->stop;
    plan skip_all => 'pg_cron is not installed';
}

my $docs = slurp_file("$FindBin::RealBin/../../docs/operations.md") =~ s/.*^### Jobs for pg_cron$//msr =~ s/^## .*//msr;
my @statements = $docs =~ /^```sql\n(.*?)^```$/msg;
my ($program) = $docs =~ /^```python\n(.*?)^```$/ms;
is(scalar @statements, 5, 'the docs have the jobs');

# Two databases of an ordinary role, each with customers who have changed since the training.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_cron'\n");
$node->safe_psql('postgres', 'CREATE ROLE analyst LOGIN; CREATE DATABASE shop OWNER analyst; CREATE DATABASE outlet OWNER analyst');
$node->restart;
for my $database (qw(shop outlet))
{
    add_extension($node, $database);
    customers($node, $database, 'customers', 2000);
    $node->safe_psql($database, <<'END');
ALTER TABLE customers OWNER TO analyst;
GRANT USAGE ON SCHEMA test TO analyst;
SET ROLE analyst;
ALTER TABLE customers ADD segment int;
SELECT custseg.train('loyalty', 'customers', '{recency,frequency,monetary}', k => 3);
CALL custseg.resegment('loyalty', 'customers');
UPDATE customers SET monetary = monetary * 3;
END
}

# An experiment, lines of orders, and one who asks to be forgotten.
$node->safe_psql('shop', <<'END');
SET ROLE analyst;
CREATE TABLE orders AS SELECT id AS customer, now() - interval '100 days' + i * interval '20 days' AS ordered_at, 10 + id % 7 AS amount
FROM customers, generate_series(1, 6) i;
CREATE TABLE forget_requests AS SELECT 7 AS customer;
SELECT custseg.exclude('loyalty', 7, 'is to be forgotten');
SELECT custseg.end_override('loyalty', 7);
SELECT custseg.create_experiment('spring', 'loyalty', '["control", "mail"]',
    '[{"metric": "amount", "kind": "mean", "role": "primary", "effect": 1, "window": "14 days", "covariate": "amount"}]');
SELECT custseg.enroll('spring', 'SELECT * FROM customers WHERE id <= 1000');
END

# A model that is being watched while its job comes.
$node->safe_psql('shop', <<'END');
CREATE FUNCTION held(i int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF i = 1000 THEN
        PERFORM pg_advisory_xact_lock_shared(1);
    END IF;
    RETURN true;
END $$;
SET ROLE analyst;
SELECT custseg.train('busy', 'customers', '{recency,frequency,monetary}', k => 3);
END
my $gate = CustsegTest::Session->new($node, 'shop');
my $busy = CustsegTest::Session->new($node, 'shop', user => 'analyst');
$gate->query('SELECT pg_advisory_lock(1);');
$busy->send("SELECT status FROM custseg.monitor('busy', 'SELECT * FROM customers WHERE held(id)');");
ok($node->poll_query_until('shop', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $busy->pid), 'a run is at work');

# The program that hands alerts on, here to cat.
my ($heard, $complaint, $listener) = ('', '');
my $python = $ENV{PYTHON} || '/usr/bin/python3';
SKIP:
{
    my $script = $node->basedir . '/custseg-alerts';

    skip 'no psycopg2', 1 unless system("$python -c 'import psycopg2' 2>/dev/null") == 0;
    append_to_file($script, $program);
    $listener = IPC::Run::start([ $python, $script, $node->connstr('shop') . ' user=analyst', 'cat' ],
        '>', \$heard, '2>', \$complaint, my $timer = IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default));
    $listener->pump until $heard =~ /listening\n/;
    pass('the program listens');
}

# The jobs, but for the hour: each comes with the next minute.
$node->safe_psql('shop', $statements[0]);
like($node->safe_psql('shop', "SET ROLE analyst; $statements[1]"), qr/^\d+\n\d+\n\d+$/, 'the jobs are scheduled by the owner of the model');
like($node->safe_psql('shop', "SET ROLE analyst; $statements[3]"), qr/^\d+\n\d+\n\d+\n\d+$/, 'so are those of the experiment');
like($node->safe_psql('shop', $statements[4]), qr/^\d+$/, 'and one in another database');
$node->safe_psql('shop', q{SET ROLE analyst; SELECT cron.schedule('busy-watch', '* * * * *', $$SELECT custseg.monitor('busy')$$)});
is($node->safe_psql('shop', "SELECT string_agg(jobname, ' ' ORDER BY jobname) FROM cron.job WHERE username = 'analyst'"),
    'busy-watch forget loyalty-kpis loyalty-resegment loyalty-retrain loyalty-watch outlet-watch spring-enroll spring-look', 'nine jobs of the analyst');
$node->safe_psql('shop', "SELECT cron.alter_job(jobid, schedule => '* * * * *') FROM cron.job");
ok($node->poll_query_until('shop', "SELECT count(DISTINCT jobid) = 9 FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')"), 'all jobs have run');
$node->safe_psql('shop', 'SELECT cron.unschedule(jobid) FROM cron.job');
is($node->safe_psql('shop', "SELECT string_agg(DISTINCT d.return_message, E'\\n') FROM cron.job_run_details d WHERE status = 'failed'"), '', 'none of them failed');

# What they left.
is($node->safe_psql('shop', "SELECT status, run_by, verdict FROM custseg.monitor_run WHERE model = 'loyalty' ORDER BY id LIMIT 1"),
    'ok|analyst|drifted', 'the history has the run');
is($node->safe_psql('shop', "SELECT version, n_parts > 10 FROM custseg.published WHERE model = 'loyalty'"), '1|t', 'and so is the publication');
is($node->safe_psql('shop', "SELECT severity FROM custseg.open_alerts WHERE model = 'loyalty' AND kind = 'drift' AND subject = 'monetary'"), 'critical', 'an alert is open');
is($node->safe_psql('outlet', "SELECT verdict, open_alerts > 0 FROM custseg.model_health"), 'drifted|t', 'in the second database as well');
is($node->safe_psql('shop', "SELECT status FROM custseg.monitor_run WHERE model = 'busy' ORDER BY id LIMIT 1"), 'skipped', 'the run that met another was skipped');
$gate->query('SELECT pg_advisory_unlock(1);');
is($busy->wait, 'ok', 'which came to its end');
is($node->safe_psql('shop', "SELECT sum(n) FROM custseg.enrolment_count"), 2000, 'all customers are enrolled');
is($node->safe_psql('shop', "SELECT count(*) > 0, min(model) FROM custseg.experiment_look"), 't|loyalty', 'looks are kept');
# On its last day, a month counts as over.
is($node->safe_psql('shop', "SELECT DISTINCT month = (date_trunc('month', now() + interval '1 day') - interval '1 month')::date FROM custseg.segment_kpi"), 't', 'the last month is kept');
is($node->safe_psql('shop', "SELECT count(*) FROM custseg.segment_override WHERE customer = '7'"), 0, 'one is forgotten');
is($node->safe_psql('shop', "SELECT count(DISTINCT run_at) > 1 FROM custseg.migration WHERE model = 'loyalty'"), 't', 'customers were placed anew');
is($node->safe_psql('shop', "SELECT deployed_version, last_version > 1 FROM custseg.models WHERE name = 'loyalty'"), '1|t', 'a candidate was trained and not deployed');
like($node->safe_psql('shop', "SET ROLE analyst; $statements[2]"), qr/^1\|\d+\|.*\|.+\|.+$/, 'and is compared with what is deployed');

SKIP:
{
    skip 'no psycopg2', 2 unless defined $listener;
    $listener->pump until $heard =~ /^\[critical, opened\] loyalty: feature monetary: .*\n/m;
    pass('the program heard of the alert');
    $listener->signal('TERM');
    $listener->finish;
    is($complaint, '', 'and had nothing to complain of');
}

$_->quit for $gate, $busy;
$node->stop;
done_testing();
