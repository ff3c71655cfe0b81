# Changes of a model under REPEATABLE READ and SERIALIZABLE: who comes too late gets a serialization
# failure, and nothing of a model outlives it.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('isolation');

$node->safe_psql('postgres', <<'END');
CREATE ROLE ann LOGIN;
CREATE ROLE mallory LOGIN;
CREATE TABLE customers AS SELECT i AS id, i % 7 + test.u(i, 1) AS x, 9 * (i % 2) + test.u(i, 2) AS y, NULL::int AS segment FROM generate_series(1, 300) i;
ALTER TABLE customers ADD PRIMARY KEY (id);
GRANT SELECT, UPDATE, TRIGGER ON customers TO public;
END
my $a = CustsegTest::Session->new($node, 'postgres', user => 'ann');
my $b = CustsegTest::Session->new($node, 'postgres', user => 'ann');
my $mallory = CustsegTest::Session->new($node, 'postgres', user => 'mallory');
my $train = "custseg.train('%s', 'customers', '{x,y}', k => %d, id => 'id')";

sub trained { return "SELECT version FROM " . sprintf($train, @_) . ';'; }

# Every function by which an owner changes a model, found by what it calls: a call of each.
my %change = (
    train => trained('m', 2) =~ s/;$//r, retrain => "SELECT version FROM custseg.retrain('m')", deploy => "SELECT custseg.deploy('m', 2)", rollback => "SELECT custseg.rollback('m')",
    adopt_source => "SELECT custseg.adopt_source('m', 2) <> ''", drop_model => "SELECT custseg.drop_model('m', 3)", import_model => "SELECT version FROM custseg.import_model((SELECT m FROM exported), 'm', add_version => true)", name_segment => "SELECT custseg.name_segment('m', 1, 'one')", set_action => "SELECT custseg.set_action('m', 1, '{\"channel\": \"mail\"}')", set_presentation => "SELECT custseg.set_presentation('m', '{\"title\": \"M\"}')",
    grant_model => "SELECT custseg.grant_model('m', 'mallory')", revoke_model => "SELECT custseg.revoke_model('m', 'mallory')",
    override_segment => "SELECT custseg.override_segment('m', 7, 2, 'asked for')", exclude => "SELECT custseg.exclude('m', 8, 'objected')",
    end_override => "SELECT custseg.end_override('m', 7)", monitor => "SELECT status FROM custseg.monitor('m')", publish => "SELECT count(*) FROM custseg.publish('m')", resegment => "CALL custseg.resegment('m', 'customers')",
    track_changes => "SELECT custseg.track_changes('m', 'customers')", create_consumer => "SELECT custseg.create_consumer('mail', 'm')", forget_changes => "SELECT custseg.forget_changes('m', 1)", set_column_note => "SELECT custseg.set_column_note('m', NULL, 'x', '{\"unit\": \"x\"}')");

# A model by value, with a decision.
$a->query(trained('other', 2) . "SELECT custseg.exclude('other', 8, 'objected'); CREATE TEMP TABLE exported AS SELECT custseg.export_model('other', decisions => true) AS m;"
        . "SELECT custseg.drop_model('other', whole => true, forget_exclusions => true);");

# Three versions, the second of which is deployed.
my $model = trained('m', 2) . trained('m', 3) . trained('m', 4) . "SELECT custseg.deploy('m', 2);";

