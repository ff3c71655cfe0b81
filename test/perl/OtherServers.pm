# A server and others that it knows as foreign servers: tables whose leaves these have, and what they were asked for.

package OtherServers;

use strict;
use warnings FATAL => 'all';

use CustsegTest;
use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(asked_for_no_rows order_lines);

# Statements that a server was sent: at least so many, and each of them asks for what may be asked for, which is no rows.
sub asked_for_no_rows
{
    my ($what, $least, $allowed, @asked) = @_;

    cmp_ok(scalar @asked, '>=', $least, "$what: asked for");
    is_deeply([ grep { !/$allowed/ } @asked ], [], "$what: no statement fetches rows");
}

# A table of lines of orders over two years, and the definition of its columns.  Some lines are returns, some lack what
# counts, and an order has three lines, some of them at other times.  "columns" and "values" add to the columns;
# "since" is when the time of a line is counted from, and the number of customers grows with "customers".
sub order_lines
{
    my ($node, %more) = @_;
    my $columns = "line int, customer text, day date, at timestamptz, at_home timestamp, amount numeric, price float8, $more{columns}";

    $node->safe_psql('postgres', <<"END");
CREATE TABLE lines ($columns);
INSERT INTO lines
SELECT
    i,
    CASE WHEN i % 211 > 0 THEN 'customer ' || c END,
    CASE WHEN i % 223 > 0 THEN (t AT TIME ZONE 'UTC')::date END,
    CASE WHEN i % 227 = 0 THEN NULL WHEN i % 229 = 0 THEN 'infinity' ELSE t END,
    CASE WHEN i % 227 = 0 THEN NULL WHEN i % 229 = 0 THEN '-infinity' ELSE t AT TIME ZONE 'UTC' END,
    CASE WHEN i % 233 = 0 THEN NULL WHEN i % 239 = 0 THEN 'NaN' WHEN i % 19 = 0 THEN -round((20 * test.u(i, 3))::numeric, 2) ELSE round((100 * test.u(i, 3))::numeric, 2) END,
    CASE WHEN i % 233 = 0 THEN NULL WHEN i % 239 = 0 THEN 'Infinity' WHEN i % 19 = 0 THEN -20 * test.u(i, 3) ELSE 100 * test.u(i, 3) END,
    $more{values}
FROM (
    SELECT
        i,
        ($more{customers} * test.u(i / 3, 1) * (1 + test.u(i / 3, 4)))::int AS c,
        $more{since} + interval '1 hour' * (16000 * test.u(i / 3, 2))::int
            + CASE WHEN i % 5 = 0 THEN interval '7 minutes' WHEN i % 7 = 0 THEN interval '20 hours' ELSE interval '0' END AS t
    FROM generate_series(1, $more{rows}) i
) l;
END
    return $columns;
}

# Servers, whose settings are "here" and "there"; "options" are those of the foreign servers.  Where there is no
# postgres_fdw, the tests of the file are skipped.
sub new
{
    my ($class, $names, %conf) = @_;
    my $here = start_node('here', $conf{here});

    plan skip_all => 'needs postgres_fdw'
      if $here->safe_psql('postgres', "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'") ne '1';

    my $options = $conf{options} // ", async_capable 'true', fetch_size '10000', batch_size '1000'";
    my %there = map { $_ => start_node($_, $conf{there}) } @$names;

    $here->safe_psql('postgres', 'CREATE EXTENSION postgres_fdw');
    for my $name (@$names)
    {
        $here->safe_psql('postgres', sprintf(<<"END", $there{$name}->host, $there{$name}->port));
CREATE SERVER $name FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '%s', port '%s', dbname 'postgres', extensions 'custseg'$options);
CREATE USER MAPPING FOR CURRENT_USER SERVER $name;
END
    }
    return bless { here => $here, names => $names, there => \%there, heard => {} }, $class;
}

# Two servers that write down what they are asked, and one here that reads them without parallel queries of its own.
sub two
{
    my ($class) = @_;

    return $class->new([qw(west east)], here => "max_parallel_workers_per_gather = 0\n",
        there => "log_statement = all\nlog_min_messages = warning\n");
}

# The server here, and the others by their names.
sub nodes
{
    my ($self) = @_;

    return ($self->{here}, %{ $self->{there} });
}

