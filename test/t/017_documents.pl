# What the documents show is what one sees: the statements of a page run in their order, in one
# session and a fresh database, and print what the page says they print.
#
# Statements are between ```sql fences; a ```text fence that comes next holds their output.  The pages
# on choosing and on watching also have shell commands, and a part on real customers, which needs CUSTSEG_DATA.

use strict;
use warnings FATAL => 'all';

use Cwd;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = Cwd::abs_path("$FindBin::RealBin/../..");
my $folder = PostgreSQL::Test::Utils::tempdir();
my $data = $ENV{CUSTSEG_DATA};
my @files = qw(online_retail/online_retail.csv.xz mall_customers/Mall_Customers.csv.gz
  credit_card/CC_GENERAL.csv.gz);

plan skip_all => 'the documents are not here' unless -r "$root/README.md" && -d "$root/docs";

my $node = PostgreSQL::Test::Cluster->new('documents');
$node->init;
$node->start;

# Names in the pages are relative to this folder.
symlink "$root/demo", "$folder/demo" or die "could not link: $!";
if ($data && system('xz --version >/dev/null 2>&1') == 0)
{
    $data = Cwd::abs_path($data);
    symlink "$data/$_", "$folder/" . s{.*/}{}r for grep { -r "$data/$_" } @files;
}

# The fences of a page: hashes with kind, heading (of the second level), line and text.
sub fences
{
    my ($page) = @_;
    my ($heading, $line, $inside, @fences) = ('', 0, 0);

    for (split /\n/, slurp_file("$root/$page"))
    {
        $line++;
        if (/^```(\w*)/)
        {
            $inside = !$inside;
            push @fences, { kind => $1, heading => $heading, line => $line, text => '' } if $inside;
        }
        elsif ($inside)
        {
            $fences[-1]{text} .= "$_\n";
        }
        elsif (/^## (.*)/)
        {
            $heading = $1;
        }
    }
    return @fences;
}

# What psql prints for each fence, errors and notices in their place.
sub run_fences
{
    my ($database, @fences) = @_;
    my ($script, $out) = ('', '');
    my $was = Cwd::getcwd();

    $node->safe_psql('postgres', "CREATE DATABASE $database");
    for my $fence (@fences)
    {
        $script .= "\\echo 'fence $fence->{line}'\n";
        $script .= $fence->{kind} eq 'sh' ? $fence->{text} =~ s/^/\\! /mgr : $fence->{text};
    }
    local $ENV{PGHOST} = $node->host;
    local $ENV{PGPORT} = $node->port;
    chdir $folder or die "could not enter $folder: $!";
    IPC::Run::run([ $node->installed_command('psql'), '--no-psqlrc', '--dbname', $database ],
        '<', \$script, '>', \$out, '2>&1');
    chdir $was or die "could not go back to $was: $!";
    return $out =~ /^fence (\d+)\n((?:(?!^fence \d+$).*\n)*)/mg;
}

# Hold a page against what it prints: each text, and no errors that the page does not show.
sub check_page
{
    my ($page, $database, $wanted) = @_;
    my @fences = grep { $wanted->($_) } fences($page);
    my %printed = run_fences($database, grep { $_->{kind} ne 'text' } @fences);

    for my $i (grep { $fences[$_]{kind} ne 'text' } 0 .. $#fences)
    {
        my $line = $fences[$i]{line};
        my $shown = $i < $#fences && $fences[ $i + 1 ]{kind} eq 'text' ? $fences[ $i + 1 ]{text} : undef;
        my $printed = defined $printed{$line} ? $printed{$line} : 'nothing, psql ended';

        # blanks at the end of a line, and blank lines there, are nobody's business
        s/[ \t]+$//mg, s/\n+\z/\n/ for grep { defined } $shown, $printed;
        if (defined $shown)
        {
            is($printed, $shown, "$page, line $line: prints what it shows");
        }
        else
        {
            unlike($printed, qr/^(psql:.*)?(ERROR|FATAL):/m, "$page, line $line: runs");
        }
    }
}

check_page('README.md', 'readme', sub { $_[0]{kind} eq 'sql' });
check_page('docs/tutorial.md', 'tutorial', sub { $_[0]{kind} =~ /^(sql|text)$/ });
check_page('docs/watching.md', 'year',
    sub { $_[0]{kind} =~ /^(sql|text)$/ && $_[0]{heading} ne 'On real customers' });
check_page('docs/choosing.md', 'choosing',
    sub { $_[0]{kind} =~ /^(sql|text)$/ && $_[0]{heading} ne 'On real customers' });
SKIP:
{
    skip 'CUSTSEG_DATA does not have the real customers', 1 if grep { !-r "$folder/" . s{.*/}{}r } @files;
    check_page('docs/orders.md', 'campaign', sub { $_[0]{kind} =~ /^(sql|text)$/ });
    check_page('docs/watching.md', 'real_year',
        sub { $_[0]{kind} =~ /^(sql|text|sh)$/ && $_[0]{heading} eq 'On real customers' });
    check_page('docs/choosing.md', 'real', sub { $_[0]{kind} =~ /^(sql|text|sh)$/ && $_[0]{heading} eq 'On real customers' });
}

$node->stop;
done_testing();
