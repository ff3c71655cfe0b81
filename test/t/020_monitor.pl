# monitor beside other sessions: notifications, overlapping runs, cancels, models and versions that
# go while they are watched.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('monitor');
my $one = CustsegTest::Session->new($node, 'postgres');
my $two = CustsegTest::Session->new($node, 'postgres');
my $gate = CustsegTest::Session->new($node, 'postgres');
my $listener = CustsegTest::Session->new($node, 'postgres');

customers($node, 'postgres', 'customers', 2000);
$node->safe_psql('postgres', <<'END');
-- a row that is read only when the gate is open
CREATE FUNCTION held(i int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF i = 1000 THEN
        PERFORM pg_advisory_xact_lock_shared(1);
    END IF;
    RETURN true;
END $$;
SELECT custseg.train(m, 'customers', '{recency,frequency,monetary}', 3) FROM unnest('{loyalty,other}'::text[]) m;
END
my $held = q{'SELECT * FROM customers WHERE held(id)'};

# Wait until a session waits for a lock.
sub await_lock
{
    my ($session, $name) = @_;

    ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $session->pid), $name);
}

# Watch through the gate in session one, and do something before it opens.
sub watch_held
{
    my ($name, $meanwhile, $model) = @_;

    $model = 'loyalty' unless defined $model;
    $gate->query('SELECT pg_advisory_lock(1);');
    $one->send("SELECT run IS NOT NULL, version, status, error FROM custseg.monitor('$model', $held);");
    await_lock($one, "$name: a run is at work");
    $meanwhile->();
    $gate->query('SELECT pg_advisory_unlock(1);');
    return $one->wait;
}

# What a listener hears: each alert once when it opens, and once when it closes.
sub notifications
{
    my ($out) = $listener->query('SELECT 1;');

    return [ map { /"custseg_alert" with payload "(.*)" received/ ? $1 : () } split /\n/, $out ];
}

# Fields of notifications, as the server reads them.
sub fields
{
    my ($notifications, $fields) = @_;

    return join "\n", sort map {
        my $payload = $_ =~ s/'/''/gr;
        $node->safe_psql('postgres', "SELECT concat_ws(' ', $fields) FROM (SELECT '$payload'::jsonb) p (p)");
    } @$notifications;
}

$listener->query('LISTEN custseg_alert;');
$node->safe_psql('postgres', "SELECT custseg.monitor('loyalty')");
is(scalar @{ notifications() }, 0, 'a quiet run tells nobody');
$node->safe_psql('postgres', 'UPDATE customers SET monetary = monetary * 3');
$node->safe_psql('postgres', "SELECT custseg.monitor('loyalty')");
my $heard = notifications();
is(fields($heard, "p ->> 'event', p ->> 'kind', p ->> 'subject'"),
    $node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', 'opened', kind, subject), E'\\n' ORDER BY concat_ws(' ', 'opened', kind, subject) COLLATE \"C\") FROM custseg.open_alerts"),
    'each alert that opens is told');
like(fields([ grep { /"kind": "drift"/ } @$heard ], "p ->> 'model', p ->> 'version', p ->> 'subject', p ->> 'severity', p ->> 'message'"),
    qr/^loyalty 1 monetary critical feature monetary: /, 'with what it is about');
is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM custseg.alert WHERE kind = 'drift' AND subject = 'monetary'"), 't', 'drift among them');
$node->safe_psql('postgres', "SELECT custseg.monitor('loyalty', options => '{\"consecutive\": 9}')");
is(scalar @{ notifications() }, 0, 'what is open is not told again');
$node->safe_psql('postgres', "BEGIN; UPDATE customers SET monetary = monetary / 3; SELECT custseg.monitor('loyalty'); ROLLBACK");
is(scalar @{ notifications() }, 0, 'nor what was rolled back');
$node->safe_psql('postgres', 'UPDATE customers SET monetary = monetary / 3');
$node->safe_psql('postgres', "SELECT custseg.monitor('loyalty', options => '{\"notify\": false}')");
is(scalar @{ notifications() }, 0, 'nor anything without "notify"');
$node->safe_psql('postgres', "SELECT custseg.monitor('loyalty', 'nosuch'); SELECT custseg.monitor('loyalty')");
is(fields(notifications(), "p ->> 'event', p ->> 'kind', p ->> 'subject', p ->> 'n_seen'"), "closed monitor (run) 1\nopened monitor (run) 1", 'an alert that closes is told');

