# Rights across sessions, logins and databases: what a single session cannot show.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('privileges');

# The owner of a database, no superuser, installs the extension, for it is trusted; the tables are
# not the owner's to write.
$node->safe_psql('postgres', 'CREATE ROLE landlord LOGIN; CREATE ROLE tenant LOGIN; CREATE DATABASE house OWNER landlord');
my $landlord = CustsegTest::Session->new($node, 'house', user => 'landlord');
my $tenant = CustsegTest::Session->new($node, 'house', user => 'tenant');
is($landlord->query('CREATE EXTENSION custseg; CREATE TABLE customers AS SELECT i AS id, i % 7 AS x, i % 2 AS y FROM generate_series(1, 700) i;'
        . "SELECT version FROM custseg.train('m', 'customers', '{x,y}', k => 2);"), '1', 'the owner of a database installs and trains');
for my $statement ("DELETE FROM custseg.model", "UPDATE custseg.segment SET n = 0", "INSERT INTO custseg.model_grant VALUES ('m', 'tenant', 'x')",
    'TRUNCATE custseg.migration', 'ALTER TABLE custseg.model DISABLE ROW LEVEL SECURITY', 'DROP POLICY may_use ON custseg.model')
{
    like(($landlord->query("$statement;"))[1], qr/ERROR:  42501/, "refused: $statement");
}

# A plan that one role made gives another its own answer.
my $call = "SELECT custseg.predict('m', '{\"x\": 1, \"y\": 1}'::jsonb) IS NOT NULL;";
$landlord->query('GRANT USAGE ON SCHEMA public TO tenant; CREATE FUNCTION call() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN custseg.predict(\'m\', \'{"x": 1, "y": 1}\'::jsonb) > 0; END $$;');
my $super = CustsegTest::Session->new($node, 'house');
$super->query("SET plan_cache_mode = force_generic_plan; PREPARE names AS SELECT count(*) FROM custseg.models; PREPARE call AS $call");
is($super->query('SET ROLE landlord; EXECUTE names; EXECUTE call; SELECT call();'), "1\nt\nt", 'the owner sees and uses the model');
is(join(' ', map { (($super->query($_))[1] =~ /ERROR:  (\w+)/)[0] } 'SET ROLE tenant; EXECUTE call;', 'SELECT call();'), '42501 42501',
    'another role does not use it by the same plans');
is($super->query('EXECUTE names;'), '0', 'nor see it');
is($super->query('RESET ROLE; SET ROLE landlord; EXECUTE names; EXECUTE call; SELECT call();'), "1\nt\nt", 'and the owner still does');

# Data are read with the caller's rights, policies of the table included.
$landlord->query("SELECT custseg.grant_model('m', 'tenant');");
like(($tenant->query("SELECT count(*) FROM custseg.score('m', 'customers');"))[1], qr/ERROR:  42501: permission denied for table customers/,
    'a model that may be used does not open its source');
$landlord->query('GRANT SELECT ON customers TO tenant; ALTER TABLE customers ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON customers TO tenant USING (id <= 10);');
is($tenant->query("SELECT count(*) FROM custseg.score('m', 'customers'); SELECT n_rows FROM custseg.train('mine', 'customers', '{x,y}', k => 2);"), "10\n10",
    'row-level security holds for score and train');
like(($landlord->query("SELECT custseg.deploy('mine', 1);"))[1], qr/ERROR:  42501: must be owner of model "mine"/, 'the owner of the database does not own others\' models');

# Functions of the caller's search_path are not called, by whoever.
is(($landlord->query(<<'END'))[1], '', 'traps are set');
CREATE SCHEMA traps;
GRANT USAGE ON SCHEMA traps TO public;
CREATE FUNCTION traps.trap(anyelement, anyelement) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE OPERATOR traps.= (LEFTARG = anyelement, RIGHTARG = anyelement, FUNCTION = traps.trap);
CREATE FUNCTION traps.trap(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE OPERATOR traps.= (LEFTARG = text, RIGHTARG = text, FUNCTION = traps.trap);
CREATE FUNCTION traps.trap(int, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE OPERATOR traps.= (LEFTARG = int, RIGHTARG = int, FUNCTION = traps.trap);
CREATE FUNCTION traps.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE FUNCTION traps.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE FUNCTION traps.unnest(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE TABLE traps.model AS SELECT 'm'::text AS name;
END
$super->query("RESET ROLE; ALTER TABLE customers ADD segment int; SET search_path = traps, pg_catalog, public;");
is($super->query("SELECT version FROM custseg.train('m', 'customers', '{x,y}', k => 2); SELECT custseg.deploy('m', 2); SELECT custseg.rollback('m');"
        . "SELECT custseg.name_segment('m', 1, 'one') IS NOT NULL; CALL custseg.resegment('m', 'public.customers');"
        . "SELECT custseg.predict_name('m', '{\"x\": 1, \"y\": 1}'::jsonb) IS NOT NULL; SELECT custseg.drop_model('m', 2);"),
    "2\n2\n1\nt\n700|700\nt\n1", 'a search_path full of traps changes nothing');

# Whoever is gone owns nothing; who comes later by another name neither.
$tenant->quit;
$super->query('RESET search_path; DROP OWNED BY tenant; DROP ROLE tenant;');
is($super->query("SELECT owner, custseg.predict('mine', '{\"x\": 1, \"y\": 1}'::jsonb) IS NOT NULL FROM custseg.models WHERE name = 'mine';"), 'tenant|t',
    'the model of a role that is gone is there, for superusers');
like(($landlord->query("SELECT custseg.predict('mine', '{\"x\": 1, \"y\": 1}'::jsonb);"))[1], qr/ERROR:  42501/, 'and for nobody else');

$_->quit for $landlord, $super;
$node->stop;
done_testing();
