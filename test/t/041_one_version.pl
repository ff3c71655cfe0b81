# A statement scores with one version, the one that was deployed when it began, whatever it calls and
# locks while another session deploys, renames, retrains or drops; rights are those of the moment.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('one_version');
my $ours = CustsegTest::Session->new($node, 'postgres');
my $gate = CustsegTest::Session->new($node, 'postgres');

# Version 1 calls everybody upper 1 or lower 1, version 2 upper 11 or lower 11; of a half of the rows
# they think differently.
$node->safe_psql('postgres', <<'END');
CREATE TABLE w (id int PRIMARY KEY, x float8, other float8, seg int, seg2 int);
INSERT INTO w SELECT i, i % 4, i % 3, NULL, NULL FROM generate_series(1, 5000) i;
CREATE TABLE opened (i int);
CREATE FUNCTION segments(column_name text, low int) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'segments', jsonb_build_array(
            jsonb_build_object('name', 'upper ' || low, 'when', jsonb_build_object(column_name, jsonb_build_object('from', CASE low WHEN 1 THEN 0.5 ELSE 2.5 END))),
            jsonb_build_object('name', 'lower ' || low)),
        'else', 'lower ' || low)
$$;
CREATE FUNCTION version(column_name text, low int) RETURNS int LANGUAGE sql AS $$
    SELECT version FROM custseg.train('m', 'w', ARRAY[column_name], algorithm => 'rules', id => 'id', options => segments(column_name, low))
$$;
SELECT version('x', 1), version('x', 11);
CREATE FUNCTION reset() RETURNS void LANGUAGE sql AS $$
    UPDATE w SET seg = NULL, seg2 = NULL;
    SELECT custseg.deploy('m', 1)
$$;

-- at row 2,500 a statement waits, and reads a table that it has not locked yet, as any trigger can
CREATE FUNCTION held(i int) RETURNS bool LANGUAGE plpgsql PARALLEL RESTRICTED AS $$
BEGIN
    IF i = 2500 THEN
        PERFORM pg_advisory_xact_lock_shared(1);
        PERFORM count(*) FROM opened;
        PERFORM custseg.predict_name('m', '{"x": 1, "other": 1}'::jsonb);
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION placed(w) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN custseg.predict_name('m', $1);
END $$;
CREATE TABLE copy (LIKE w);
CREATE TRIGGER assign BEFORE INSERT ON copy FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment('m', 'seg');
END

# A statement is held at row 2,500 while "what" is done to the model, and then goes on; what it says.
sub held_while
{
    my ($statement, $what, $before) = @_;
    my @answer;

    # ALTER sends news, which come when the table is read
    $node->safe_psql('postgres', 'SELECT reset(); TRUNCATE copy; ALTER TABLE opened ADD c int; ALTER TABLE opened DROP c');
    $ours->query($before) if defined $before;
    $gate->query('SELECT pg_advisory_lock(1);');
    $ours->send($statement);
    $node->poll_query_until('postgres', 'SELECT wait_event = \'advisory\' FROM pg_stat_activity WHERE pid = ' . $ours->pid) or die 'never held';
    $node->safe_psql('postgres', $what);
    $gate->query('SELECT pg_advisory_unlock(1);');
    @answer = $ours->wait;
    $ours->query('COMMIT;') if defined $before;
    return wantarray ? @answer : $answer[0];
}

my $deploy = "SELECT custseg.deploy('m', 2)";
my $of_names = "SELECT string_agg(DISTINCT split_part(custseg.predict_name('m', w), ' ', 2), ',') FROM w WHERE held(id);";

is(held_while($of_names, $deploy), '1', 'SELECT: one version');
is($ours->query($of_names =~ s/ WHERE held\(id\)//r), '11', 'and the next statement has the new one');

held_while("UPDATE w SET seg = custseg.predict('m', w) WHERE held(id);", $deploy);
is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE seg = custseg.predict('m', w, 1)) FROM w"), '5000', 'UPDATE: every row has what the first version says');

# Calls that the statement makes first after the deployment: of the same model, by another way.
held_while("UPDATE w SET seg = custseg.predict('m', w), seg2 = CASE WHEN id > 3000 THEN custseg.predict('m', to_jsonb(w)) ELSE custseg.predict('m', w) END WHERE held(id);", $deploy);
is($node->safe_psql('postgres', 'SELECT count(*) FROM w WHERE seg = seg2'), '5000', 'a call that is first made after the deployment has the same version');
is(held_while("SELECT string_agg(DISTINCT split_part(CASE WHEN id <= 2500 THEN custseg.predict_name('m', w) ELSE placed(w) END, ' ', 2), ',') FROM w WHERE held(id);", $deploy),
    '1', 'so has a call in a stable function');
is(held_while("SELECT string_agg(DISTINCT split_part(name, ' ', 2), ',') FROM (SELECT (custseg.predict_detail('m', w)).name FROM w WHERE held(id) UNION ALL SELECT name FROM custseg.score('m', 'w')) s;", $deploy),
    '1', 'so has score');

# A trigger that reads the rows of a statement.
held_while('INSERT INTO copy SELECT w.* FROM w WHERE held(id);', $deploy);
is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE seg = custseg.predict('m', c, 1)) FROM copy c"), '5000', 'assign_segment: a statement has one version');

