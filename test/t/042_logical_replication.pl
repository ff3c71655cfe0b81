# A subscriber of all tables scores with the models of its publisher: sessions that are open there see
# what is deployed, named, decided by hand, revoked and dropped.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $publisher = start_node('publisher', undef, allows_streaming => 'logical');
my $subscriber = start_node('subscriber');

$_->safe_psql('postgres', 'CREATE TABLE line (id int PRIMARY KEY, x float8); CREATE ROLE clerk LOGIN; GRANT SELECT ON line TO clerk')
  for $publisher, $subscriber;
$publisher->safe_psql('postgres', <<'END');
INSERT INTO line SELECT i, i % 4 FROM generate_series(1, 100) i;
CREATE FUNCTION version(low float8, high text) RETURNS int LANGUAGE sql AS $$
    SELECT version FROM custseg.train('m', 'line', '{x}', algorithm => 'rules', id => 'id', options => jsonb_build_object(
        'segments', jsonb_build_array(
            jsonb_build_object('name', high, 'when', jsonb_build_object('x', jsonb_build_object('from', low))),
            jsonb_build_object('name', 'low')),
        'else', 'low'))
$$;
SELECT version(0.5, 'first');
SELECT version(2.5, 'second');
SELECT custseg.grant_model('m', 'clerk');
CREATE PUBLICATION everything FOR ALL TABLES;
END
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION models CONNECTION '" . $publisher->connstr . " dbname=postgres' PUBLICATION everything");
$subscriber->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')")
  or die 'the tables were never copied';
$publisher->wait_for_catchup('models');

my $reader = CustsegTest::Session->new($subscriber, 'postgres');
my $clerk = CustsegTest::Session->new($subscriber, 'postgres', user => 'clerk');

# Do something on the publisher and wait until the subscriber has it; what the sessions there say then.
sub after
{
    my ($change, $session, $statement) = @_;

    $publisher->safe_psql('postgres', $change);
    $publisher->wait_for_catchup('models');
    my ($out, $err) = $session->query($statement);
    return $err =~ /ERROR:  (\w+)/ ? $1 : $out;
}

my $placed = "SELECT custseg.predict_name('m', '{\"x\": 3}'::jsonb);";
my $rows = "SELECT count(*) FROM line l WHERE custseg.predict('m', l) = custseg.predict('m', '{\"x\": 3}'::jsonb);";

$reader->query("SET plan_cache_mode = force_generic_plan; PREPARE named AS $placed PREPARE counted AS $rows");
is($reader->query('EXECUTE named; EXECUTE counted;'), "first\n75", 'models are copied');
is($clerk->query($placed), 'first', 'grants, too');

my @stale;
for my $i (1 .. 10)
{
    my ($version, $name, $n) = $i % 2 ? (2, 'second', 25) : (1, 'first', 75);

    push @stale, $i if after("SELECT custseg.deploy('m', $version)", $reader, 'EXECUTE named; EXECUTE counted;') ne "$name\n$n"
      || $clerk->query($placed) ne $name;
}
is("@stale", '', 'ten deployments are seen by sessions that are open');
is(after("SELECT custseg.name_segment('m', s.segment, 'renamed') FROM custseg.segment s WHERE s.model = 'm' AND s.version = 1 AND s.name = 'first'", $reader, $placed), 'renamed', 'a name, too');
is(after("SELECT custseg.exclude('m', 3, 'asked for it')", $reader, "SELECT segment IS NULL FROM custseg.score('m', 'line') s WHERE id = '3';"), 't', 'a decision by hand');
is(after("SELECT custseg.revoke_model('m', 'clerk')", $clerk, $placed), '42501', 'a right that is revoked');
is(after("SELECT custseg.grant_model('m', 'clerk')", $clerk, $placed), 'renamed', 'and granted again');
is(after("SELECT custseg.drop_model('m', whole => true)", $reader, $placed), '42704', 'a model that is dropped');
is($clerk->query($placed) . ($clerk->query('SELECT count(*) FROM custseg.models;')), '0', 'for every session');
is(after("SELECT version(0.5, 'anew')", $reader, $placed), 'anew', 'and one of the same name');
is(after('TRUNCATE custseg.model', $reader, $placed), '42704', 'and TRUNCATE, which an administrator may');

# A subscriber can have models of its own.
is($subscriber->safe_psql('postgres', "SELECT version FROM custseg.train('own', 'line', '{x}', k => 2)"), '1', 'a subscriber trains models of its own');

$_->quit for $reader, $clerk;
$subscriber->stop;
$publisher->stop;
done_testing();
