# A source that a model keeps is code of the model's owner: for whom it runs, as whom, and that it
# harms nobody else.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('stored_source');

# The source's function does what harms whoever runs it, and notes who that is.
$node->safe_psql('postgres', <<'END');
CREATE ROLE team;
CREATE ROLE bob LOGIN;
CREATE ROLE ann LOGIN IN ROLE bob;
CREATE ROLE viewer LOGIN;
CREATE ROLE heir LOGIN NOINHERIT IN ROLE bob;
CREATE SCHEMA shop AUTHORIZATION bob;
GRANT CREATE ON SCHEMA public TO public;
END
my $bob = CustsegTest::Session->new($node, 'postgres', user => 'bob');
my ($out, $err) = $bob->query(<<'END');
SET client_min_messages = warning;
SET search_path = shop;
CREATE TABLE seen (who name, what text);
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE 'ALTER ROLE bob SUPERUSER';
    RETURN NULL;
END $$;
CREATE TABLE lure (i int);
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON lure DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
CREATE FUNCTION harm() RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    evil text;
BEGIN
    IF session_user = 'bob' THEN
        RETURN true;
    END IF;
    INSERT INTO shop.seen VALUES (current_user, 'ran');
    PERFORM set_config('search_path', 'shop', false), set_config('datestyle', 'German', false);
    FOREACH evil IN ARRAY ARRAY[
        'ALTER ROLE bob SUPERUSER', 'GRANT pg_execute_server_program TO bob', 'SET ROLE postgres', 'RESET ROLE', 'SET SESSION AUTHORIZATION postgres',
        'RESET SESSION AUTHORIZATION', 'CREATE TEMP TABLE customers (id int, x float8, y float8, z float8)', 'DECLARE c CURSOR WITH HOLD FOR SELECT shop.harm()',
        'INSERT INTO shop.lure VALUES (1)']
    LOOP
        BEGIN
            EXECUTE evil;
            INSERT INTO shop.seen VALUES (current_user, evil);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    RETURN true;
END $$;
CREATE TABLE customers (id int PRIMARY KEY, x float8, y float8, z float8, late bool);
INSERT INTO customers SELECT i, i % 7 + test.u(i, 1), 9 * (i % 2) + test.u(i, 2), test.u(i, 3), i % 3 = 0 FROM generate_series(1, 300) i;
SELECT version FROM custseg.train('trap', 'SELECT * FROM customers WHERE (SELECT harm())', '{x,y}', k => 2, id => 'id');
SELECT version FROM custseg.train('trap', 'SELECT * FROM customers WHERE (SELECT harm())', '{x,y}', k => 3, id => 'id');
SELECT version FROM custseg.train('rules', 'SELECT * FROM customers WHERE (SELECT harm())', algorithm => 'rules', id => 'id',
    options => '{"segments": [{"name": "low", "when": {"x": {"to": {"percentile": 50}}}}, {"name": "high"}], "else": "high"}');
SELECT version FROM custseg.train_purchases('buyers', 'SELECT id % 60 AS customer, date ''2026-01-01'' + (id * 7 % 200) AS at, x AS amount FROM customers WHERE (SELECT harm())', 'customer', 'at', 'amount');
SELECT version FROM custseg.train_value('spend', 'SELECT *, x + 5 * z + sin(id) AS w FROM customers WHERE (SELECT harm())', 'w', '{x,z}', 'linear', 'id');
SELECT custseg.grant_model('buyers', 'viewer'), custseg.grant_model('spend', 'viewer');
SELECT custseg.name_segment(m, s, 's' || s, rank => s) FROM unnest('{trap,rules}'::text[]) m, generate_series(1, 2) s;
SELECT custseg.set_action('trap', 1, '{"perk_capacity": 5}'), custseg.grant_model('trap', 'viewer'), custseg.grant_model('rules', 'viewer');
END
is($err, '', 'models keep a source that does harm');
$node->safe_psql('postgres', 'TRUNCATE shop.seen');

# Every function that takes a source and a model: a call that leaves the source to the model.
my %needed = (metric => q{'{"metric": "z", "kind": "mean", "effect": 1}'}, attribute => "'late'", outcome => "'z'", model => undef, value_model => undef, segment_model => "'trap'", source => 'NULL', a => 1, b => 2,
    orders => q{'SELECT id % 60 AS customer, date ''2026-01-01'' + id AS at, x AS amount FROM shop.customers'}, customer => "'customer'", product => "'amount'", time => "'at'", amount => "'amount'", step => "'customer'", steps => "'{1,2}'", answers => "'SELECT 1 AS customer, 5 AS satisfaction'", seeds => "'SELECT i AS id FROM generate_series(1, 30) i'");
