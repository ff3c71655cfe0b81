# What the documents show is what one sees: the statements of a page run in their order, in one
# session and a fresh database, and print what the page says they print.
#
# Statements are between ```sql fences; a ```text fence that comes next holds their output.  A part
# "On real customers" has shell commands as well, and runs in a database of its own.

package PageTest;

use strict;
use warnings FATAL => 'all';

use Cwd;
use Exporter 'import';
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(test_page test_real_customers);

my $root = Cwd::abs_path(dirname(__FILE__) . '/../..');
my $real = 'On real customers';
my @files = qw(online_retail/online_retail.csv.xz mall_customers/Mall_Customers.csv.gz
  credit_card/CC_GENERAL.csv.gz cdnow/cdnow_master.csv.gz hillstrom/hillstrom.csv.gz);
my $node;

# Hold a page, but for its part on real customers, against what it prints.
sub test_page
{
    my ($page) = @_;

    plan skip_all => "$page is not here" unless -r "$root/$page";
    check($page, page_folder(), grep { $_->{heading} ne $real && $_->{kind} eq 'sql' } fences($page));
    done_testing();
}

# The same of its part on real customers, or with a true "whole" of a page that is all about them.
# CUSTSEG_DATA names the folder of their files.
sub test_real_customers
{
    my ($page, $whole) = @_;
    my $data = $ENV{CUSTSEG_DATA};
    my $folder = page_folder();

    plan skip_all => "$page is not here" unless -r "$root/$page";
    plan skip_all => 'CUSTSEG_DATA does not have the real customers'
      if !$data || grep { !-r "$data/$_" } @files;
    plan skip_all => 'needs xz' if system('xz --version >/dev/null 2>&1') != 0;
    $data = Cwd::abs_path($data);
    symlink "$data/$_", "$folder/" . basename($_) for @files;
    check($page, $folder, grep { ($whole || $_->{heading} eq $real) && $_->{kind} =~ /^(sql|sh)$/ } fences($page));
    done_testing();
}

# A folder that names in a page are relative to.
sub page_folder
{
    my $folder = PostgreSQL::Test::Utils::tempdir();

    symlink "$root/demo", "$folder/demo" or die "could not link: $!";
    return $folder;
}

# The fences of a page: hashes with kind, heading (of the second level), line, text, and the output
# that is shown for it, if any.
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
    for my $i (1 .. $#fences)
    {
        $fences[ $i - 1 ]{shown} = $fences[$i]{text} if $fences[$i]{kind} eq 'text';
    }
    return @fences;
}

# What psql prints for each fence, errors and notices in their place: line => text.
sub run_fences
{
    my ($folder, @fences) = @_;
    my ($script, $out) = ('', '');
    my $was = Cwd::getcwd();

    for my $fence (@fences)
    {
        $script .= "\\echo 'fence $fence->{line}'\n";
        $script .= $fence->{kind} eq 'sh' ? $fence->{text} =~ s/^/\\! /mgr : $fence->{text};
    }
    local $ENV{PGHOST} = $node->host;
    local $ENV{PGPORT} = $node->port;
    chdir $folder or die "could not enter $folder: $!";
    IPC::Run::run([ $node->installed_command('psql'), '--no-psqlrc', '--dbname', 'page' ],
        '<', \$script, '>', \$out, '2>&1');
    chdir $was or die "could not go back to $was: $!";
    return $out =~ /^fence (\d+)\n((?:(?!^fence \d+$).*\n)*)/mg;
}

# Run fences of a page and compare: each output that is shown, and no errors where none is.
sub check
{
    my ($page, $folder, @fences) = @_;
    my %printed;

    $node = PostgreSQL::Test::Cluster->new('page');
    $node->init;
    $node->start;
    $node->safe_psql('postgres', 'CREATE DATABASE page');
    %printed = run_fences($folder, @fences);
    $node->stop;
    for my $fence (@fences)
    {
        my $line = $fence->{line};
        my $shown = $fence->{shown};
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
    return;
}

1;
