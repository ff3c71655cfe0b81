# Roles that are renamed, dropped and created anew: who owns a model and who may use it, in the
# cluster where that happened and where a dump is restored.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('roles');
my $there = start_node('elsewhere');

$node->safe_psql('postgres', <<'END');
CREATE ROLE landlord LOGIN; CREATE DATABASE house OWNER landlord;
END
add_extension($node, 'house');
$node->safe_psql('house', <<'END');
CREATE ROLE carl LOGIN; CREATE ROLE anna LOGIN; CREATE ROLE bert LOGIN;
CREATE TABLE customers AS SELECT i AS id, i % 7 AS x, i % 2 AS y FROM generate_series(1, 700) i;
GRANT SELECT ON customers TO public;
SET ROLE carl;
SELECT custseg.train('loy', 'customers', '{x,y}', k => 2), custseg.grant_model('loy', 'anna'), custseg.grant_model('loy', 'bert');
SELECT custseg.train('old', 'customers', '{x,y}', k => 2);
END

# What a role may do with a model: nothing, use it, own it.
sub access
{
    my ($server, $role, $model) = @_;

    return $server->safe_psql('house', <<"END") =~ s/^.*\n(?=\w+$)//sr;
SET client_min_messages = error;
CREATE FUNCTION pg_temp.try(sql text) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN EXECUTE sql; RETURN true; EXCEPTION WHEN insufficient_privilege THEN RETURN false; END \$\$;
SET ROLE $role;
SELECT CASE WHEN pg_temp.try(\$\$SELECT custseg.name_segment('$model', 1, 'one')\$\$) THEN 'owns'
    WHEN pg_temp.try(\$\$SELECT custseg.predict('$model', '{"x": 1, "y": 1}'::jsonb)\$\$) AND EXISTS (SELECT FROM custseg.models WHERE name = '$model') THEN 'uses' ELSE 'nothing' END;
END
}

is(join(' ', map { access($node, $_, 'loy') } qw(carl anna bert landlord)), 'owns uses uses nothing', 'roles as they were granted');

# Renamed roles stay who they are; the names that are free now are somebody else's.
$node->safe_psql('house', 'ALTER ROLE carl RENAME TO charles; ALTER ROLE anna RENAME TO anne; CREATE ROLE carl LOGIN; CREATE ROLE anna LOGIN');
is(join(' ', map { access($node, $_, 'loy') } qw(charles anne bert carl anna)), 'owns uses uses nothing nothing', 'renamed roles keep what they had');
is($node->safe_psql('house', 'SELECT DISTINCT owner FROM custseg.models'), 'charles', 'and are shown by their present names');
$node->safe_psql('house', "SET ROLE charles; SELECT custseg.grant_model('loy', 'anna')");
is(join(' ', map { access($node, $_, 'loy') } qw(anne anna)), 'uses uses', 'a role of the old name can have a grant beside it');
$node->safe_psql('house', "SET ROLE charles; SELECT custseg.revoke_model('loy', 'anne')");
is(join(' ', map { access($node, $_, 'loy') } qw(anne anna)), 'nothing uses', 'and each is revoked for itself');
is($node->safe_psql('house', "SELECT owner, (SELECT string_agg(grantee, ' ' ORDER BY grantee) FROM custseg.model_grant WHERE model = 'loy') FROM custseg.model WHERE name = 'loy'"),
    'charles|anna bert', 'the tables hold the present names of a model that was changed since');

# Two roles that swap their names keep their grants.
$node->safe_psql('house', 'ALTER ROLE anna RENAME TO swapped; ALTER ROLE bert RENAME TO anna; ALTER ROLE swapped RENAME TO bert');
$node->safe_psql('house', "SET ROLE charles; SELECT custseg.grant_model('loy', 'public'), custseg.revoke_model('loy', 'public'), custseg.revoke_model('loy', 'bert')");
is(join(' ', map { access($node, $_, 'loy') } qw(anna bert)), 'uses nothing', 'names that are swapped do not swap grants');

