# Sessions keep models compiled; what another session changes is seen at the next call, what is not
# committed is not seen, what is rolled back was never there.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('cache');
my $ours = CustsegTest::Session->new($node, 'postgres');
my $theirs = CustsegTest::Session->new($node, 'postgres');

# Two groups on a line, near 0 and near 100; of the second version's three, one is near 50.
$node->safe_psql('postgres', <<'END');
CREATE TABLE line AS SELECT i AS id, (i % 2) * 100 + (i / 2) % 5 * 0.5 AS x FROM generate_series(1, 101) i;
CREATE FUNCTION train(v int) RETURNS int LANGUAGE sql AS $$
    SELECT version FROM custseg.train('m', 'line', '{x}', k => v + 1, deploy => true)
$$;
CREATE FUNCTION placed(x float8) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN custseg.predict_name('m', jsonb_build_object('x', x));
END $$;
SELECT train(1);
INSERT INTO line SELECT 200 + i, 50 FROM generate_series(1, 10) i;
SELECT train(2);
SELECT custseg.deploy('m', 1);
CREATE TABLE many AS SELECT 50::float8 AS x FROM generate_series(1, 20000);
CREATE TABLE assigned (x float8, segment int);
CREATE TRIGGER assign BEFORE INSERT ON assigned FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('m', 'segment');
END

# Every way to use a model, with a customer at 50: the second version alone has a segment 3 there.
my %ways = (
    'plain call' => "SELECT (custseg.predict_detail('m', '{\"x\": 50}'::jsonb)).distance < 1e-6;",
    'prepared statement' => 'EXECUTE placed;',
    'function' => "SELECT placed_exactly();",
    'trigger' => 'INSERT INTO assigned VALUES (50) RETURNING segment = 3;',
    'parallel query' => "SELECT count(DISTINCT custseg.predict('m', t)) = 1 AND bool_and((custseg.predict_detail('m', t)).distance < 1e-6) FROM many t;",
    'compiled model' => "SELECT jsonb_array_length(custseg.scorer('m')::jsonb -> 'segments') = 3;");
for my $session ($ours, $theirs)
{
    $session->query("SET plan_cache_mode = force_generic_plan; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;"
          . 'SET min_parallel_table_scan_size = 0;'
          . "PREPARE placed AS SELECT (custseg.predict_detail('m', '{\"x\": 50}'::jsonb)).distance < 1e-6;");
}
$node->safe_psql('postgres', <<'END');
CREATE FUNCTION placed_exactly() RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    result bool;
BEGIN
    SELECT d.distance < 1e-6 INTO result FROM custseg.predict_detail('m', '{"x": 50}'::jsonb) d;
    RETURN result;
END $$;
END

# Which version a session scores with; the ways must agree.
sub version_of
{
    my ($session, $name) = @_;
    my %answers;

    for my $way (sort keys %ways)
    {
        my ($out, $err) = $session->query($ways{$way});

        push @{ $answers{ $err =~ /ERROR:  (\w+)/ ? $1 : $out } }, $way;
    }
    is(scalar keys %answers, 1, "$name: all ways agree") or note(explain(\%answers));
    return join ' ', map { { t => 'second', f => 'first' }->{$_} || $_ } sort keys %answers;
}

like($ours->query("EXPLAIN $ways{'parallel query'}"), qr/Workers Planned/, 'one way is a parallel query');

is(version_of($ours, 'at first'), 'first', 'the first version is deployed');
$theirs->query("SELECT custseg.deploy('m', 2);");
is(version_of($ours, 'deployed elsewhere'), 'second', 'a version that another session deploys is seen');
$theirs->query("SELECT custseg.rollback('m');");
is(version_of($ours, 'rolled back elsewhere'), 'first', 'so is its rollback');

# What is not committed is seen by its session alone, and by none when it is undone.
$theirs->query("BEGIN; SELECT custseg.deploy('m', 2);");
is(version_of($theirs, 'not committed, its session'), 'second', 'what is not committed is seen by its own session');
is(version_of($ours, 'not committed, another session'), 'first', 'and by no other');
$theirs->query('ROLLBACK;');
is(version_of($theirs, 'undone, its session'), 'first', 'what is undone is seen by none');
is(version_of($ours, 'undone, another session'), 'first', 'and never was');