# Workers that begin after the deployment see what their leader saw.
$ours->query('SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;');
my $late = "SELECT held(2500), (SELECT string_agg(DISTINCT split_part(custseg.predict_name('m', w), ' ', 2), ',') FROM w), custseg.predict_name('m', '{\"x\": 1}'::jsonb);";
like($ours->query("EXPLAIN $late"), qr/Workers Planned/, 'a statement with workers');
is(held_while($late, $deploy), 't|1|upper 1', 'workers that begin after a deployment have the version of their leader');

# Names, a version that is dropped, a model that is trained anew under its name.
is(held_while($of_names, "$deploy; SELECT custseg.drop_model('m', 1)"), '1', 'a version that is dropped meanwhile goes on');
$node->safe_psql('postgres', "SELECT custseg.drop_model('m', whole => true, ignore_triggers => true); SELECT version('x', 1), version('x', 11)");
is(held_while("SELECT string_agg(DISTINCT CASE WHEN id < 3000 THEN custseg.predict_name('m', w) ELSE (custseg.predict_detail('m', w)).name END, ',') FROM w WHERE x = 1 AND held(id - 1);",
    "SELECT custseg.name_segment('m', s.segment, 'renamed') FROM custseg.segment s WHERE model = 'm' AND version = 1 AND name = 'upper 1'"),
    'upper 1', 'names are those of the beginning');
is($node->safe_psql('postgres', "SELECT custseg.predict_name('m', '{\"x\": 1}'::jsonb)"), 'renamed', 'and the next statement has the new ones');
$node->safe_psql('postgres', "SELECT custseg.drop_model('m', whole => true, ignore_triggers => true); SELECT version('x', 1), version('x', 11)");
is(held_while($of_names, "SELECT custseg.drop_model('m', whole => true, ignore_triggers => true); SELECT version('other', 21)"), '1', 'a model that is trained anew under the name');
is($ours->query($of_names =~ s/ WHERE held\(id\)//r), '21', 'is used by the next statement');
$node->safe_psql('postgres', "SELECT custseg.drop_model('m', whole => true, ignore_triggers => true); SELECT version('x', 1), version('other', 11)");

# REPEATABLE READ: all of the transaction is at one version, also where another has other columns.
my $plain = $of_names =~ s/ WHERE held\(id\)//r;
$ours->query("PREPARE plain AS $plain EXECUTE plain;");
is(held_while($of_names, $deploy, 'BEGIN ISOLATION LEVEL REPEATABLE READ;'), '1', 'repeatable read: one version');
$node->safe_psql('postgres', 'SELECT reset()');
$ours->query('BEGIN ISOLATION LEVEL REPEATABLE READ; EXECUTE plain;');
$node->safe_psql('postgres', $deploy);
is($ours->query($plain), '1', 'and stays at it');
is($ours->query('EXECUTE plain;'), '1', 'with a plan that is kept, too');
$ours->query('COMMIT;');
is($ours->query('EXECUTE plain;'), '11', 'which is right for the next transaction');

# In plpgsql each statement is one of its own: the second sees what was deployed meanwhile.
is(held_while("DO \$\$ DECLARE r w; names text[]; BEGIN FOR r IN SELECT * FROM w ORDER BY id LIMIT 2600 LOOP PERFORM held(r.id); names := names || custseg.predict_name('m', r); END LOOP; INSERT INTO opened SELECT count(DISTINCT split_part(n, ' ', 2)) FROM unnest(names) n; END \$\$; SELECT i FROM opened;", $deploy),
    '2', 'statements of a function are statements of their own');

# Rights may go while a statement lasts.
$node->safe_psql('postgres', "CREATE ROLE clerk LOGIN; SELECT reset(); SELECT custseg.grant_model('m', 'clerk'); GRANT ALL ON w, opened TO clerk");
$ours->query('SET ROLE clerk;');
like((held_while($of_names, "SELECT custseg.revoke_model('m', 'clerk')"))[1], qr/ERROR:  42501/, 'a revoked right ends a statement');
$ours->query('RESET ROLE;');

# What a transaction has not committed is for its own statements.
$ours->query("BEGIN; SELECT custseg.deploy('m', 2);");
is($ours->query($plain), '11', 'what is not committed is seen by the next statement of its session');
$ours->query('SAVEPOINT s; SELECT custseg.deploy(\'m\', 1);');
is($ours->query($plain), '1', 'after a savepoint, too');
$ours->query('ROLLBACK TO s;');
is($ours->query($plain), '11', 'and not when that is undone');
$ours->query('ROLLBACK;');
is($ours->query($plain), '1', 'nor after ROLLBACK');

$_->quit for $ours, $gate;
$node->stop;
done_testing();