# A message of any length fits, whatever is in it.
$node->safe_psql('postgres', q{SELECT custseg.monitor('loyalty', 'SELECT ''' || repeat(E'\u0001\\\\', 30000) || '''::int AS monetary')});
($heard) = @{ notifications() };
cmp_ok(length($heard), '<', 8000, 'a payload is short enough');
cmp_ok(length($heard), '>', 1000, 'and no shorter than it must be');
$node->safe_psql('postgres', "SELECT custseg.monitor('loyalty')");

# Two runs at once: the second is skipped, at once, and says so in the history.
my $result = watch_held('overlap', sub {
    is($two->query("SELECT run IS NOT NULL, status, verdict, retrain, error FROM custseg.monitor('loyalty');"),
        't|skipped|||another monitor() of the model was at work', 'a second run of the model is skipped');
    is($two->query("SELECT status FROM custseg.monitor('other');"), 'ok', 'one of another model is not');
    is($two->query("SELECT last_status, verdict FROM custseg.model_health WHERE model = 'loyalty';"), 'skipped|ok', 'the health of the model is that of the run before');
    is($two->query("SELECT retrain FROM custseg.needs_retraining('loyalty');"), 'f', 'who only asks is not kept from it');
});
is($result, 't|1|ok|', 'the first run ends as if nothing had been');

# ... nor does it wait for a run that is not committed yet.
$one->query("BEGIN; SELECT status FROM custseg.monitor('loyalty');");
is($two->query("SELECT run, status FROM custseg.monitor('loyalty');"), '|skipped', 'a run that waits for its commit makes others skip');
$one->query('COMMIT;');
is($two->query("SELECT status FROM custseg.monitor('loyalty');"), 'ok', 'until then');

# A cancel ends the statement and leaves nothing.
my $runs = $node->safe_psql('postgres', 'SELECT count(*) FROM custseg.monitor_run');
$gate->query('SELECT pg_advisory_lock(1);');
$one->send("SELECT status FROM custseg.monitor('loyalty', $held);");
await_lock($one, 'cancel: a run is at work');
$two->query('SELECT pg_cancel_backend(' . $one->pid . ');');
like(($one->wait)[1], qr/ERROR:  57014: canceling statement due to user request/, 'a run that is canceled ends in the error');
is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.monitor_run'), $runs, 'and leaves no row');
$gate->query('SELECT pg_advisory_unlock(1);');
is($one->query("SELECT status FROM custseg.monitor('loyalty');"), 'ok', 'the same session watches on');

# Under statement_timeout each model of a statement has its time, and says when it was not enough.
$gate->query('SELECT pg_advisory_lock(1);');
is($one->query("SET statement_timeout = '300ms'; SELECT name, status, error FROM unnest('{loyalty,other}'::text[]) name, custseg.monitor(name, $held);"),
    "loyalty|failed|canceling statement due to statement timeout\nother|failed|canceling statement due to statement timeout",
    'runs that time out say so, and the statement goes on');
is($one->query("SET statement_timeout = 0; SET lock_timeout = '20ms'; SELECT status, error FROM custseg.monitor('loyalty', $held);"),
    'failed|canceling statement due to lock timeout', 'a lock that is not had in time is a failure like any');
is($one->query('RESET statement_timeout; RESET lock_timeout; SELECT 1;'), '1', 'and the session goes on');
$gate->query('SELECT pg_advisory_unlock(1);');

# What is dropped or deployed while it is watched.
$node->safe_psql('postgres', "SELECT custseg.train('loyalty', 'customers', '{recency,monetary}', 2)");
is(watch_held('deployed', sub { $two->query("SELECT custseg.deploy('loyalty', 2);"); }), 't|1|ok|', 'a version that is replaced while it is watched is watched to the end');
$result = watch_held('dropped version', sub { $two->query("SELECT custseg.rollback('loyalty'); SELECT custseg.drop_model('loyalty', 2);"); });
is($result, 't|2|ok|', 'a version that is dropped while it is watched is watched to the end');
is($one->query("SELECT version, status FROM custseg.monitor('loyalty');"), '1|ok', 'and the next one watches what is deployed');
is(watch_held('dropped model', sub { $two->query("SELECT custseg.drop_model('loyalty', whole => true);"); }),
    'f|1|failed|the model was dropped while it was watched', 'a model that is dropped leaves nothing to write to');
is($node->safe_psql('postgres', "SELECT count(*) FROM custseg.monitor_run WHERE model = 'loyalty'"), '0', 'and nothing is written');

$_->quit for $one, $two, $gate, $listener;
$node->stop;
done_testing();