# A dump is for roles by their names, which a superuser can bring up to date.
$node->safe_psql('house', 'UPDATE custseg.model SET changed_at = changed_at; UPDATE custseg.model_grant SET granted_at = granted_at');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('house') ], 'the database is dumped');
$there->safe_psql('postgres', 'CREATE ROLE padding; CREATE ROLE more_padding; CREATE ROLE landlord; CREATE ROLE anna; CREATE ROLE charles; CREATE ROLE carl; CREATE DATABASE house');
$there->command_ok([ 'pg_restore', '-d', $there->connstr('house'), $dump ], 'and restored in another cluster');
is(join(' ', map { access($there, $_, 'loy') } qw(charles anna carl)), 'owns uses nothing', 'where names say who is who');
$there->safe_psql('house', 'DROP OWNED BY charles; DROP ROLE charles; CREATE ROLE charles');
is(access($there, 'charles', 'loy'), 'nothing', 'until a role goes there, which a new one of its name does not inherit');

# A role that does not exist yet at a restore is found by name later.
$there->safe_psql('postgres', 'CREATE DATABASE late; DROP OWNED BY charles; DROP ROLE charles');
$there->command_ok([ 'pg_restore', '-d', $there->connstr('late'), $dump ], 'a dump is restored before its roles are there');
is($there->safe_psql('late', "CREATE ROLE charles; SET ROLE charles; SELECT count(*) FROM custseg.models"), '2', 'and they own their models when they come');

# Dropped, and created anew.
$node->safe_psql('house', 'DROP OWNED BY charles, anna; DROP ROLE charles; DROP ROLE anna; CREATE ROLE charles LOGIN; CREATE ROLE anna LOGIN');
is(join(' ', map { access($node, $_, 'loy') } qw(charles anna)), 'nothing nothing', 'new roles of old names inherit nothing');
is($node->safe_psql('house', "SET ROLE charles; SELECT count(*) FROM custseg.model"), '0', 'nor see anything');
like(psql_error($node, 'house', "SET ROLE charles; SELECT custseg.drop_model('loy', whole => true)"), qr/42501/, 'nor drop it');
is(access($node, 'landlord', 'loy'), 'nothing', 'the owner of the database does not own what nobody owns');
is($node->safe_psql('house', "SET ROLE landlord; SELECT custseg.drop_model('loy', whole => true) IS NULL"), 't', 'but may drop it');
like(psql_error($node, 'house', "SELECT count(*) FROM custseg.score('old')"), qr/42501: permission denied for the stored source.*does not exist any more/s, 'its source runs for nobody');
is(access($node, 'postgres', 'old'), 'owns', 'a superuser owns what nobody owns');
$node->safe_psql('house', "UPDATE custseg.model SET owner = 'anna' WHERE name = 'old'");
is(access($node, 'anna', 'old'), 'owns', 'and hands it on');
like(psql_error($node, 'house', "SET ROLE anna; SELECT count(*) FROM custseg.score('old')"), qr/42501: permission denied for the stored source.*not written by the present owner/s,
    'but not what its former owner wrote');
is($node->safe_psql('house', "BEGIN; SET ROLE anna; SELECT custseg.adopt_source('old'); SELECT count(*) FROM custseg.score('old'); ROLLBACK"), "public.customers\n700", 'until the new one adopts it');
is($node->safe_psql('house', "SET ROLE anna; SELECT version FROM custseg.train('old', 'customers', '{x,y}', k => 2, deploy => true); SELECT count(*) FROM custseg.score('old')"), "2\n700",
    'or trains it again');

# The same cluster restores the dump for the roles it was made with.
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('again'), $dump ], 'the old dump is restored where it was made');
is($node->safe_psql('again', "SET ROLE charles; SELECT count(*) FROM custseg.model"), '0', 'the new charles is not the one of the dump');

$_->stop for $node, $there;
done_testing();
