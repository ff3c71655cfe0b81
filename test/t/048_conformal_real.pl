# Intervals of predictions of real customers hold: four targets, 20 seeded splits each, of which one half is learned
# and the other is looked at.
#
# CUSTSEG_DATA names the folder of the data, which are not part of custseg.

use strict;
use warnings FATAL => 'all';

use FindBin;
use lib "$FindBin::RealBin/../perl";
use CustsegTest;
use Test::More;

plan skip_all => 'CUSTSEG_DATA is not set' unless $ENV{CUSTSEG_DATA};

# Of each target: file, columns in the file's order, target, features, and the customer's id, which may be the line.
my %targets = (
    value => [ 'ibm_watson_clv/marketing_customer_value.csv.gz',
        'customer text, state text, value float8, response text, coverage text, education text, effective text, employment text, gender text, income float8, location text, marital text, premium float8, claim float8, inception float8, complaints float8, policies float8, type text, policy text, offer text, channel text, amount float8, class text, size text',
        '{income,premium,claim,inception,complaints,policies,amount,coverage,employment,class,offer}' ],
    monthly => [ 'telco_churn/Telco-Customer-Churn.csv.gz',
        'customer text, gender text, senior int, partner text, dependents text, tenure float8, phone text, lines text, internet text, security text, backup text, protection text, support text, tv text, movies text, contract text, paperless text, payment text, monthly float8, total text, churn text',
        '{tenure,senior,partner,lines,internet,contract,payment,tv,movies}' ],
    purchases => [ 'credit_card/CC_GENERAL.csv.gz',
        'customer text, balance float8, balance_frequency float8, purchases float8, oneoff float8, installments float8, advance float8, frequency float8, oneoff_frequency float8, installments_frequency float8, advance_frequency float8, advance_trx float8, trx float8, "limit" float8, payments float8, minimum float8, full_payment float8, tenure float8',
        '{balance,balance_frequency,frequency,oneoff_frequency,advance,trx,limit,payments,tenure}' ],
    duration => [ 'bank_marketing/bank-additional-full.csv.gz',
        'age float8, job text, marital text, education text, fault text, housing text, loan text, contact text, month text, day text, duration float8, campaign float8, pdays float8, previous float8, outcome text, variation float8, price float8, confidence float8, euribor float8, employed float8, y text',
        '{age,job,marital,contact,month,day,campaign,previous,outcome,euribor,y}' ]);

my $node = start_node('conformal', 'maintenance_work_mem = 256MB');
my $splits = 20;

for my $target (sort keys %targets)
{
    my ($path, $columns, $features) = @{ $targets{$target} };
    my $file = "$ENV{CUSTSEG_DATA}/$path";

  SKIP:
    {
        skip "$file is not there", 4 unless -r $file;
        $node->safe_psql('postgres', "CREATE TABLE $target (line bigint GENERATED ALWAYS AS IDENTITY, $columns);"
              . "COPY $target (" . join(', ', map { /^\s*(\S+)/ } split /,/, $columns) . ") FROM PROGRAM \$p\$gzip -dc '$file'\$p\$ CSV HEADER;"
              . "DELETE FROM $target WHERE line > 6000;");
        for my $algorithm ('linear', 'forest')
        {
            my ($deviation, $beyond, $sum, $least, $most) = (0, 0, 0, 1, 0);

            for my $split (1 .. $splits)
            {
                my $is_learned = "hashint8extended(line, $split) & 1 = 0";

                my $answer = $node->safe_psql('postgres', <<"END");
SET client_min_messages = error;
SELECT version FROM custseg.train_value('m', 'SELECT * FROM $target WHERE $is_learned', '$target', '$features', '$algorithm', 'line', deploy => true);
SELECT avg((t.$target BETWEEN s.low AND s.high)::int), count(*) FROM custseg.score_value('m', 'SELECT * FROM $target WHERE NOT ($is_learned)', 0.9) s JOIN $target t ON t.line::text = s.id WHERE s.low IS NOT NULL;
SELECT custseg.drop_model('m', whole => true);
END
                my ($coverage, $n) = $answer =~ /^([\d.]+)\|(\d+)$/m;

                # the customers that the interval is made of are as many as those that are looked at
                $deviation = sqrt(0.09 * 2 / $n);
                $beyond++ if abs($coverage - 0.9) > 1.96 * $deviation;
                $sum += $coverage / $splits;
                $least = $coverage if $coverage < $least;
                $most = $coverage if $coverage > $most;
            }
            # 5 of 20 beyond chance come by chance in 3 of 1,000 such tests
            cmp_ok(abs($sum - 0.9), '<', 0.01, "$target, $algorithm: coverage of intervals of 90 %");
            cmp_ok($beyond, '<=', 4, "$target, $algorithm: splits beyond what chance does");
            note(sprintf('%s, %s: coverage %.4f, %.4f to %.4f, %d of %d splits beyond 1.96 deviations (%.4f)', $target, $algorithm, $sum, $least, $most, $beyond, $splits, $deviation));
        }
    }
}

$node->stop;
done_testing();
