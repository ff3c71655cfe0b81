# What the TAP tests share: a server with the extension, sessions that run side by side, and a few
# functions inside the server.

package CustsegTest;

use strict;
use warnings FATAL => 'all';

use Exporter 'import';
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_node add_extension customers train fingerprint psql_error shared_segments
  shared_segment_count soon has_xgboost why_not_limited call_limited mapped);

# What the tests of pg_regress share.
my $setup = dirname(__FILE__) . '/../setup.sql';

# A running server with the extension in database postgres, and functions for tests in schema test.
sub start_node
{
    my ($name, $conf, %init) = @_;
    my $node = PostgreSQL::Test::Cluster->new($name);

    $node->init(%init);
    $node->append_conf('postgresql.conf', <<"END");
autovacuum = off
log_min_messages = debug1
max_worker_processes = 16
max_parallel_workers = 16
custseg.processors = 16
END
    $node->append_conf('postgresql.conf', $conf) if defined $conf;
    $node->start;
    add_extension($node, 'postgres');
    return $node;
}

# The extension and the functions that tests use, in a database.
sub add_extension
{
    my ($node, $database) = @_;

    $node->safe_psql($database, <<"END" . <<'END');
CREATE EXTENSION custseg;
CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO public;
SET search_path = test;
\\i $setup
RESET search_path;
END
-- numbers that look random and are always the same: 0 <= u < 1
CREATE FUNCTION test.u(i bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashint8extended(i, salt) & 9007199254740991) / 9007199254740992.0::float8
$$;

-- wait until a training is in a phase; its process
CREATE FUNCTION test.await_phase(m text, wanted text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    deadline timestamptz := clock_timestamp() + interval '60 s';
    found int;
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT p.pid INTO found FROM custseg.progress() p WHERE p.model = m AND p.phase = wanted;
        IF found IS NOT NULL THEN
            RETURN found;
        END IF;
        IF clock_timestamp() > deadline THEN
            RAISE 'model % never came to phase %', m, wanted;
        END IF;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;

-- wait until a session's statement has ended; milliseconds
CREATE FUNCTION test.await_idle(session int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := clock_timestamp();
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = session AND state = 'active') THEN
            RETURN extract(epoch FROM clock_timestamp() - start) * 1000;
        END IF;
        IF clock_timestamp() > start + interval '60 s' THEN
            RAISE 'session % does not end its statement', session;
        END IF;
        PERFORM pg_sleep(0.001);
    END LOOP;
END $$;
END
}

# A table of customers in four loose groups: id, recency, frequency, monetary, channel (text),
# member (bool), a few values missing.
sub customers
{
    my ($node, $database, $table, $rows) = @_;

    $node->safe_psql($database, <<"END");
CREATE TABLE $table AS
SELECT
    i::int AS id,
    CASE WHEN i % 97 <> 0 THEN (i % 4) * 40 + 30 * test.u(i, 1) END AS recency,
    ((i / 2) % 2) * 8 + 6 * test.u(i, 2) AS frequency,
    exp(3 + (i % 4) * 0.7 + test.u(i, 3)) AS monetary,
    CASE WHEN i % 89 <> 0 THEN (ARRAY['web', 'shop', 'phone'])[1 + (i % 4 + (5 * test.u(i, 4))::int) % 3] END AS channel,
    test.u(i, 5) < 0.3 + 0.1 * (i % 4) AS member
FROM generate_series(1, $rows) i;
ALTER TABLE $table ADD PRIMARY KEY (id);
ANALYZE $table;
END
}

# Train by arguments as SQL text, such as "'m', 'c', k => 3"; psql's standard error.
sub train
{
    my ($node, $database, $arguments, $before) = @_;
    my ($out, $err);

    $before = '' unless defined $before;
    $node->psql($database, "$before; SELECT version FROM custseg.train($arguments)",
        stdout => \$out, stderr => \$err, on_error_die => 1);
    return $err;
}

sub fingerprint
{
    my ($node, $model, $version) = @_;

    $version = 1 unless defined $version;
    return $node->safe_psql('postgres', "SELECT test.fingerprint('$model', $version)");
}

# What a statement says on standard error, with SQLSTATE.
sub psql_error
{
    my ($node, $database, $sql) = @_;
    my ($out, $err) = ('', '');

    $node->psql($database, $sql, stdout => \$out, stderr => \$err,
        extra_params => [ '-v', 'VERBOSITY=verbose' ]);
    return $err;
}

# Files of dynamic shared memory of a server with dynamic_shared_memory_type = mmap.  Where memory for the zeros to fill
# it with cannot be had, PostgreSQL leaves an empty file behind, which holds nothing.
sub shared_segments
{
    my ($node) = @_;

    return sort map { s{.*/}{}r } grep { -s } glob($node->data_dir . '/pg_dynshmem/*');
}

# Is XGBoost's library there?
sub has_xgboost
{
    my ($node) = @_;
    my $error = psql_error($node, 'postgres', "BEGIN; SELECT custseg.train_value('probe', 'SELECT i AS x, i % 2 AS y FROM generate_series(1, 50) i', 'y', '{x}', 'xgboost', options => '{\"rounds\": 1}'); ROLLBACK");

    return $error !~ /ERROR:  58P01/;
}

# Milliseconds within which a cancel acts; what is sanitized is slow in all that it does.
sub soon
{
    return $ENV{ASAN_OPTIONS} ? 20000 : 1000;
}

sub shared_segment_count
{
    my @segments = shared_segments(@_);

    return scalar @segments;
}

# Why a session's memory cannot be limited here, if so.
sub why_not_limited
{
    return 'needs prlimit' unless eval { IPC::Run::run([ 'prlimit', '--version' ], '>', '/dev/null') };
    return 'AddressSanitizer takes addresses without end' if $ENV{ASAN_OPTIONS};
    return undef;
}

# Limit a resource of a process, in kB, and lift it again.
sub limit
{
    my ($pid, $resource, $size) = @_;

    system('prlimit', '--pid', $pid, "--$resource=" . ($size eq 'unlimited' ? $size : $size * 1024) . ':') == 0
      or die "prlimit failed";
}

# What a process has mapped, in kB.
sub mapped
{
    my ($pid) = @_;

    open(my $status, '<', "/proc/$pid/status") or die "no process $pid";
    my ($size) = map { /^VmSize:\s+(\d+) kB/ } <$status>;
    return $size;
}

# Call a function, with one worker unless it is "alone", in a new session of which a resource is limited
# to so many kB more than base($pid); what came of it: "workers", "serial", an error's SQLSTATE.
sub call_limited
{
    my ($node, $call, $resource, $more, $base, $alone) = @_;
    my $session = CustsegTest::Session->new($node, 'postgres');
    my $query = "BEGIN; SELECT count(*) FROM custseg.$call; ROLLBACK;";
    my $name = "$call, $resource $more kB";
    my ($out, $err, $result);

    # the libraries are loaded
    $session->query("SET max_parallel_maintenance_workers = 0; $query SET max_parallel_maintenance_workers = 1;");
    limit($session->pid, $resource, $base->($session->pid) + $more);
    local $PostgreSQL::Test::Utils::timeout_default = 300;
    $session->send("SET statement_timeout = '240s'; SET client_min_messages = debug1; $query");
    ($out, $err) = eval { $session->wait };
    if (!defined $out)
    {
        fail("$name: hangs");
        $node->stop('immediate');
        done_testing();
        exit 1;
    }
    limit($session->pid, $resource, 'unlimited');
    $result = $err =~ /ERROR:  (\w{5})/ ? $1 : $err =~ /NOTICE:  00000: the work goes on in one process/ ? 'serial' : 'workers';
    ok($result =~ /^[0-9A-Z]{5}$/ ? $result =~ /^53/ : $out eq '1', "$name: a result, or an error that tells of memory ($result)");

    ($out, $err) = $session->query($query);
    is($out, '1', "$name: the session goes on");
    like($err, qr/using 1 parallel workers/, "$name: with workers") unless $alone;
    $session->quit;
    return $result;
}

# A session of its own, whose statements can be sent without waiting for their end.
package CustsegTest::Session;

sub new
{
    my ($class, $node, $database, %parameters) = @_;
    my $self = bless { in => '', out => '', err => '', sent => 0 }, $class;
    my $connection = $node->connstr($database);

    $connection .= " user=$parameters{user}" if $parameters{user};
    $self->{timer} = IPC::Run::timer($PostgreSQL::Test::Utils::timeout_default);
    $self->{psql} = IPC::Run::start(
        [ $node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=verbose',
            '-d', $connection, '-f', '-' ],
        '<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $self->{timer});
    $self->{pid} = $self->query('SELECT pg_backend_pid();');
    return $self;
}

# Send statements, each ended by its semicolon.
sub send
{
    my ($self, $sql) = @_;

    $self->{sent}++;
    $self->{in} .= "$sql\n\\echo end $self->{sent}\n\\warn end $self->{sent}\n";
    $self->{timer}->start($PostgreSQL::Test::Utils::timeout_default);
    $self->{psql}->pump_nb;
}

# Wait for what was sent; its standard output and, in list context, its standard error.
sub wait
{
    my ($self) = @_;
    my $end = qr/^end $self->{sent}\n/m;
    my @result;

    until ($self->{out} =~ $end && $self->{err} =~ $end)
    {
        die "psql has not answered: $self->{out}$self->{err}" if $self->{timer}->is_expired;
        $self->{psql}->pump;
    }
    @result = map { s/^end \d+\n//mgr =~ s/\n\z//r } ($self->{out}, $self->{err});
    $self->{out} = $self->{err} = '';
    return wantarray ? @result : $result[0];
}

sub query
{
    my ($self, $sql) = @_;

    $self->send($sql);
    return $self->wait;
}

# Its process in the server.
sub pid { return $_[0]->{pid}; }

sub quit
{
    my ($self) = @_;

    $self->{in} .= "\\q\n";
    $self->{psql}->finish;
}

1;
