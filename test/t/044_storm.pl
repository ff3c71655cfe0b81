# Ten writers, random cancels and kills.
#
# Sessions score, update, resegment, train, deploy, roll back, rename, decide by hand and drop on the same
# models and tables, in each isolation level; some are cancelled, and the server is killed.  Whatever
# happens: nothing hangs, nothing is half done, the moves of every run add up, and no statement has
# placed customers with two versions.
#
# CUSTSEG_STORM=full runs it for 120 seconds in each isolation level, with 2,000 cancels and 50 kills; by
# default it takes some seconds.  CUSTSEG_SEED repeats a run's choices, though not its timing.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;
use Time::HiRes qw(time sleep);

my $full = ($ENV{CUSTSEG_STORM} || '') eq 'full';
my ($seconds, $cancels, $kills) = $full ? (120, 2000, 50) : (2, 20, 1);
my $seed = $ENV{CUSTSEG_SEED} || time() ^ $$;
my $writers = 10;
my $rows = 600;
my $patience = 60;

srand($seed);
note("CUSTSEG_SEED=$seed");

my $node = start_node('storm', <<'END');
max_connections = 40
restart_after_crash = on
deadlock_timeout = 200ms
log_min_messages = warning
END

# Version 1 of a model calls all customers 1, 2 or 3 in their own way, version 2 in another: "shift" is
# what tells them apart, for x is 0 to 8 and a customer of version v is in segment (x + shift of v) / 3.
$node->safe_psql('postgres', <<'END');
CREATE FUNCTION train_by(model text, shift int) RETURNS int LANGUAGE sql AS $$
    SELECT version FROM custseg.train(model, 'SELECT x FROM customer', '{x}', algorithm => 'rules', options => jsonb_build_object(
        'segments', jsonb_build_array(
            jsonb_build_object('name', 'low of ' || shift, 'when', jsonb_build_object('x', jsonb_build_object('below', 3 - shift))),
            jsonb_build_object('name', 'high of ' || shift)),
        'else', 'high of ' || shift))
$$;
CREATE TABLE customer (id int PRIMARY KEY, x float8, segment int, note text);
INSERT INTO customer SELECT i, i % 9 FROM generate_series(1, 600) i;
CREATE TABLE fresh (id int, x float8, segment int);
CREATE TRIGGER assign BEFORE INSERT ON fresh FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('m', 'segment');
CREATE TABLE mixed (at timestamptz DEFAULT clock_timestamp(), statement text, names text);
CREATE TABLE run (at timestamptz DEFAULT clock_timestamp(), source text, rows_total bigint, n bigint);
SELECT train_by('m', 0), train_by('m', 2), train_by('m', -2), train_by('gone', 0);
CREATE ROLE clerk;
SELECT custseg.grant_model('m', 'clerk');

-- somewhere in the middle a statement stops for a moment, and reads what changes
CREATE FUNCTION dawdle(i int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
    IF i % 200 = 0 THEN
        PERFORM pg_sleep(0.002);
        PERFORM count(*) FROM custseg.models;
    END IF;
    RETURN true;
END $$;

-- the versions that the names tell of must be one
CREATE PROCEDURE note_mixed(statement text, names text[]) LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(DISTINCT split_part(n, ' of ', 2)) FROM unnest(names) n) > 1 THEN
        INSERT INTO mixed (statement, names) VALUES (note_mixed.statement, note_mixed.names::text);
    END IF;
END $$;
CREATE PROCEDURE selects() LANGUAGE plpgsql AS $$
DECLARE
    names text[];
BEGIN
    SELECT array_agg(DISTINCT n) INTO names FROM customer c,
        LATERAL (VALUES (custseg.predict_name('m', c)), (CASE WHEN id > 300 THEN (custseg.predict_detail('m', to_jsonb(c))).name END)) v (n)
    WHERE n IS NOT NULL AND dawdle(c.id);
    CALL note_mixed('SELECT', names);
END $$;
CREATE PROCEDURE updates() LANGUAGE plpgsql AS $$
DECLARE
    names text[];
BEGIN
    WITH written AS (UPDATE customer c SET note = custseg.predict_name('m', c) WHERE id % 3 = 0 AND dawdle(id) RETURNING note)
    SELECT array_agg(DISTINCT note) INTO names FROM written;
    CALL note_mixed('UPDATE', names);
END $$;
CREATE PROCEDURE inserts() LANGUAGE plpgsql AS $$
DECLARE
    segments text[];
BEGIN
    -- of those at 0, 2 and 4 the versions put none, one or two below the border
    WITH written AS (INSERT INTO fresh SELECT i, 2 * (i % 3) FROM generate_series(1, 600) i WHERE dawdle(i) RETURNING x, segment)
    SELECT array_agg(DISTINCT x || ':' || segment) INTO segments FROM written;
    IF cardinality(segments) > 3 THEN
        INSERT INTO mixed (statement, names) VALUES ('INSERT', segments::text);
    END IF;
    DELETE FROM fresh;
END $$;
CREATE PROCEDURE resegments(batched bool) LANGUAGE plpgsql AS $$
DECLARE
    changed bigint;
    total bigint;
