# Hierarchical clustering ends at once when it is cancelled, and shares its scans among workers.
#
# Alone: it measures how soon a cancel acts.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

my $node = start_node('hierarchical', "max_parallel_maintenance_workers = 2\nmaintenance_work_mem = '2GB'\n");

$node->safe_psql('postgres', <<'END');
CREATE TABLE customers AS
SELECT i::int AS id, test.u(i, 1) AS a, test.u(i, 2) AS b, test.u(i, 3) AS c
FROM generate_series(1, 60000) i;
END

my $session = CustsegTest::Session->new($node, 'postgres');
my $watcher = CustsegTest::Session->new($node, 'postgres');

# Each would end on its own after some seconds, nearly all of them in this phase.
my %slow = (
    ward => "'customers', '{a,b,c}', 3, 'hierarchical', options => '{\"max_rows\": 100000}'",
    single => "'customers', '{a,b,c}', 3, 'hierarchical', options => '{\"max_rows\": 100000, \"linkage\": \"single\"}'",
    average => "'SELECT * FROM customers LIMIT 9000', '{a,b,c}', 3, 'hierarchical', options => '{\"linkage\": \"average\"}'");

for my $linkage (qw(ward single average))
{
    my ($out, $err, $elapsed);

    $session->send("SELECT custseg.train('slow', $slow{$linkage});");
    $elapsed = $watcher->query("SELECT pg_cancel_backend(test.await_phase('slow', 'iterating'));"
          . 'SELECT test.await_idle(' . $session->pid . ')::numeric(9,1);') =~ s/^t\n//r;
    ($out, $err) = $session->wait;
    like($err, qr/ERROR:  57014: canceling statement due to user request/, "$linkage: cancelled");
    cmp_ok($elapsed, '<', soon(), "$linkage: within a second");
    note("cancel of $linkage acted within $elapsed ms");
    is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
        '0', "$linkage: no worker is left");
}

# The same tree whether workers come or not; here they do, and scans are long enough to be shared.
my %tree;
for my $workers (0, 1, 2)
{
    my ($out, $err) = ('', '');

    $node->psql('postgres', "SET max_parallel_maintenance_workers = $workers; SET client_min_messages = debug1;"
          . "SELECT md5(string_agg(d::text, ';' ORDER BY step)) FROM unnest('{ward,single}'::text[]) l,"
          . " custseg.dendrogram('SELECT a, b, c, a * b AS d, b * c AS e, a * c AS f, a + b AS g, b - c AS h FROM customers LIMIT 13000', linkage => l) d",
        stdout => \$out, stderr => \$err, on_error_die => 1);
    $tree{$out} = 1;
    if ($workers == 0)
    {
        unlike($err, qr/parallel workers/, 'no workers were asked for');
    }
    else
    {
        like($err, qr/using $workers parallel workers/, "$workers workers took part");
    }
}
is(keys %tree, 1, 'the same tree for any number of workers');

$session->quit;
$watcher->quit;
$node->stop;
done_testing();
