# A server process stays one thread: LAPACK is loaded by a training with pca, and starts none.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

plan skip_all => 'threads are counted in /proc' unless -r '/proc/self/status';

my $node = start_node('lapack');
my $session = $node->background_psql('postgres');

customers($node, 'postgres', 'customers', 1000);
$node->safe_psql('postgres', "GRANT pg_read_server_files TO CURRENT_USER");

my $threads = q{SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'Threads:\s+(\d+)')};
my $loaded = q{SELECT pg_read_file('/proc/' || pg_backend_pid() || '/maps') LIKE '%liblapack%'};

sub query { return $session->query_safe($_[0]) =~ s/\s+$//r }

is(query("SELECT n_segments FROM custseg.train('plain', 'customers', '{recency,frequency}', k => 2)"), 2, 'a training without pca');
is(query($loaded), 'f', 'does not load LAPACK');
is(query("SELECT n_segments FROM custseg.train('pca', 'customers', '{recency,frequency,monetary}', k => 2, prep => '{\"pca\": 2}')"), 2, 'one with pca');
is(query($loaded), 't', 'does');
is(query($threads), 1, 'and the process is one thread');
$session->quit;
$node->stop;
done_testing();