BEGIN
    CALL custseg.resegment('m', 'customer', batch => CASE WHEN batched THEN 70 END, rows_changed => changed, rows_total => total);
    -- the rows of the run were written by this transaction
    INSERT INTO run (source, rows_total, n) SELECT CASE WHEN batched THEN 'batches' ELSE 'once' END, total, sum(g.n)
    FROM custseg.migration g WHERE g.xmin::text = (pg_current_xact_id()::text::bigint % 4294967296)::text;
END $$;

-- what must be so whenever nobody is in the middle of something; each row tells what is not
CREATE VIEW wrong AS
    SELECT 'versions mixed: ' || statement || ' ' || names AS what FROM mixed
    UNION ALL
    SELECT 'a run (' || source || ') of ' || rows_total || ' rows counts ' || n FROM run WHERE n <> rows_total OR rows_total <> 600
    UNION ALL
    SELECT 'the run of ' || run_at || ' counts ' || sum(n) FROM custseg.migration WHERE model = 'm' GROUP BY run_at
    HAVING sum(n) > 600 OR bool_and(finished_at IS NOT NULL) AND sum(n) <> 600 OR count(DISTINCT finished_at) > 1 OR count(DISTINCT version) > 1
    UNION ALL
    SELECT 'model ' || name || ' is at version ' || m.deployed_version || ', which is not there' FROM custseg.model m
    WHERE deployed_version IS NOT NULL AND NOT EXISTS (SELECT FROM custseg.model_version v WHERE v.model = m.name AND v.version = m.deployed_version)
    UNION ALL
    SELECT 'version ' || version || ' of model ' || model || ' is not whole' FROM custseg.model_version v
    WHERE n_segments <> (SELECT count(*) FROM custseg.segment s WHERE s.model = v.model AND s.version = v.version)
        OR NOT EXISTS (SELECT FROM custseg.feature f WHERE f.model = v.model AND f.version = v.version)
        OR custseg.scorer(v.model, v.version) IS NULL
    UNION ALL
    SELECT 'the history of model ' || name || ' ends elsewhere' FROM custseg.model m
    WHERE deployed_version IS DISTINCT FROM (SELECT d.version FROM custseg.deployment d WHERE d.model = m.name ORDER BY id DESC LIMIT 1)
    UNION ALL
    SELECT 'model ' || l.model || ' has left ' || l.place FROM (
        SELECT model, 'a version' FROM custseg.model_version UNION SELECT model, 'a feature' FROM custseg.feature
        UNION SELECT model, 'a segment' FROM custseg.segment UNION SELECT model, 'a grant' FROM custseg.model_grant
        UNION SELECT model, 'a deployment' FROM custseg.deployment UNION SELECT model, 'a run' FROM custseg.migration) l (model, place)
    WHERE NOT EXISTS (SELECT FROM custseg.model m WHERE m.name = l.model);
END

# What writers do, as often as the number says.
my @deeds = (
    (sub { 'CALL selects()' }) x 4,
    (sub { 'CALL updates()' }) x 3,
    (sub { 'CALL inserts()' }) x 3,
    (sub { 'CALL resegments(false)' }) x 3,
    (sub { 'CALL resegments(true)' }) x 3,
    (sub { "UPDATE customer SET x = (x::int + " . (1 + int(rand(8))) . ') % 9 WHERE id % 20 = ' . int(rand(20)) }) x 2,
    (sub { "UPDATE customer c SET segment = custseg.predict('m', c) WHERE id % 10 = " . int(rand(10)) }) x 2,
    (sub { 'UPDATE customer SET segment = NULL WHERE id % 15 = ' . int(rand(15)) }) x 2,
    (sub { "SELECT custseg.deploy('m', " . (1 + int(rand(3))) . ')' }) x 6,
    sub { "SELECT custseg.rollback('m')" },
    sub { "SELECT train_by('m', 0)" },
    sub { "SELECT custseg.drop_model('m', coalesce((SELECT max(version) FROM custseg.model_version WHERE model = 'm' AND version > 3), 0))" },
    sub { "SELECT train_by('gone', 2)" },
    sub { "SELECT custseg.drop_model('gone', whole => true)" },
    sub { "SELECT custseg.name_segment('gone', 1, 'name " . int(rand(100)) . "')" },
    sub { "SELECT custseg.grant_model('m', 'clerk'), custseg.revoke_model('gone', 'clerk')" },
    sub { "BEGIN; SELECT custseg.deploy('m', 1); SAVEPOINT s; SELECT custseg.deploy('m', 2); ROLLBACK TO s; CALL selects(); COMMIT" });

# Errors that a writer has to expect: somebody else was first, a cancel and what follows in its transaction, a
# server that restarts, a model or version
# that was dropped.
my $expected = qr/^(40001|40P01|57014|57P0\d|08\d{3}|42704|55000|55006|25P02|3B001)$/;