# Make a partitioned table whose leaves, by a hash of a column, are in turn on the other servers, with the rows of
# another table, which may be followed by an order.
sub spread
{
    my ($self, $table, $columns, $leaves, $key, $rows) = @_;
    my ($here, $names) = @$self{qw(here names)};

    $here->safe_psql('postgres', "CREATE TABLE $table ($columns) PARTITION BY HASH ($key)");
    for my $i (0 .. $leaves - 1)
    {
        my $name = $names->[ $i % @$names ];

        $self->{there}{$name}->safe_psql('postgres', "CREATE TABLE ${table}_$i ($columns)");
        $here->safe_psql('postgres', "CREATE FOREIGN TABLE ${table}_$i PARTITION OF $table"
              . " FOR VALUES WITH (MODULUS $leaves, REMAINDER $i) SERVER $name OPTIONS (table_name '${table}_$i')");
    }
    $here->safe_psql('postgres', "INSERT INTO $table SELECT * FROM $rows");
}

# Spread a table like that of another name over the servers, by a hash of its id; its rows come in some order.
sub spread_like
{
    my ($self, $table, $leaves, $source, $order) = @_;

    $self->spread($table, $self->columns_of($source), $leaves, 'id', "$source ORDER BY $order");
}

# The definition of the columns of a table here.
sub columns_of
{
    my ($self, $table) = @_;

    return $self->{here}->safe_psql('postgres', "SELECT string_agg(format('%I %s', attname, atttypid::regtype), ', ' ORDER BY attnum)"
          . " FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0");
}

# Let a role of the server here come to the others as who runs the tests.
sub let_in
{
    my ($self, $role) = @_;

    $self->{here}->safe_psql('postgres', sprintf("CREATE USER MAPPING FOR $role SERVER %s OPTIONS (user '%s', password_required 'false')", $_, scalar getpwuid($<)))
      for @{ $self->{names} };
}

# What a statement gives here.
sub result
{
    my ($self, $statement) = @_;

    return $self->{here}->safe_psql('postgres', $statement);
}

# What a statement gives in which %s is the table, and what it tells, whatever the name of the table.
sub answer
{
    my ($self, $statement, $table) = @_;
    my ($out, $err);

    $self->{here}->psql('postgres', "SET timezone = 'America/New_York'; " . ($statement =~ s/%s/$table/gr), stdout => \$out, stderr => \$err);
    $err =~ s/psql:<stdin>:\d+: //g;
    $err =~ s/"$table"/"the source"/g;
    # the statement is not the same
    $err =~ s/^CONTEXT:  .*?(?=^[A-Z]+:  |\z)//msg;
    return "$out\n$err";
}

# A function that makes a row of each customer of "lines" heeds a policy of the parent "whole", and reads it without
# rights to the leaves; "arguments" are those behind the source.
sub heeds_policy
{
    my ($self, $function, $arguments) = @_;
    my $here = $self->{here};
    my $few = "SELECT count(*), min(customer_id), max(customer_id) FROM custseg.$function('%s', $arguments)";

    $here->safe_psql('postgres', "CREATE ROLE reader; GRANT SELECT ON lines, whole TO reader; ALTER TABLE whole ENABLE ROW LEVEL SECURITY;"
          . " CREATE POLICY few ON whole USING (customer < 'customer 2')");
    $self->let_in('reader');
    is((split /\n/, $self->answer("SET ROLE reader; $few", 'whole'))[0],
        $here->safe_psql('postgres', sprintf($few, "SELECT * FROM lines WHERE customer < ''customer 2''")), 'policies of a parent');
    $here->safe_psql('postgres', 'ALTER TABLE whole DISABLE ROW LEVEL SECURITY');
    is($self->answer("SET ROLE reader; $few", 'whole'), $self->answer("SET ROLE reader; $few", 'lines'), 'without rights to leaves they are read through their table');
}

# Forget what the other servers were asked so far.
sub listen_from_now
{
    my ($self) = @_;

    $self->{heard}{$_} = -s $self->{there}{$_}->logfile for @{ $self->{names} };
}

# What a server has been asked by cursors since, each statement in one line.
sub asked
{
    my ($self, $name) = @_;
    my $log = slurp_file($self->{there}{$name}->logfile, $self->{heard}{$name});

    return grep { /DECLARE c\d+ CURSOR FOR/ } map { s/\s+/ /gr } split /(?=LOG:  (?:statement|execute))/, $log;
}

# The other servers, or some of them, have been asked since for nothing but what may be asked for; listen on.
sub heard_no_rows
{
    my ($self, $what, $least, $allowed, @names) = @_;

    asked_for_no_rows("$what: $_", $least, $allowed, $self->asked($_)) for @names > 0 ? @names : @{ $self->{names} };
    $self->listen_from_now;
}

# The other servers have been asked since for states of passes and for counts, four times at least or so many, and sent no rows.
sub heard_states
{
    my ($self, $what, $least) = @_;

    $self->heard_no_rows($what, $least // 4, qr/SELECT custseg_private\.pass\(|count\(\*\)/);
}

1;