$theirs->query("BEGIN; SAVEPOINT s; SELECT custseg.deploy('m', 2);");
is(version_of($theirs, 'after a savepoint'), 'second', 'deployed after a savepoint');
$theirs->query('ROLLBACK TO s;');
is(version_of($theirs, 'back to the savepoint'), 'first', 'undone with ROLLBACK TO');
$theirs->query("SELECT custseg.deploy('m', 2); COMMIT;");
is(version_of($ours, 'committed'), 'second', 'and seen by others with the commit');

# Names are part of a model.
$theirs->query("SELECT custseg.name_segment('m', custseg.predict('m', '{\"x\": 50}'::jsonb), 'middle');");
is($ours->query('SELECT placed(50);'), 'middle', 'a name that another session gives is seen');

# Retrained and deployed elsewhere; an open transaction sees it with its next statement.
$ours->query('BEGIN; SELECT placed(50);');
$theirs->query("DELETE FROM line WHERE x = 50; SELECT version FROM custseg.train('m', 'line', '{x}', k => 2, deploy => true);");
is(version_of($ours, 'retrained'), 'first', 'a new version is seen inside a transaction');
$ours->query('COMMIT;');

# Under REPEATABLE READ a call must at least not fail; a model is not older than the snapshot.
$ours->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;');
$theirs->query("SELECT custseg.deploy('m', 2);");
like($ours->query("SELECT custseg.predict('m', '{\"x\": 50}'::jsonb);"), qr/^\d+$/, 'repeatable read can score');
$ours->query('COMMIT;');
is(version_of($ours, 'after repeatable read'), 'second', 'and sees the new version afterwards');

# Dropped: every way ends in the same error.
$theirs->query("BEGIN; SELECT custseg.drop_model('m', whole => true, ignore_triggers => true);");
is(version_of($ours, 'drop not committed'), 'second', 'a drop that is not committed is not seen');
$theirs->query('COMMIT;');
is(version_of($ours, 'dropped'), '42704', 'a dropped model does not exist');
$theirs->query('SELECT train(1);');
is(version_of($ours, 'made anew'), 'first', 'one of the same name is used at once');

# Rights count at the next call, too.
$node->safe_psql('postgres', "CREATE ROLE clerk LOGIN; SELECT custseg.grant_model('m', 'clerk')");
my $clerk = CustsegTest::Session->new($node, 'postgres', user => 'clerk');
my $call = "SELECT custseg.predict('m', '{\"x\": 50}'::jsonb) IS NOT NULL;";
is($clerk->query($call), 't', 'a role with a grant may use a model');
$theirs->query("SELECT custseg.revoke_model('m', 'clerk');");
like(($clerk->query($call))[1], qr/ERROR:  42501/, 'and no longer once it is revoked');
$node->safe_psql('postgres', "CREATE ROLE clerks; SELECT custseg.grant_model('m', 'clerks'); GRANT clerks TO clerk");
is($clerk->query($call), 't', 'a member of a role with a grant may');
$node->safe_psql('postgres', 'REVOKE clerks FROM clerk');
like(($clerk->query($call))[1], qr/ERROR:  42501/, 'and no longer once it has left');
$clerk->quit;

# A cache too small for two models still serves both, and a scorer in use survives its eviction.
$ours->query("SET custseg.cache_size = '64kB';");
$theirs->query("SELECT custseg.train('n' || i, 'line', '{x}', k => 2) FROM generate_series(1, 3) i;");
is($ours->query("SELECT count(*) FROM line l, generate_series(1, 3) i WHERE custseg.predict('n' || i, l) = custseg.predict('n' || (1 + i % 3), l);"),
    $ours->query('SELECT 3 * count(*) FROM line;'), 'models that take turns in a small cache');

# The extension itself can go and come back under a session's feet.
$theirs->query('DROP TABLE assigned; DROP EXTENSION custseg; CREATE EXTENSION custseg;');
like(($ours->query($call))[1], qr/ERROR:  42704.*model "m" does not exist/, 'after DROP and CREATE EXTENSION no model is there');
$theirs->query("SELECT custseg.train('m', 'line', '{x}', k => 2);");
is($ours->query($call), 't', 'and a new one is used');

$_->quit for $ours, $theirs;
$node->stop;
done_testing();