my %own = (similar_customers => { customer => 1 });
my %models = (lifetime_value => ['buyers'], score_value => ['spend'], outcome_calibration => [qw(spend buyers)], record_outcomes => [qw(spend buyers)],
    segment_value => [qw(spend buyers)], segment_churn => ['buyers'], record_segment_value => [qw(spend buyers)]);
my $events = q{customer => 'customer', "time" => 'at', step => 'customer'};
my %named = (train_value => "target => 'z'", train_purchases => "customer => 'id', \"time\" => 'x'", (map { $_ => $events } qw(journey paths touchpoints)), funnel => "$events, steps => '{1,2}'");
my @functions = grep { !/^(\w+)/ || !$named{$1} } split /\n/, $node->safe_psql('postgres', <<'END');
SELECT p.proname, (SELECT string_agg(a, ' ' ORDER BY n) FROM unnest(p.proargnames[1 : p.pronargs - p.pronargdefaults]) WITH ORDINALITY u (a, n))
FROM pg_proc p
WHERE p.pronamespace = 'custseg'::regnamespace AND p.proargnames[1 : p.pronargs] @> '{source}' AND p.proargnames[1 : p.pronargs] && '{model,value_model}'
    -- these must be given a source, or none at all
    AND p.proname NOT IN ('create_audience_view', 'set_column_note')
ORDER BY p.proname
END
cmp_ok(scalar @functions, '>', 20, 'functions that take a source of a model are known to the catalogue');

# These take it as an option, by the name of "customers".
push @functions, map { "$_|model answers" } qw(validate_survey survey_confusion record_survey);
push @functions, map { "$_|model customer time step" . ($_ eq 'funnel' ? ' steps' : '') } qw(journey funnel paths touchpoints);

