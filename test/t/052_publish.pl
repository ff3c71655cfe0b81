# Publications of one model at the same time, at every isolation level; cancels and drops; what a reader sees meanwhile.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('publish');

customers($node, 'postgres', 'customers', 2000);
train($node, 'postgres', "'m', 'customers', '{recency,frequency,monetary}', k => 3");

my ($one, $two) = map { CustsegTest::Session->new($node, 'postgres') } 1 .. 2;
my $publish = q{SELECT count(*) > 10 FROM custseg.publish('m', options => '{"sample": 1000, "surrogate": false}');};
my $times = q{SELECT count(DISTINCT published_at), count(*) / count(DISTINCT published_at) FROM custseg.report};

# Does a session wait for a lock?
sub waits
{
    my ($session) = @_;

    return $node->poll_query_until('postgres', "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = " . $session->pid);
}

for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
    $node->safe_psql('postgres', 'DELETE FROM custseg.report');
    $two->query("BEGIN ISOLATION LEVEL $level; SELECT name FROM custseg.model;");
    is($one->query("BEGIN ISOLATION LEVEL $level; $publish"), 't', "$level: one publishes");
    $two->send($publish);
    ok(waits($two), "$level: the other one waits when it is to write");
    is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.report'), '0', "$level: nobody sees anything yet");
    is(($one->query('COMMIT;'))[1], '', "$level: the first one commits");
    my @late = $two->wait;
    my $end = ($two->query('COMMIT;'))[1];
    my $failed = join('', map { $_ // '' } $late[1], $end) =~ /40001/;

    ok($late[0] eq 't' && $end eq '' || $level ne 'READ COMMITTED' && $failed, "$level: the other one publishes, too, or has to come again");
    $two->query($publish) if $failed;
    like($node->safe_psql('postgres', $times), qr/^2\|\d\d$/, "$level: there are two publications, each of them whole");
    is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.published p JOIN custseg.report r USING (model, published_at) WHERE r.published_at < p.published_at'), '0', "$level: the newest one is shown");
}

# Many at the same time, with few that are kept: nothing fails, and each is whole.
my @many = map { CustsegTest::Session->new($node, 'postgres') } 1 .. 4;
$node->safe_psql('postgres', 'DELETE FROM custseg.report');
my $many = q{DO $$ BEGIN FOR i IN 1 .. 5 LOOP PERFORM custseg.publish('m', options => '{"keep": 3, "sample": 0, "points": 0, "surrogate": false}'); COMMIT; END LOOP; END $$; SELECT 'done';};
$_->send($many) for @many;
is(join(' ', map { ($_->wait)[0] } @many), 'done done done done', 'four sessions publish five times');
is($node->safe_psql('postgres', "$times, LATERAL (SELECT count(DISTINCT part) FROM custseg.report) p (n)") =~ s/\|.*//r, '3', 'three publications are kept');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT n) FROM (SELECT count(*) AS n FROM custseg.report GROUP BY published_at) r'), '1', 'of as many parts each');
$_->quit for @many;

# A reader's statement sees one publication, whatever is published meanwhile.
is($one->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM custseg.published_summary;'), '3', 'a reader has a snapshot');
$two->query($publish);
is($one->query('SELECT count(DISTINCT published_at) FROM custseg.published_summary; COMMIT;'), '1', 'and reads what it saw then');

# A cancel leaves nothing, whenever it comes.
my $before = $node->safe_psql('postgres', $times);
for my $milliseconds (1, 5, 10, 20, 40, 80)
{
    my @canceled = $one->query("SET statement_timeout = $milliseconds; SELECT count(*) > 10 FROM custseg.publish('m', 'SELECT * FROM customers WHERE (SELECT pg_sleep(0.1)) IS NOT NULL'); RESET statement_timeout;");

    like($canceled[1], qr/57014/, "canceled after $milliseconds ms");
}
$one->query('RESET statement_timeout;');
is($node->safe_psql('postgres', $times), $before, 'and nothing is left of it');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), '0', 'no lock either');

# Nor does what fails leave half a publication.
like(($one->query("SELECT count(*) FROM custseg.publish('m', 'SELECT *, 1 / (id - 1999) AS x FROM customers');"))[1], qr/22012/, 'a source that fails is an error');
is($node->safe_psql('postgres', $times), $before, 'and nothing is left of it');

# A monitor that publishes, beside one who publishes, and beside another monitor
$two->query('BEGIN;' . $publish);
$one->send(q{SELECT status FROM custseg.monitor('m', 'customers', '{"publish": {"surrogate": false}}');});
ok(waits($one), 'a run that publishes waits for who is writing');
$two->query('COMMIT;');
is(($one->wait)[0], 'ok', 'and goes on');

# A drop waits for who is writing, and takes what was written along.
$two->query('BEGIN;' . $publish);
$one->send("SELECT custseg.drop_model('m', whole => true);");
ok(waits($one), 'a drop waits for a publication');
$two->query('COMMIT;');
is(($one->wait)[1], '', 'and goes on');
is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.report'), '0', 'with what was published');

# A model that is dropped, and made anew, while its source is read: nothing of the old one is published.
train($node, 'postgres', "'m', 'customers', '{recency,frequency,monetary}', k => 3");
$one->query('BEGIN;');
$two->query("BEGIN; SELECT custseg.drop_model('m', whole => true);");
$one->send($publish);
ok(waits($one), 'a publication waits for who drops the model');
$two->query('COMMIT;');
like(($one->wait)[1], qr/42704|55000/, 'and fails, for the model is gone');
$one->query('ROLLBACK;');
is($node->safe_psql('postgres', 'SELECT count(*) FROM custseg.report'), '0', 'and nothing is left of it');

$_->quit for $one, $two;
$node->stop;
done_testing();