# One writer, a process of its own, until the time has come; its errors go to a file.
sub write_until
{
    my ($until, $isolation, $number) = @_;
    my $pid = fork;

    return $pid if $pid;
    srand($seed + 100 * $number + length $isolation);
    $ENV{PGAPPNAME} = 'storm';
    $ENV{PGOPTIONS} = "-c default_transaction_isolation=" . ($isolation =~ s/ /\\ /gr) . " -c statement_timeout=${patience}s";
    while (time() < $until)
    {
        my $statements = join '', map { $deeds[ rand @deeds ]->() . ";\n" } 1 .. 10;

        # psql leaves its pipe unread when there is no server, which must not end this process
        eval {
            local $SIG{PIPE} = 'IGNORE';
            IPC::Run::run([ $node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('postgres'), '-f', '-' ],
                '<', \$statements, '>', '/dev/null', '2>>', $PostgreSQL::Test::Utils::log_path . "/storm_$number.err");
        } or sleep(0.05);
    }
    # without the tests' own end
    require POSIX;
    POSIX::_exit(0);
}

# Wait for the writers, and not for ever; those that hang.
sub await_writers
{
    my @writers = @_;
    my $deadline = time() + 2 * $patience;

    while (@writers && time() < $deadline)
    {
        @writers = grep { waitpid($_, 1) == 0 } @writers;
        sleep(0.02);
    }
    kill 'KILL', @writers;
    return scalar @writers;
}

# The process of a writer that is at work, or undef; also when the server is not there.
sub any_backend
{
    my ($out) = ('');

    eval { $node->psql('postgres', "SELECT pid FROM pg_stat_activity WHERE application_name = 'storm' AND state = 'active' ORDER BY random() LIMIT 1", stdout => \$out) };
    return defined $out && $out =~ /^(\d+)$/ ? $1 : undef;
}

# Cancel a writer's statement, one that is at work just now; was there any?
my $canceller = CustsegTest::Session->new($node, 'postgres');

sub cancel_any
{
    return $canceller->query("SELECT pg_cancel_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'storm' AND state = 'active' ORDER BY random() LIMIT 1) a;") eq 't';
}

# Wait for the server that restarts.
sub await_server
{
    my $deadline = time() + $patience;
    local $SIG{PIPE} = 'IGNORE';

    until (eval { $node->poll_query_until('postgres', 'SELECT true') })
    {
        die 'the server did not come back' if time() > $deadline;
    }
}

sub none_wrong
{
    my ($name) = @_;

    is($node->safe_psql('postgres', 'SELECT what FROM wrong LIMIT 5'), '', $name);
}

my $sent = 0;
for my $isolation ('read committed', 'repeatable read', 'serializable')
{
    my $until = time() + $seconds;
    my @writers = map { write_until($until, $isolation, $_) } 1 .. $writers;
    my $cancelled = 0;

    while (time() < $until)
    {
        $cancelled++ if $cancelled < $cancels / 3 && cancel_any();
        sleep($seconds / $cancels * 2);
    }
    is(await_writers(@writers), 0, "$isolation: no writer hangs");
    none_wrong("$isolation: nothing is mixed, lost or half done");
    $sent += $cancelled;
}
note("$sent cancels");

# Cancels that are still to come, each of its own statement and at a moment of its own.
while ($sent < $cancels)
{
    my $until = time() + ($full ? 20 : 2);
    my @writers = map { write_until($until, 'read committed', 10 + $_) } 1 .. $writers;

    while (time() < $until && $sent < $cancels)
    {
        $sent++ if cancel_any();
        sleep(0.02);
    }
    is(await_writers(@writers), 0, 'no writer hangs when many are cancelled');
    none_wrong("nothing is wrong after $sent cancels");
}

$canceller->quit;
for my $i (1 .. $kills)
{
    my $until = time() + ($full ? 3 : 2);
    my @writers = map { write_until($until, 'read committed', 20 + $_) } 1 .. $writers;
    my $pid;

    sleep(0.2 + rand(1));
    $pid = any_backend() while !defined $pid && time() < $until;
    kill 'KILL', $pid if defined $pid;
    is(await_writers(@writers), 0, "kill $i: no writer hangs");
    await_server();
    none_wrong("kill $i: nothing is half done");
}

# What the writers were told.
my %errors;
for my $file (glob $PostgreSQL::Test::Utils::log_path . '/storm_*.err')
{
    open my $lines, '<', $file or die $!;
    while (my $line = <$lines>)
    {
        $errors{"$1 $2"}++ if $line =~ /ERROR:  (\w{5}): (.*)/;
    }
    close $lines;
}
note(join "\n", map { "$errors{$_} times $_" } sort { $errors{$b} <=> $errors{$a} } keys %errors);
is(join("\n", grep { $_ !~ /^(\w+)/ || $1 !~ $expected } sort keys %errors), '', 'nobody was told of an error that should not be');
is(join("\n", grep { /statement timeout/ } sort keys %errors), '', 'nothing took too long');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM run'), '>', $full ? 100 : 3, 'runs were counted');
note($node->safe_psql('postgres', "SELECT source || ': ' || count(*) || ' runs' FROM run GROUP BY source"));

$node->stop;
done_testing();