sub calls
{
    my ($function) = @_;
    my ($name, $required) = split /\|/, $function;

    return map {
        my $model = $_;
        my @arguments = map { "\"$_\" => " . (/^(?:value_)?model$/ ? "'$model'" : exists $own{$name}{$_} ? $own{$name}{$_} : exists $needed{$_} ? $needed{$_} : die "$name: what is $_?") }
            grep { $_ ne 'source' } split / /, $required;
        "SELECT count(*) FROM custseg.$name(" . join(', ', @arguments, $name =~ /survey/ ? () : $required =~ / step/ ? "source => $needed{orders}" : 'source => NULL') . ') f;';
    } @{ $models{$name} // [qw(trap rules)] };
}

# Those that never leave it to the model say so.
like(psql_error($node, 'postgres', "SELECT count(*) FROM custseg.$_(model => 'new', source => NULL, $named{$_})"), qr/"source" must not be NULL/, "$_: the source is named") for sort keys %named;

# As a superuser each runs the source, as bob and in a way that harms nobody.
my $super = CustsegTest::Session->new($node, 'postgres');
my $state = q{SELECT current_setting('search_path'), current_setting('datestyle'), current_user, session_user, (SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'),}
    . q{ pg_has_role('bob', 'pg_execute_server_program', 'member'), (SELECT count(*) FROM pg_cursors WHERE name = 'c'), to_regclass('pg_temp.customers');};
my $before = $super->query($state);
$super->query('GRANT INSERT, SELECT ON shop.seen TO PUBLIC;');
for my $function (@functions)
{
    my ($name) = split /\|/, $function;

    $super->query($_) for calls($function);
    is($super->query(q{SELECT string_agg(DISTINCT who || ' ' || what, ', ') FROM shop.seen; TRUNCATE shop.seen;}), 'bob ran', "$name: the source runs as its owner");
    is($super->query($state), $before, "$name: nothing of it stays");
}
is($super->query("SELECT name, (custseg.monitor(name)).status FROM custseg.model WHERE kind = 'segments' ORDER BY name; SELECT custseg.deploy('trap', 2, options => '{\"min_agreement\": 0}');"),
    "rules|ok\ntrap|ok\n2", 'a superuser watches and deploys models of others');
is($super->query(q{SELECT string_agg(DISTINCT who || ' ' || what, ', ') FROM shop.seen; TRUNCATE shop.seen;}), 'bob ran', 'with the rights of their owner');
is($super->query($state), $before, 'and nothing of it stays');

# Where two models have sources of two owners, each runs as its own.
$super->query(<<'END');
CREATE ROLE carl;
SET ROLE carl;
CREATE FUNCTION public.carls() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN INSERT INTO shop.seen VALUES (current_user, 'ran carl''s'); RETURN true; END $$;
RESET ROLE;
GRANT USAGE ON SCHEMA shop TO carl; GRANT SELECT ON shop.customers TO carl;
SET ROLE carl;
SELECT version FROM custseg.train('carls', 'SELECT * FROM shop.customers WHERE (SELECT public.carls())', '{x,y}', k => 2, id => 'id');
RESET ROLE; TRUNCATE shop.seen;
END
is($super->query("SELECT sum(n) FROM custseg.segment_value('buyers', 'carls') WHERE name <> 'total'; SELECT string_agg(DISTINCT who || ' ' || what, ', ' ORDER BY who || ' ' || what) FROM shop.seen;"
        . 'TRUNCATE shop.seen;'), "60\nbob ran, carl ran carl's", 'two sources run as two owners');

# The names in it mean what they meant to bob, whatever the caller's schemas and tables are called.
is($super->query(<<'END'), '300', 'names are looked for where they were when the source was written');
CREATE SCHEMA other; CREATE FUNCTION other.harm() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'wrong function'; END $$;
CREATE TEMP TABLE customers (id int, x text, y text);
SET search_path = other, public;
SELECT count(*) FROM custseg.score('trap');
RESET search_path; DROP TABLE pg_temp.customers; TRUNCATE shop.seen;
END

# A member of the owner's role likewise, a viewer and who does not inherit not at all.
my $ann = CustsegTest::Session->new($node, 'postgres', user => 'ann');
is($ann->query("SELECT count(*) FROM custseg.score('trap'); SELECT DISTINCT who FROM shop.seen;"), "300\nbob", 'for a member of the role it runs as the owner');
$super->query('TRUNCATE shop.seen; GRANT USAGE ON SCHEMA shop TO viewer, heir; GRANT SELECT ON shop.customers TO viewer, heir;');
for my $user (qw(viewer heir))
{
    my $session = CustsegTest::Session->new($node, 'postgres', user => $user);

    $bob->query("SELECT custseg.grant_model(m, '$user') FROM unnest('{trap,rules,buyers,spend}'::text[]) m;");
    for my $function (@functions)
    {
        my ($name) = split /\|/, $function;
        my @errors = map { ($session->query($_))[1] } calls($function);

        like(join(' ', @errors), $name =~ /^(monitor|publish|recalibrate|train|retrain|record_\w+)$/ ? qr/ERROR:  42501: must be owner of model|permission denied for the stored source/ :
            qr/ERROR:  42501: permission denied for the stored source of model .*HINT:  Name a source/s, "$name: $user must name a source");
    }
    is($session->query("SELECT count(*) FROM custseg.score('trap', 'shop.customers');"), '300', "$user scores what is named");
    $session->quit;
}
is($super->query('SELECT count(*) FROM shop.seen;'), '0', 'and nothing of the owner ran');

# The owner's policies are the owner's: what bob may see of a table is what a superuser is told of it.
$super->query('CREATE TABLE public.all_customers AS SELECT * FROM shop.customers; GRANT SELECT ON public.all_customers TO bob; ALTER TABLE public.all_customers ENABLE ROW LEVEL SECURITY;'
        . 'CREATE POLICY half ON public.all_customers TO bob USING (id <= 150);');
$bob->query("SELECT version FROM custseg.train('half', 'public.all_customers', '{x,y}', k => 2);");
is($super->query("SELECT count(*) FROM custseg.score('half'); SELECT count(*) FROM custseg.score('half', 'public.all_customers');"), "150\n300",
    'row-level security is that of who reads');

# The owner's own reads are as they were, temporary tables included.
is($bob->query('RESET search_path; CREATE TEMP TABLE mine AS SELECT * FROM shop.customers; ' . "SELECT n_rows FROM custseg.train('mine', 'SELECT * FROM mine', '{x,y}', k => 2); SELECT count(*) FROM custseg.score('mine');"),
    "300\n300", 'the owner reads temporary tables');
like(($super->query("SELECT count(*) FROM custseg.score('mine');"))[1], qr/ERROR:  42P01: relation "mine" does not exist/, 'which nobody else has');

$_->quit for $bob, $ann, $super;
$node->stop;
done_testing();