for my $level ('REPEATABLE READ', 'SERIALIZABLE')
{
    for my $name (sort keys %change)
    {
        # The model goes, and another role takes its name.  A run of monitor() has then nothing to
        # write to, which is no error.
        my $failure = $name eq 'monitor' ? qr/^$|ERROR:  40001/ : qr/ERROR:  40001/;

        $a->query($model);
        $a->query("BEGIN ISOLATION LEVEL $level; SELECT name FROM custseg.model;");
        $b->query("SELECT custseg.drop_model('m', whole => true);");
        my @gone = $a->query("$change{$name};");
        like($gone[1], $failure, "$level: $name after the model was dropped is a serialization failure");
        $a->query('ROLLBACK;');

        $a->query($model);
        $a->query("BEGIN ISOLATION LEVEL $level; SELECT name FROM custseg.model;");
        $b->query("SELECT custseg.drop_model('m', whole => true);");
        $mallory->query(trained('m', 2));
        my @late = $a->query("$change{$name};");
        like($late[1], $failure, "$level: $name after another role took the name, too");
        $a->query('COMMIT;');
        is($mallory->query("SELECT owner, last_version, (SELECT count(*) FROM custseg.model_grant) + (SELECT count(*) FROM custseg.segment_override) + (SELECT count(*) FROM custseg.segment_action)"
                . " + (SELECT count(*) FROM custseg.migration) + (SELECT count(*) FROM custseg.monitor_run) + (SELECT count(*) FROM custseg.report) FROM custseg.model WHERE name = 'm';"), 'mallory|1|0', "$level: nothing of it is in the new model");
        $mallory->query("SELECT custseg.drop_model('m', whole => true);");

        # What another change has written since is not written over.
        next if $name =~ /^(monitor|publish|resegment)$/;
        for my $first ("SELECT custseg.drop_model('m', 1)", "SELECT custseg.set_action('m', 2, '{}')")
        {
            $a->query($model);
            $a->query("BEGIN ISOLATION LEVEL $level; SELECT name FROM custseg.model;");
            $b->query("$first;");
            like(($a->query("$change{$name};"))[1], qr/ERROR:  40001/, "$level: $name after $first");
            $a->query('ROLLBACK;');
            $b->query("SELECT custseg.drop_model('m', whole => true);");
        }
    }

    # A version that has gone is not deployed.
    for my $call ("SELECT custseg.deploy('m', 3)", "SELECT custseg.rollback('m')")
    {
        $a->query($model);
        $a->query("BEGIN ISOLATION LEVEL $level; SELECT name FROM custseg.model;");
        $b->query("SELECT custseg.drop_model('m', 3), custseg.drop_model('m', 1);");
        like(($a->query("$call;"))[1], qr/ERROR:  40001/, "$level: $call");
        $a->query('COMMIT;');
        is($b->query("SELECT deployed_version, custseg.predict('m', c) IS NOT NULL FROM custseg.models, customers c WHERE c.id = 1;"), '2|t', "$level: the deployed version is there");
        $b->query("SELECT custseg.drop_model('m', whole => true);");
    }

    # History that is written since the snapshot is not left behind by a drop.
    for my $call ("SELECT status FROM custseg.monitor('m')", "SELECT count(*) FROM custseg.publish('m')", "CALL custseg.resegment('m', 'customers')")
    {
        $a->query($model);
        $a->query("BEGIN ISOLATION LEVEL $level; SELECT name FROM custseg.model;");
        $b->query("$call;");
        like(($a->query("SELECT custseg.drop_model('m', whole => true);"))[1], qr/ERROR:  40001/, "$level: a drop after $call");
        $a->query('ROLLBACK;');
        $b->query("SELECT custseg.drop_model('m', whole => true);");
        is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM custseg.monitor_run) + (SELECT count(*) FROM custseg.migration) + (SELECT count(*) FROM custseg.report)"), '0', "$level: which leaves nothing when it comes again");
    }

    # What has gone since the snapshot cannot be imported anew beside itself.
    my $import = "SELECT model FROM custseg.import_model((SELECT m FROM exported), 'm', deploy => false);";
    $a->query($model);
    $a->query("BEGIN ISOLATION LEVEL $level; SELECT name FROM custseg.model;");
    $b->query("SELECT custseg.drop_model('m', whole => true);");
    like(($a->query($import))[1], qr/ERROR:  40001/, "$level: an import after the model of that name was dropped");
    $a->query('ROLLBACK;');
    is($a->query($import), 'm', "$level: which works when it comes again");
    $a->query("SELECT custseg.drop_model('m', whole => true, forget_exclusions => true);");

    # In one transaction an owner changes what he likes.
    $a->query($model);
    is(($a->query("BEGIN ISOLATION LEVEL $level; SELECT custseg.set_action('m', 1, '{}'), custseg.grant_model('m', 'mallory'), custseg.override_segment('m', 7, 2, 'asked for'); SELECT custseg.rollback('m');"
                . "SAVEPOINT s; SELECT custseg.name_segment('m', 1, 'one'); ROLLBACK TO s; SELECT custseg.name_segment('m', 1, 'uno'); SELECT custseg.drop_model('m', 3); COMMIT;"))[1], '', "$level: several changes in one transaction");
    $a->query("SELECT custseg.drop_model('m', whole => true);");
}

# A resegment that has counted keeps the model until it commits.
$a->query($model);
$b->query('BEGIN; CALL custseg.resegment(\'m\', \'customers\');');
$a->send("SELECT custseg.drop_model('m', whole => true);");
ok($node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $a->pid), 'a drop waits for who writes the history of the model');
$b->query('COMMIT;');
is($a->wait, '', 'and goes on');
is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.migration'), '0', 'with what was written');

# One list says what belongs to a model: every table of the extension with a column "model" is cleared.
$a->query($model);
is($node->safe_psql('postgres', <<'END'), '', 'no table keeps rows of a model that was dropped');
BEGIN;
CREATE TEMP TABLE of_models AS
SELECT c.oid::regclass AS t FROM pg_depend d JOIN pg_class c ON c.oid = d.objid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'model' AND NOT a.attisdropped
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'custseg') AND c.relkind = 'r';
DO $$
DECLARE
    r record;
    n bigint;
BEGIN
    IF (SELECT count(*) FROM of_models) < 12 THEN RAISE 'there are fewer tables of models than there were'; END IF;
    FOR r IN SELECT m.t, c.conname FROM of_models m JOIN pg_constraint c ON c.conrelid = m.t WHERE c.contype IN ('p', 'u', 'c') LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.t, r.conname);
    END LOOP;
    FOR r IN SELECT m.t, a.attname FROM of_models m JOIN pg_attribute a ON a.attrelid = m.t AND a.attnotnull AND a.attnum > 0 AND a.attidentity = '' LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', r.t, r.attname);
    END LOOP;
    FOR r IN SELECT t FROM of_models LOOP
        EXECUTE format('INSERT INTO %s (model) VALUES (''m'')', r.t);
    END LOOP;
    PERFORM custseg.drop_model('m', whole => true);
    FOR r IN SELECT t FROM of_models LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE model = ''m''', r.t) INTO n;
        IF n > 0 THEN RAISE '% keeps % rows', r.t, n; END IF;
    END LOOP;
END $$;
ROLLBACK;
END

$_->quit for $a, $b, $mallory;
$node->stop;
done_testing();
