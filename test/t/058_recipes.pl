# The recipes of docs/changes.md run as they stand there: the worker that posts changes to a webhook, and logical decoding.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file("$FindBin::RealBin/../../docs/changes.md");
my @statements = $page =~ /^```sql\n(.*?)^```$/msg;
my ($worker) = $page =~ /^```python\n(.*?)^```$/ms;
my ($decoding) = $page =~ /^```postgresql\n(.*?)^```$/ms;

my $node = PostgreSQL::Test::Cluster->new('recipes');
$node->init(allows_streaming => 'logical');
$node->start;
my $environment = sub {
    my ($user, @command) = @_;
    my ($out, $err) = ('', '');

    local @ENV{qw(PGHOST PGPORT PGDATABASE PGUSER)} = ($node->host, $node->port, 'postgres', $user);
    my $ended = IPC::Run::run(\@command, '>', \$out, '2>', \$err);
    return ($ended, $out, $err);
};
$node->safe_psql('postgres', $statements[0]);
# up to where the mailer reads
$node->safe_psql('postgres', $statements[1]);
$node->safe_psql('postgres', 'ALTER ROLE mailer LOGIN');

# The page says thirty lines, and means it.
cmp_ok(scalar(grep { /\S/ } split /\n/, $worker), '<=', 30, 'the worker has thirty lines');

SKIP: {
    skip 'no python3', 9 if system('python3 -c "import sys; sys.exit(sys.version_info < (3, 7))" >/dev/null 2>&1') != 0;
    my $folder = PostgreSQL::Test::Utils::tempdir();
    my $taken = "$folder/taken";

    append_to_file("$folder/worker.py", $worker);
    append_to_file($taken, '');
    # The other side: it writes down what it takes, and refuses the first post, and whatever it is told to.
    append_to_file("$folder/hook.py", <<'END');
import http.server, os, sys
folder = sys.argv[1]
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        refuse = os.path.exists(folder + "/refuse")
        if not refuse:
            with open(folder + "/taken", "a") as taken:
                taken.write(self.headers["Idempotency-Key"] + "\t" + body + "\n")
        # a worker that dies here has delivered and not acknowledged, for it does not know yet
        if os.path.exists(folder + "/kill"):
            os.kill(int(open(folder + "/kill").read()), 9)
            return
        self.send_response(503 if refuse else 200)
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
with open(folder + "/port.new", "w") as port:
    port.write(str(server.server_port))
os.rename(folder + "/port.new", folder + "/port")
server.serve_forever()
END
    my $hook = IPC::Run::start([ 'python3', "$folder/hook.py", $folder ], '<', \undef, '>', '/dev/null');
    my $tries = 0;
    select(undef, undef, undef, 0.1) until -e "$folder/port" || $tries++ > 300;
    my $url = 'http://127.0.0.1:' . slurp_file("$folder/port") . '/hook';
    my @run = ('python3', "$folder/worker.py", 'mail', $url, '0');

    # refused: nothing is acknowledged
    append_to_file("$folder/refuse", '');
    my ($ended, $out, $err) = $environment->('mailer', @run);
    ok(!$ended, 'a worker whose changes are refused ends with an error');
    is($node->safe_psql('postgres', "SELECT n FROM custseg.consumers WHERE consumer = 'mail'"), '6', 'and has acknowledged nothing');
    unlink "$folder/refuse";
    ($ended, $out, $err) = $environment->('mailer', @run);
    ok($ended, 'started again it ends well') or diag($err);
    like(slurp_file($taken), qr/^mail-1-6\t\[\{"change_position": 1, "model": "shop", "customer": "11", "from_segment": 3, .*"customer": "21".*"customer": "31".*"change_position": 4, "model": "shop", "customer": "1000".*"customer": "40".*"customer": "1001"/, 'the other side has all changes, in order');
    is($node->safe_psql('postgres', "SELECT n FROM custseg.consumers WHERE consumer = 'mail'"), '0', 'and all are acknowledged');

    # killed between: the other side gets them once more, with the same key
    $node->safe_psql('postgres', 'UPDATE customers SET segment = 3 WHERE id IN (2, 7)');
    {
        local @ENV{qw(PGHOST PGPORT PGDATABASE PGUSER)} = ($node->host, $node->port, 'postgres', 'mailer');
        my $killed = IPC::Run::start([ 'sh', '-c', "echo \$\$ > $folder/kill; exec python3 $folder/worker.py mail $url 0" ], '>', '/dev/null', '2>', '/dev/null');
        eval { $killed->finish };
        isnt($killed->full_result(0), 0, 'a worker is killed when it has delivered');
    }
    unlink "$folder/kill";
    is($node->safe_psql('postgres', "SELECT n FROM custseg.consumers WHERE consumer = 'mail'"), '2', 'and has not acknowledged');
    $environment->('mailer', @run);
    my @keys = slurp_file($taken) =~ /^(\S+)\t/mg;
    is("$keys[-1] $keys[-2] " . @keys, "$keys[-1] $keys[-1] 3", 'the next one delivers the same once more, under the same key');
    $hook->kill_kill;
}

# Logical decoding tells what the table gets, once it is committed.
my $decoded = $node->safe_psql('postgres', $decoding);
like($decoded, qr/^table custseg\.segment_change: INSERT: .*customer\[text\]:'51' from_segment\[integer\]:3 to_segment\[integer\]:2 .*cause\[text\]:'resegment'$/m, 'logical decoding has the change');

# A publication of the table feeds another database.
$node->safe_psql('postgres', 'CREATE PUBLICATION segments FOR TABLE custseg.segment_change');
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->start;
$other->safe_psql('postgres', 'CREATE EXTENSION custseg; CREATE SUBSCRIPTION segments CONNECTION \'' . $node->connstr . ' dbname=postgres\' PUBLICATION segments');
$node->wait_for_catchup('segments');
$other->poll_query_until('postgres', 'SELECT count(*) > 0 FROM custseg.segment_change');
$node->safe_psql('postgres', 'UPDATE customers SET segment = 2 WHERE id = 8');
$node->wait_for_catchup('segments');
is($other->safe_psql('postgres', "SELECT customer, to_segment FROM custseg.segment_change ORDER BY at DESC, transaction_number DESC LIMIT 1"), '8|2', 'a subscriber gets what comes');

done_testing();
