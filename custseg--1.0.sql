/* custseg--1.0.sql: tables, functions in the order of src/, views, rights */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION custseg" to load this file. \quit

CREATE SCHEMA custseg;
COMMENT ON SCHEMA custseg IS 'Customer segmentation: models, their versions and segments, and the functions that make and use them.';

-- What no user calls: states of aggregates, input and output of types, triggers, steps of reports.
-- Private is a word about names, not about rights: what a function may do is said by its own grants.
CREATE SCHEMA custseg_private;
COMMENT ON SCHEMA custseg_private IS 'Internal objects of custseg that no user calls; they may change with any version.';

-- roles that the tables name

CREATE FUNCTION custseg_private.role_oid(name name, oid oid, cluster bigint) RETURNS oid
AS 'MODULE_PATHNAME', 'custseg_role_oid'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.role_oid IS 'Returns the OID of a role that a table keeps: in its cluster the OID decides, elsewhere the name. NULL when there is no such role any more.';

CREATE FUNCTION custseg_private.role_name(name name, oid oid, cluster bigint) RETURNS name
AS 'MODULE_PATHNAME', 'custseg_role_name'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.role_name IS 'Returns the present name of a role that a table keeps, or the last known name of one that is gone.';

CREATE FUNCTION custseg_private.is_same_role(
    name name, oid oid, cluster bigint,
    other_name name, other_oid oid, other_cluster bigint
) RETURNS bool
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT name = other_name
        AND custseg_private.role_oid(name, oid, cluster) IS NOT DISTINCT FROM custseg_private.role_oid(other_name, other_oid, other_cluster);
END;

COMMENT ON FUNCTION custseg_private.is_same_role IS 'Tells whether two rows of tables name the same role; of roles that are gone the names tell.';

CREATE FUNCTION custseg_private.bind_role() RETURNS trigger
AS 'MODULE_PATHNAME', 'custseg_bind_role'
LANGUAGE C;

COMMENT ON FUNCTION custseg_private.bind_role IS 'Keeps the OID of a role beside its name; a trigger function.';

REVOKE EXECUTE ON FUNCTION custseg_private.bind_role FROM public;

-- rows of the reports that monitor() keeps

CREATE FUNCTION custseg_private.verdict_rank(verdict text) RETURNS int
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_position('{ok,insufficient data,watch,drifted,broken}', verdict);
END;

COMMENT ON FUNCTION custseg_private.verdict_rank IS 'Returns the position of a verdict in the order of severity, the worst last; NULL when there is no such verdict.';

CREATE TYPE custseg.drift_result AS (
    feature text,
    kind text,
    n_baseline bigint,
    n_current bigint,
    null_share_baseline float8,
    null_share_current float8,
    ks float8,
    psi float8,
    psi_critical float8,
    wasserstein float8,
    jensen_shannon float8,
    chi_square float8,
    cramers_v float8,
    l_infinity float8,
    statistics jsonb,
    new_levels text[],
    vanished_levels text[],
    p_value float8,
    p_adjusted float8,
    verdict text,
    reason text
);

COMMENT ON TYPE custseg.drift_result IS 'Row that drift() returns and monitor() keeps in monitor_feature.';
COMMENT ON COLUMN custseg.drift_result.feature IS 'Feature of the model.';
COMMENT ON COLUMN custseg.drift_result.kind IS 'Kind of the feature, as in training: numeric, boolean, time or categorical.';
COMMENT ON COLUMN custseg.drift_result.n_baseline IS 'Rows of the baseline; NULL where the column cannot be read as in training.';
COMMENT ON COLUMN custseg.drift_result.n_current IS 'Rows of the source; NULL where the column cannot be read as in training.';
COMMENT ON COLUMN custseg.drift_result.null_share_baseline IS 'Share of the baseline''s rows without a value, 0 to 1.';
COMMENT ON COLUMN custseg.drift_result.null_share_current IS 'Share of the source''s rows without a value, 0 to 1.';
COMMENT ON COLUMN custseg.drift_result.ks IS 'Kolmogorov-Smirnov distance, 0 to 1; NULL for categories and booleans.';
COMMENT ON COLUMN custseg.drift_result.psi IS 'Population stability index, 0 or more.';
COMMENT ON COLUMN custseg.drift_result.psi_critical IS 'Value that psi exceeds by chance in 5 of 100 sources.';
COMMENT ON COLUMN custseg.drift_result.wasserstein IS 'Wasserstein distance in standard deviations of the baseline; NULL for categories and booleans, and where only the baseline is constant.';
COMMENT ON COLUMN custseg.drift_result.jensen_shannon IS 'Jensen-Shannon distance to base 2, 0 to 1.';
COMMENT ON COLUMN custseg.drift_result.chi_square IS 'Chi-square statistic of the levels; NULL for numbers and times.';
COMMENT ON COLUMN custseg.drift_result.cramers_v IS 'Cramer''s V of the levels, 0 to 1; NULL for numbers and times.';
COMMENT ON COLUMN custseg.drift_result.l_infinity IS 'Largest change of a level''s share, 0 to 1; NULL for numbers and times.';
COMMENT ON COLUMN custseg.drift_result.statistics IS 'All statistics by name, each with its value and, where they exist, critical and p_value; NULL where nothing could be compared.';
COMMENT ON COLUMN custseg.drift_result.new_levels IS 'Levels that are not in the baseline, at most ten, the most frequent first; NULL for numbers and times.';
COMMENT ON COLUMN custseg.drift_result.vanished_levels IS 'Levels that are not in the source, at most ten, the most frequent first; NULL for numbers and times.';
COMMENT ON COLUMN custseg.drift_result.p_value IS 'Probability of such a change, or a larger one, by chance; NULL with too few rows.';
COMMENT ON COLUMN custseg.drift_result.p_adjusted IS 'The p_value, adjusted for the number of features (Benjamini-Hochberg).';
COMMENT ON COLUMN custseg.drift_result.verdict IS 'Verdict: ok, watch, drifted or insufficient data.';
COMMENT ON COLUMN custseg.drift_result.reason IS 'Explanation of the verdict in words.';

CREATE TYPE custseg.segment_sizes_result AS (
    segment int,
    name text,
    n bigint,
    share float8,
    training_share float8,
    change float8,
    low float8,
    high float8,
    p_adjusted float8,
    mean_distance float8,
    training_mean_distance float8,
    herfindahl float8,
    entropy float8,
    psi float8,
    psi_critical float8,
    n_unplaced bigint,
    verdict text,
    reason text
);

COMMENT ON TYPE custseg.segment_sizes_result IS 'Row that segment_sizes() returns and monitor() keeps in monitor_segment.';
COMMENT ON COLUMN custseg.segment_sizes_result.segment IS 'Number of the segment; NULL in the row of all segments.';
COMMENT ON COLUMN custseg.segment_sizes_result.name IS 'Name of the segment, or total.';
COMMENT ON COLUMN custseg.segment_sizes_result.n IS 'Customers placed in the segment; NULL where none can be placed.';
COMMENT ON COLUMN custseg.segment_sizes_result.share IS 'Share of all customers that are placed, 0 to 1.';
COMMENT ON COLUMN custseg.segment_sizes_result.training_share IS 'Share of the training rows, 0 to 1.';
COMMENT ON COLUMN custseg.segment_sizes_result.change IS 'Change of the share since training, in percentage points.';
COMMENT ON COLUMN custseg.segment_sizes_result.low IS 'Lower end of the confidence interval of the share.';
COMMENT ON COLUMN custseg.segment_sizes_result.high IS 'Upper end of the confidence interval of the share.';
COMMENT ON COLUMN custseg.segment_sizes_result.p_adjusted IS 'Probability of such a change, or a larger one, by chance, adjusted for the number of segments and their total (Benjamini-Hochberg).';
COMMENT ON COLUMN custseg.segment_sizes_result.mean_distance IS 'Mean distance of the segment''s customers to its center, in model space.';
COMMENT ON COLUMN custseg.segment_sizes_result.training_mean_distance IS 'Mean distance of the segment''s training rows to its center, in model space.';
COMMENT ON COLUMN custseg.segment_sizes_result.herfindahl IS 'Herfindahl index: sum of the squared shares, 1 when one segment has all customers; only in the row of all segments.';
COMMENT ON COLUMN custseg.segment_sizes_result.entropy IS 'Entropy of the shares divided by the entropy of equal shares, 0 to 1; only in the row of all segments.';
COMMENT ON COLUMN custseg.segment_sizes_result.psi IS 'Population stability index of the mix of segments; only in the row of all segments.';
COMMENT ON COLUMN custseg.segment_sizes_result.psi_critical IS 'Value that psi exceeds by chance in 5 of 100 sources; only in the row of all segments.';
COMMENT ON COLUMN custseg.segment_sizes_result.n_unplaced IS 'Customers that could not be placed; only in the row of all segments.';
COMMENT ON COLUMN custseg.segment_sizes_result.verdict IS 'Verdict: ok, watch, drifted or insufficient data.';
COMMENT ON COLUMN custseg.segment_sizes_result.reason IS 'Explanation of the verdict in words.';

CREATE TYPE custseg.segment_kpis_result AS (
    month date,
    is_complete bool,
    segment int,
    name text,
    n bigint,
    n_buyers bigint,
    n_orders bigint,
    orders_squares float8,
    revenue float8,
    revenue_squares float8,
    n_retained bigint,
    n_buyers_before bigint,
    n_new bigint,
    n_lost bigint,
    conversion float8,
    average_order float8,
    revenue_per_customer float8,
    orders_per_customer float8,
    retention float8,
    reason text
);

COMMENT ON TYPE custseg.segment_kpis_result IS 'Row of segment_kpis() and of its history.';
COMMENT ON COLUMN custseg.segment_kpis_result.month IS 'First day of the month.';
COMMENT ON COLUMN custseg.segment_kpis_result.is_complete IS 'Whether the month is over.';
COMMENT ON COLUMN custseg.segment_kpis_result.segment IS 'Number of the segment; NULL for customers without a segment, and for all together.';
COMMENT ON COLUMN custseg.segment_kpis_result.name IS 'Name of the segment, no segment, or total.';
COMMENT ON COLUMN custseg.segment_kpis_result.n IS 'Number of customers.';
COMMENT ON COLUMN custseg.segment_kpis_result.n_buyers IS 'Customers who bought in the month.';
COMMENT ON COLUMN custseg.segment_kpis_result.n_orders IS 'Orders of the month.';
COMMENT ON COLUMN custseg.segment_kpis_result.orders_squares IS 'Sum over the customers of the squares of their orders.';
COMMENT ON COLUMN custseg.segment_kpis_result.revenue IS 'Sum of the amounts of the month; NULL without amounts.';
COMMENT ON COLUMN custseg.segment_kpis_result.revenue_squares IS 'Sum over the customers of the squares of their revenue; NULL without amounts.';
COMMENT ON COLUMN custseg.segment_kpis_result.n_retained IS 'Customers who bought in the month, and in the month before.';
COMMENT ON COLUMN custseg.segment_kpis_result.n_buyers_before IS 'Customers who bought in the month before.';
COMMENT ON COLUMN custseg.segment_kpis_result.n_new IS 'Customers whose first purchase of all was in the month.';
COMMENT ON COLUMN custseg.segment_kpis_result.n_lost IS 'Customers who bought in the month before, and not in the month.';
COMMENT ON COLUMN custseg.segment_kpis_result.conversion IS 'Share of the customers who bought.';
COMMENT ON COLUMN custseg.segment_kpis_result.average_order IS 'Revenue of an order; NULL without orders or amounts.';
COMMENT ON COLUMN custseg.segment_kpis_result.revenue_per_customer IS 'Revenue of a customer, whether he bought or not; NULL without amounts.';
COMMENT ON COLUMN custseg.segment_kpis_result.orders_per_customer IS 'Orders of a customer, whether he bought or not.';
COMMENT ON COLUMN custseg.segment_kpis_result.retention IS 'Share of those who bought in the month before who bought again; NULL where nobody had.';
COMMENT ON COLUMN custseg.segment_kpis_result.reason IS 'What is to be said of the month, in the row of all; NULL when there is nothing to say.';

CREATE TYPE custseg.segment_value_result AS (
    segment int,
    name text,
    n bigint,
    share float8,
    alive float8,
    expected_purchases float8,
    value_sum float8,
    value_mean float8,
    value_share float8,
    low float8,
    high float8,
    mean_low float8,
    mean_high float8,
    value_at_risk float8,
    n_leaving bigint,
    n_left bigint,
    leaving_at_risk float8,
    reason text
);

COMMENT ON TYPE custseg.segment_value_result IS 'Row of segment_value() and of its history.';
COMMENT ON COLUMN custseg.segment_value_result.segment IS 'Number of the segment; NULL for customers without a segment, and for all together.';
COMMENT ON COLUMN custseg.segment_value_result.name IS 'Name of the segment, no segment, or total.';
COMMENT ON COLUMN custseg.segment_value_result.n IS 'Number of customers.';
COMMENT ON COLUMN custseg.segment_value_result.share IS 'Share of all customers, 0 to 1.';
COMMENT ON COLUMN custseg.segment_value_result.alive IS 'Share of the customers who have not left yet, as expected; NULL where the data do not tell, and by models of other kinds than purchases.';
COMMENT ON COLUMN custseg.segment_value_result.expected_purchases IS 'Expected number of purchases within the horizon; NULL by models of other kinds than purchases.';
COMMENT ON COLUMN custseg.segment_value_result.value_sum IS 'What the customers are worth together: the value today of what they are expected to spend within the horizon, the sum of predicted numbers, or the expected number of customers who have the outcome; NULL without amounts.';
COMMENT ON COLUMN custseg.segment_value_result.value_mean IS 'The same for each customer.';
COMMENT ON COLUMN custseg.segment_value_result.value_share IS 'Share of the value of all customers.';
COMMENT ON COLUMN custseg.segment_value_result.low IS 'Lower end of the interval in which the sum will lie (of the purchases, without amounts); NULL where the errors of the model are not known.';
COMMENT ON COLUMN custseg.segment_value_result.high IS 'Upper end of that interval.';
COMMENT ON COLUMN custseg.segment_value_result.mean_low IS 'Lower end for each customer.';
COMMENT ON COLUMN custseg.segment_value_result.mean_high IS 'Upper end for each customer.';
COMMENT ON COLUMN custseg.segment_value_result.value_at_risk IS 'What the customers who have left, as expected, would be worth if they had not; NULL as alive is.';
COMMENT ON COLUMN custseg.segment_value_result.n_leaving IS 'Customers of whom nobody knows whether they have left, who are there with a chance from 0.2 to 0.8; NULL as alive is.';
COMMENT ON COLUMN custseg.segment_value_result.n_left IS 'Customers who have probably left, who are there with a chance below 0.2; NULL as alive is.';
COMMENT ON COLUMN custseg.segment_value_result.leaving_at_risk IS 'Part of value_at_risk that comes from the customers of n_leaving.';
COMMENT ON COLUMN custseg.segment_value_result.reason IS 'What the data do not tell; NULL when there is nothing to say.';

CREATE TYPE custseg.data_quality_result AS (
    subject text,
    name text,
    state text,
    kind text,
    training_type text,
    type text,
    n bigint,
    training_null_share float8,
    null_share float8,
    infinite_share float8,
    below_range_share float8,
    above_range_share float8,
    training_clipped_share float8,
    clipped_share float8,
    unseen_levels text[],
    unseen_share float8,
    constant bool,
    n_duplicates bigint,
    newest timestamptz,
    age interval,
    verdict text,
    reason text
);

COMMENT ON TYPE custseg.data_quality_result IS 'Row that data_quality() returns.';
COMMENT ON COLUMN custseg.data_quality_result.subject IS 'Subject of the row: source, id, time or feature.';
COMMENT ON COLUMN custseg.data_quality_result.name IS 'Name of the source, or of the column.';
COMMENT ON COLUMN custseg.data_quality_result.state IS 'Whether the column can be read as in training: ok, missing or other kind; NULL for the source.';
COMMENT ON COLUMN custseg.data_quality_result.kind IS 'Kind of the feature, as in training: numeric, boolean, time or categorical.';
COMMENT ON COLUMN custseg.data_quality_result.training_type IS 'Type of the column in training.';
COMMENT ON COLUMN custseg.data_quality_result.type IS 'Type of the column now; NULL where it is missing.';
COMMENT ON COLUMN custseg.data_quality_result.n IS 'Rows of the source.';
COMMENT ON COLUMN custseg.data_quality_result.training_null_share IS 'Share of the training rows without a value, 0 to 1.';
COMMENT ON COLUMN custseg.data_quality_result.null_share IS 'Share of the rows without a value, 0 to 1.';
COMMENT ON COLUMN custseg.data_quality_result.infinite_share IS 'Share of the rows with an infinite value, 0 to 1.';
COMMENT ON COLUMN custseg.data_quality_result.below_range_share IS 'Share of the rows below the minimum of training, 0 to 1.';
COMMENT ON COLUMN custseg.data_quality_result.above_range_share IS 'Share of the rows above the maximum of training, 0 to 1.';
COMMENT ON COLUMN custseg.data_quality_result.training_clipped_share IS 'Share of the training rows beyond the limits that clip fitted, 0 to 1; NULL without clip.';
COMMENT ON COLUMN custseg.data_quality_result.clipped_share IS 'Share of the rows beyond the limits that clip fitted, 0 to 1; NULL without clip.';
COMMENT ON COLUMN custseg.data_quality_result.unseen_levels IS 'Levels that the model does not know, at most ten, the most frequent first; NULL for numbers and times.';
COMMENT ON COLUMN custseg.data_quality_result.unseen_share IS 'Share of the rows with a level that the model does not know, 0 to 1; NULL for numbers and times.';
COMMENT ON COLUMN custseg.data_quality_result.constant IS 'Whether the column has two or more values and all are the same.';
COMMENT ON COLUMN custseg.data_quality_result.n_duplicates IS 'Rows that repeat the id of another row; only in the row of the id.';
COMMENT ON COLUMN custseg.data_quality_result.newest IS 'Newest value of the time column; only in the row of that column.';
COMMENT ON COLUMN custseg.data_quality_result.age IS 'Age of the newest value; only in the row of the time column.';
COMMENT ON COLUMN custseg.data_quality_result.verdict IS 'Verdict: ok, watch, broken or insufficient data.';
COMMENT ON COLUMN custseg.data_quality_result.reason IS 'Explanation of the verdict in words.';

CREATE TYPE custseg.drift_multivariate_result AS (
    n_baseline bigint,
    n_current bigint,
    statistic float8,
    p_value float8,
    verdict text,
    reason text
);

COMMENT ON TYPE custseg.drift_multivariate_result IS 'Row that drift_multivariate() returns.';
COMMENT ON COLUMN custseg.drift_multivariate_result.n_baseline IS 'Rows of the baseline that can be placed.';
COMMENT ON COLUMN custseg.drift_multivariate_result.n_current IS 'Rows of the source that can be placed.';
COMMENT ON COLUMN custseg.drift_multivariate_result.statistic IS 'Coefficient of inhomogeneity (normalized energy distance) of the two samples in model space, 0 to 1; NULL where nothing could be compared.';
COMMENT ON COLUMN custseg.drift_multivariate_result.p_value IS 'Probability of such a distance, or a larger one, by chance.';
COMMENT ON COLUMN custseg.drift_multivariate_result.verdict IS 'Verdict: ok, watch, drifted or insufficient data.';
COMMENT ON COLUMN custseg.drift_multivariate_result.reason IS 'Explanation of the verdict in words.';

CREATE TYPE custseg.outcome_calibration_result AS (
    n bigint,
    n_pending bigint,
    n_unpredicted bigint,
    days int,
    mean_predicted float8,
    mean_actual float8,
    bias float8,
    low float8,
    high float8,
    slope float8,
    slope_low float8,
    slope_high float8,
    intercept float8,
    rmse float8,
    training_rmse float8,
    mae float8,
    training_mae float8,
    auc float8,
    training_auc float8,
    log_loss float8,
    training_log_loss float8,
    brier float8,
    training_brier float8,
    confidence float8,
    coverage float8,
    p_value float8,
    p_adjusted float8,
    verdict text,
    reason text
);

COMMENT ON TYPE custseg.outcome_calibration_result IS 'Row that outcome_calibration() returns.';
COMMENT ON COLUMN custseg.outcome_calibration_result.n IS 'Outcomes that are judged: rows, or customers in a model of purchases.';
COMMENT ON COLUMN custseg.outcome_calibration_result.n_pending IS 'Rows whose outcome is not known yet.';
COMMENT ON COLUMN custseg.outcome_calibration_result.n_unpredicted IS 'Rows of which the version predicts nothing; in a model of purchases, customers who came later.';
COMMENT ON COLUMN custseg.outcome_calibration_result.days IS 'Days for which purchases are counted; NULL in a model of another kind.';
COMMENT ON COLUMN custseg.outcome_calibration_result.mean_predicted IS 'Mean of the predictions; of purchases, purchases of a customer.';
COMMENT ON COLUMN custseg.outcome_calibration_result.mean_actual IS 'Mean of the outcomes.';
COMMENT ON COLUMN custseg.outcome_calibration_result.bias IS 'Mean of outcome less prediction.';
COMMENT ON COLUMN custseg.outcome_calibration_result.low IS 'Lower end of the interval of 95 % of the bias.';
COMMENT ON COLUMN custseg.outcome_calibration_result.high IS 'Upper end of the interval of 95 % of the bias.';
COMMENT ON COLUMN custseg.outcome_calibration_result.slope IS 'Slope of the line of outcomes by predictions, 1 where predictions hold; NULL where all predictions are the same.';
COMMENT ON COLUMN custseg.outcome_calibration_result.slope_low IS 'Lower end of its interval of 95 %.';
COMMENT ON COLUMN custseg.outcome_calibration_result.slope_high IS 'Upper end of its interval of 95 %.';
COMMENT ON COLUMN custseg.outcome_calibration_result.intercept IS 'Intercept of the line.';
COMMENT ON COLUMN custseg.outcome_calibration_result.rmse IS 'Root mean squared error; NULL, like mae, in a model of a probability.';
COMMENT ON COLUMN custseg.outcome_calibration_result.training_rmse IS 'Root mean squared error of rows that the training''s models had not seen; NULL, like all that begins with training, in a model of purchases.';
COMMENT ON COLUMN custseg.outcome_calibration_result.mae IS 'Mean absolute error.';
COMMENT ON COLUMN custseg.outcome_calibration_result.training_mae IS 'Mean absolute error in training, of such rows.';
COMMENT ON COLUMN custseg.outcome_calibration_result.auc IS 'Area under the ROC curve; NULL, like log_loss and brier, unless the model is of a probability.';
COMMENT ON COLUMN custseg.outcome_calibration_result.training_auc IS 'Area under the ROC curve in training, of such rows.';
COMMENT ON COLUMN custseg.outcome_calibration_result.log_loss IS 'Mean log loss.';
COMMENT ON COLUMN custseg.outcome_calibration_result.training_log_loss IS 'Mean log loss in training, of such rows.';
COMMENT ON COLUMN custseg.outcome_calibration_result.brier IS 'Brier score: mean squared error of the probabilities.';
COMMENT ON COLUMN custseg.outcome_calibration_result.training_brier IS 'Brier score in training, of such rows.';
COMMENT ON COLUMN custseg.outcome_calibration_result.confidence IS 'Confidence of the intervals whose coverage is told; NULL, like coverage, where there are none.';
COMMENT ON COLUMN custseg.outcome_calibration_result.coverage IS 'Share of the outcomes that lie in their intervals; of purchases with amounts, of the values.';
COMMENT ON COLUMN custseg.outcome_calibration_result.p_value IS 'Smallest probability of such a difference by chance, over what is compared: bias, error, slope and coverage.';
COMMENT ON COLUMN custseg.outcome_calibration_result.p_adjusted IS 'The same, adjusted for how many are compared (Bonferroni).';
COMMENT ON COLUMN custseg.outcome_calibration_result.verdict IS 'Verdict: ok, watch, drifted or insufficient data.';
COMMENT ON COLUMN custseg.outcome_calibration_result.reason IS 'Explanation of the verdict in words.';

CREATE TYPE custseg_private.silhouette_result AS (
    silhouette float8,
    n bigint,
    deviation float8
);

COMMENT ON TYPE custseg_private.silhouette_result IS 'Mean silhouette width of a sample of a source.';
COMMENT ON COLUMN custseg_private.silhouette_result.silhouette IS 'Mean silhouette width, -1 to 1; NULL with fewer than two segments.';
COMMENT ON COLUMN custseg_private.silhouette_result.n IS 'Rows of the sample.';
COMMENT ON COLUMN custseg_private.silhouette_result.deviation IS 'Standard deviation of the sample''s silhouette widths.';

CREATE TYPE custseg_private.alert_cause AS (
    kind text,
    subject text,
    severity text,
    opens bool,
    at_once bool,
    message text
);

COMMENT ON TYPE custseg_private.alert_cause IS 'Finding of a run of monitor() about a subject that can have an alert.';
COMMENT ON COLUMN custseg_private.alert_cause.kind IS 'Check that found the problem.';
COMMENT ON COLUMN custseg_private.alert_cause.subject IS 'Subject of the finding: a feature, a segment, or the whole in parentheses.';
COMMENT ON COLUMN custseg_private.alert_cause.severity IS 'Severity: warning or critical; NULL where the subject cannot be judged now.';
COMMENT ON COLUMN custseg_private.alert_cause.opens IS 'Whether the finding opens an alert, at the second run in a row or at once.';
COMMENT ON COLUMN custseg_private.alert_cause.at_once IS 'Whether one run is enough: what was found is no sample''s chance, or its p_adjusted is below 0.001.';
COMMENT ON COLUMN custseg_private.alert_cause.message IS 'Description of the problem in words.';

-- tables
--
-- There are no foreign keys between them: pg_restore --jobs loads an extension's tables in any
-- order.  Only custseg's functions write them, and they delete what belongs together.

CREATE TABLE custseg.model (
    name text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 63),
    owner name NOT NULL,
    deployed_version int,
    kind text NOT NULL DEFAULT 'segments' CHECK (kind IN ('segments', 'purchases', 'value', 'probability')),
    last_version int NOT NULL CHECK (last_version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    owner_oid oid,
    owner_cluster bigint
);

COMMENT ON TABLE custseg.model IS 'Models, one row for each; see the view models.';
COMMENT ON COLUMN custseg.model.name IS 'Name of the model.';
COMMENT ON COLUMN custseg.model.owner IS 'Role that may change the model; the column holds a name, so that a dump can be restored where the role does not exist.';
COMMENT ON COLUMN custseg.model.owner_oid IS 'OID of that role; NULL when there was none of the name.';
COMMENT ON COLUMN custseg.model.owner_cluster IS 'Identifier of the database cluster in which the OID, not the name, says who the role is.';
COMMENT ON COLUMN custseg.model.deployed_version IS 'Version that scoring uses by default; NULL when none is deployed.';
COMMENT ON COLUMN custseg.model.kind IS 'What the model tells of a customer: segments, purchases, value or probability; it never changes.';
COMMENT ON COLUMN custseg.model.last_version IS 'Highest version ever trained; a dropped version''s number is not used again.';
COMMENT ON COLUMN custseg.model.created_at IS 'Time at which the first version was trained.';
COMMENT ON COLUMN custseg.model.changed_at IS 'Time of the last change: a version, a deployment, a name, an action, the presentation, a grant, or a decision by hand.';

CREATE TABLE custseg.model_version (
    model text NOT NULL,
    version int NOT NULL CHECK (version > 0),
    algorithm text NOT NULL,
    source text NOT NULL,
    search_path text NOT NULL,
    source_adopted bool NOT NULL DEFAULT true,
    id text,
    id_types text[],
    n_rows bigint NOT NULL,
    n_skipped bigint NOT NULL,
    skipped jsonb NOT NULL,
    n_segments int,
    prep jsonb NOT NULL,
    reduction jsonb,
    donors jsonb,
    options jsonb NOT NULL,
    parameters jsonb,
    points float8[],
    point_segments int[],
    point_places int[],
    note text,
    seed bigint NOT NULL,
    metrics jsonb NOT NULL,
    diagnostics jsonb,
    iterations int NOT NULL,
    converged bool NOT NULL,
    milliseconds float8 NOT NULL,
    trained_at timestamptz NOT NULL DEFAULT now(),
    trained_by name NOT NULL,
    server_version text NOT NULL,
    extension_version text NOT NULL,
    PRIMARY KEY (model, version)
);

-- many megabytes of numbers take longer to compress than to compute, and nothing can interrupt it
ALTER TABLE custseg.model_version ALTER COLUMN parameters SET STORAGE EXTERNAL;
ALTER TABLE custseg.model_version ALTER COLUMN points SET STORAGE EXTERNAL;
ALTER TABLE custseg.model_version ALTER COLUMN point_segments SET STORAGE EXTERNAL;
ALTER TABLE custseg.model_version ALTER COLUMN point_places SET STORAGE EXTERNAL;

COMMENT ON TABLE custseg.model_version IS 'Trained versions of models; a version never changes.';
COMMENT ON COLUMN custseg.model_version.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.model_version.version IS 'Number of the version, from 1.';
COMMENT ON COLUMN custseg.model_version.algorithm IS 'Algorithm that was given to train(), such as kmeans, minibatch or gmm.';
COMMENT ON COLUMN custseg.model_version.source IS 'Relation or query that the version was trained on.';
COMMENT ON COLUMN custseg.model_version.search_path IS 'Schemas in which the names of the source are looked up.';
COMMENT ON COLUMN custseg.model_version.source_adopted IS 'Whether the source was written by the present owner of the model, or adopted with adopt_source(); otherwise it is never read.';
COMMENT ON COLUMN custseg.model_version.id IS 'Column of the source that identifies a customer, or columns that do so together, separated by commas; NULL when there is none.';
COMMENT ON COLUMN custseg.model_version.id_types IS 'Types of the columns of the id; NULL when there is none.';
COMMENT ON COLUMN custseg.model_version.n_rows IS 'Rows that the version was trained on.';
COMMENT ON COLUMN custseg.model_version.n_skipped IS 'Rows that were left out.';
COMMENT ON COLUMN custseg.model_version.skipped IS 'Number of rows that were left out, by reason.';
COMMENT ON COLUMN custseg.model_version.n_segments IS 'Number of segments, without noise (segment 0); NULL in a model of another kind.';
COMMENT ON COLUMN custseg.model_version.prep IS 'Preparation as requested, with defaults filled in; the fitted preparation is in feature.prep.';
COMMENT ON COLUMN custseg.model_version.reduction IS 'Fitted principal components: mean, variance, total_variance, components; NULL without pca.';
COMMENT ON COLUMN custseg.model_version.donors IS 'Scaled training rows from which impute => knn fills gaps; NULL without that imputation.';
COMMENT ON COLUMN custseg.model_version.options IS 'Options of the algorithm, with defaults filled in.';
COMMENT ON COLUMN custseg.model_version.parameters IS 'Parameters that the algorithm needs for scoring besides the centers of the segments and the points; NULL when the centers are enough.';
COMMENT ON COLUMN custseg.model_version.points IS 'Points in model space that customers are compared with, an array of numbers for each: of dbscan, what its definition calls core_points; NULL of other algorithms.';
COMMENT ON COLUMN custseg.model_version.point_segments IS 'Segment of each point: of dbscan, what its definition calls core_segments; NULL of other algorithms.';
COMMENT ON COLUMN custseg.model_version.point_places IS 'Places of the points in a tree of neighbors, so that the version is loaded sooner: at each place the number of a point, counted from 0, or -1; NULL when they are not known.';
COMMENT ON COLUMN custseg.model_version.note IS 'Decisions that the algorithm took by itself; NULL when there were none.';
COMMENT ON COLUMN custseg.model_version.seed IS 'Seed of all random numbers of the training.';
COMMENT ON COLUMN custseg.model_version.metrics IS 'Inertia, silhouette, silhouette_deviation (standard deviation of its rows'' widths), silhouette_sample (rows it was computed on), mean_distance, between_share (1 - inertia / total sum of squares), measures of the algorithm, and the milliseconds for reading, preparing and fitting.';
COMMENT ON COLUMN custseg.model_version.diagnostics IS 'What only the training knew, as arrays of rows or null: choose_k, merges, k_distance and scree; see the views training_choose_k, training_merges, training_k_distance and training_scree. NULL in a model of another kind.';
COMMENT ON COLUMN custseg.model_version.iterations IS 'Iterations of the run that was kept.';
COMMENT ON COLUMN custseg.model_version.converged IS 'Whether the algorithm converged before its limit of iterations.';
COMMENT ON COLUMN custseg.model_version.milliseconds IS 'Duration of the training in milliseconds.';
COMMENT ON COLUMN custseg.model_version.trained_at IS 'Start of the transaction that trained the version.';
COMMENT ON COLUMN custseg.model_version.trained_by IS 'Role that trained the version.';
COMMENT ON COLUMN custseg.model_version.server_version IS 'Version of PostgreSQL that trained the model version.';
COMMENT ON COLUMN custseg.model_version.extension_version IS 'Version of custseg that trained the model version.';

CREATE TABLE custseg.model_within (
    model text NOT NULL,
    version int NOT NULL,
    parent_model text NOT NULL CHECK (parent_model <> model),
    parent_version int NOT NULL,
    segment int NOT NULL CHECK (segment >= 0),
    PRIMARY KEY (model, version)
);

CREATE INDEX model_within_parent ON custseg.model_within (parent_model, segment);

COMMENT ON TABLE custseg.model_within IS 'Versions of models within a segment of another model, of whose customers alone they are; a row never changes.';
COMMENT ON COLUMN custseg.model_within.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.model_within.version IS 'Version of the model.';
COMMENT ON COLUMN custseg.model_within.parent_model IS 'Model that the segment is of; the same for all versions.';
COMMENT ON COLUMN custseg.model_within.parent_version IS 'Version of that model that was deployed, and placed the customers, when this version was trained.';
COMMENT ON COLUMN custseg.model_within.segment IS 'Number of the segment; the same for all versions.';

CREATE TABLE custseg.feature (
    model text NOT NULL,
    version int NOT NULL,
    position int NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('numeric', 'boolean', 'time', 'categorical')),
    prep jsonb NOT NULL,
    outputs text[] NOT NULL,
    n bigint NOT NULL,
    n_null bigint NOT NULL,
    mean float8,
    standard_deviation float8,
    minimum float8,
    maximum float8,
    quantiles float8[],
    levels text[],
    level_counts bigint[],
    PRIMARY KEY (model, version, position),
    UNIQUE (model, version, name)
);

COMMENT ON TABLE custseg.feature IS 'Features of each version, with their fitted preparation and the baseline from which drift is measured.';
COMMENT ON COLUMN custseg.feature.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.feature.version IS 'Version of the model.';
COMMENT ON COLUMN custseg.feature.position IS 'Position among the features, from 1.';
COMMENT ON COLUMN custseg.feature.name IS 'Name of the column.';
COMMENT ON COLUMN custseg.feature.type IS 'Type of the column in training.';
COMMENT ON COLUMN custseg.feature.kind IS 'How the values of the feature are treated: numeric, boolean, time or categorical.';
COMMENT ON COLUMN custseg.feature.prep IS 'Fitted preparation.';
COMMENT ON COLUMN custseg.feature.outputs IS 'Names of the feature''s columns in model space, before principal components.';
COMMENT ON COLUMN custseg.feature.n IS 'Rows of the baseline.';
COMMENT ON COLUMN custseg.feature.n_null IS 'Rows of the baseline without a value.';
COMMENT ON COLUMN custseg.feature.mean IS 'Mean of the baseline''s values (times as days since 1970-01-01); NULL for categories.';
COMMENT ON COLUMN custseg.feature.standard_deviation IS 'Population standard deviation of the baseline''s values; NULL for categories.';
COMMENT ON COLUMN custseg.feature.minimum IS 'Smallest value of the baseline; NULL for categories.';
COMMENT ON COLUMN custseg.feature.maximum IS 'Largest value of the baseline; NULL for categories.';
COMMENT ON COLUMN custseg.feature.quantiles IS 'Quantiles of the baseline: 1,001 at equal steps, or all values in order when there are fewer; NULL for categories.';
COMMENT ON COLUMN custseg.feature.levels IS 'Levels of a category in the baseline, the most frequent first, where NULL stands for a missing value; NULL for numbers and times.';
COMMENT ON COLUMN custseg.feature.level_counts IS 'Rows of each level in the baseline; NULL for numbers and times.';

CREATE TABLE custseg.segment (
    model text NOT NULL,
    version int NOT NULL,
    segment int NOT NULL CHECK (segment >= 0),
    name text NOT NULL,
    description text,
    rank int CHECK (rank > 0),
    n bigint NOT NULL,
    share float8 NOT NULL,
    mean_distance float8 NOT NULL,
    spread float8 NOT NULL,
    center float8[] NOT NULL,
    profile jsonb NOT NULL,
    profile_values float8[] NOT NULL,
    PRIMARY KEY (model, version, segment)
);

COMMENT ON TABLE custseg.segment IS 'Segments of each version; see the views segments and segment_profile.';
COMMENT ON COLUMN custseg.segment.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.segment.version IS 'Version of the model.';
COMMENT ON COLUMN custseg.segment.segment IS 'Number of the segment, from 1, or 0 for noise (rows in no segment); a retraining gives the number to the segment that holds most of the same customers.';
COMMENT ON COLUMN custseg.segment.name IS 'Name of the segment.';
COMMENT ON COLUMN custseg.segment.description IS 'Description that the owner gave to the segment; NULL when there is none.';
COMMENT ON COLUMN custseg.segment.rank IS 'Rank by value that the owner gave to the segment, 1 for the highest; NULL when there is none.';
COMMENT ON COLUMN custseg.segment.n IS 'Training rows in the segment.';
COMMENT ON COLUMN custseg.segment.share IS 'Share of the training rows, 0 to 1.';
COMMENT ON COLUMN custseg.segment.mean_distance IS 'Mean distance of the segment''s rows to its center, in model space.';
COMMENT ON COLUMN custseg.segment.spread IS 'Root mean square distance of the segment''s rows to its center, in model space.';
COMMENT ON COLUMN custseg.segment.center IS 'Center of the segment in model space.';
COMMENT ON COLUMN custseg.segment.profile IS 'Mean of each feature in its own units, or {level: share} for a category; every row counts once.';
COMMENT ON COLUMN custseg.segment.profile_values IS 'Profile as an array of numbers: for each feature in order, its mean or the shares of all its levels in order.';

CREATE TABLE custseg.deployment (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    version int NOT NULL,
    action text NOT NULL CHECK (action IN ('deploy', 'rollback')),
    parent bigint,
    deployed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    deployed_by name NOT NULL,
    reason text
);

CREATE INDEX ON custseg.deployment (model, id);

COMMENT ON TABLE custseg.deployment IS 'History of deployments: which version was deployed when, by whom and why; the newest row of a model is in force.';
COMMENT ON COLUMN custseg.deployment.id IS 'Number of the deployment, ascending in time.';
COMMENT ON COLUMN custseg.deployment.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.deployment.version IS 'Version that was deployed.';
COMMENT ON COLUMN custseg.deployment.action IS 'Kind of the deployment: deploy or rollback.';
COMMENT ON COLUMN custseg.deployment.parent IS 'Deployment to which a rollback of this one returns; NULL when there is none.';
COMMENT ON COLUMN custseg.deployment.deployed_at IS 'Time of the deployment.';
COMMENT ON COLUMN custseg.deployment.deployed_by IS 'Role that deployed the version.';
COMMENT ON COLUMN custseg.deployment.reason IS 'Reason that the role gave; NULL when there is none.';

CREATE TABLE custseg.model_grant (
    model text NOT NULL,
    grantee name NOT NULL,
    granted_by name NOT NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    grantee_oid oid,
    grantee_cluster bigint,
    PRIMARY KEY (model, grantee)
);

COMMENT ON TABLE custseg.model_grant IS 'Roles, other than the owner, that may use a model.';
COMMENT ON COLUMN custseg.model_grant.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.model_grant.grantee IS 'Name of a role, or public.';
COMMENT ON COLUMN custseg.model_grant.grantee_oid IS 'OID of that role; NULL for public, and when there was none of the name.';
COMMENT ON COLUMN custseg.model_grant.grantee_cluster IS 'Identifier of the database cluster in which the OID, not the name, says who the role is.';
COMMENT ON COLUMN custseg.model_grant.granted_by IS 'Role that granted the use of the model.';
COMMENT ON COLUMN custseg.model_grant.granted_at IS 'Time of the grant.';

CREATE TABLE custseg.migration (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    version int NOT NULL,
    source text NOT NULL,
    condition text,
    run_at timestamptz NOT NULL,
    finished_at timestamptz,
    run_by name NOT NULL,
    from_segment int,
    to_segment int,
    n bigint NOT NULL,
    value_column text,
    total_value float8
);

CREATE INDEX ON custseg.migration (model, run_at);

COMMENT ON TABLE custseg.migration IS 'Numbers of customers that each resegment() moved from one segment to another, or left in their segment.';
COMMENT ON COLUMN custseg.migration.id IS 'Number of the row.';
COMMENT ON COLUMN custseg.migration.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.migration.version IS 'Version that placed the customers.';
COMMENT ON COLUMN custseg.migration.source IS 'Table that was updated.';
COMMENT ON COLUMN custseg.migration.condition IS 'Condition of the rows that were asked for ("where"); NULL when all rows were.';
COMMENT ON COLUMN custseg.migration.run_at IS 'Time at which the run began, the same in all rows of one resegment().';
COMMENT ON COLUMN custseg.migration.finished_at IS 'Time at which the run was done. It is NULL while batches are committed one by one, and stays NULL when the run is interrupted: the row then tells of the batches that are committed.';
COMMENT ON COLUMN custseg.migration.run_by IS 'Role that called resegment().';
COMMENT ON COLUMN custseg.migration.from_segment IS 'Segment before the run; NULL for customers who had no segment.';
COMMENT ON COLUMN custseg.migration.to_segment IS 'Segment after the run; NULL for customers who could not be placed.';
COMMENT ON COLUMN custseg.migration.n IS 'Number of customers who moved from from_segment to to_segment, or stayed.';
COMMENT ON COLUMN custseg.migration.value_column IS 'Column of the table that resegment() was told to sum ("value"); NULL when none was.';
COMMENT ON COLUMN custseg.migration.total_value IS 'Sum of that column over these customers; NULL when no column was named.';

-- changes of customers, for those who act on them: a batch is what a transaction has done to a model, and is numbered as it commits

CREATE TABLE custseg.change_feed (
    model text PRIMARY KEY,
    source text NOT NULL,
    column_name text NOT NULL,
    tracked_at timestamptz NOT NULL,
    tracked_by name NOT NULL
);

COMMENT ON TABLE custseg.change_feed IS 'Models that track changes, and where; kept by track_changes().';
COMMENT ON COLUMN custseg.change_feed.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.change_feed.source IS 'Table whose changes are kept.';
COMMENT ON COLUMN custseg.change_feed.column_name IS 'Column of the table that holds segments.';
COMMENT ON COLUMN custseg.change_feed.tracked_at IS 'Time of the last call of track_changes().';
COMMENT ON COLUMN custseg.change_feed.tracked_by IS 'Role that called track_changes() last.';

-- ids are compared byte by byte, for there may be millions
CREATE TABLE custseg.segment_change (
    model text NOT NULL,
    transaction_number bigint NOT NULL,
    number int NOT NULL,
    customer text COLLATE "C" NOT NULL,
    from_segment int,
    to_segment int,
    version int,
    at timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause IN ('resegment', 'insert', 'update', 'delete')),
    PRIMARY KEY (model, transaction_number, number)
);

CREATE INDEX ON custseg.segment_change (model, customer);

COMMENT ON TABLE custseg.segment_change IS 'Changes of the segments of single customers, of models that track them; only the owner of the model sees them. changes() gives them to those who act on them.';
COMMENT ON COLUMN custseg.segment_change.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.segment_change.transaction_number IS 'Number of the transaction, in the order in which transactions began to write.';
COMMENT ON COLUMN custseg.segment_change.number IS 'Number of the change in its transaction, from 1; numbers of what was undone are missing.';
COMMENT ON COLUMN custseg.segment_change.customer IS 'Id of the customer as text, times in UTC.';
COMMENT ON COLUMN custseg.segment_change.from_segment IS 'Segment before; NULL when the customer had none, or was not there.';
COMMENT ON COLUMN custseg.segment_change.to_segment IS 'Segment after; NULL when the customer has none, or is not there any more.';
COMMENT ON COLUMN custseg.segment_change.version IS 'Version that was deployed, or that resegment() placed by; NULL when none was.';
COMMENT ON COLUMN custseg.segment_change.at IS 'Time of the change.';
COMMENT ON COLUMN custseg.segment_change.cause IS 'What wrote the row: resegment, or an insert, update or delete of somebody.';

CREATE SEQUENCE custseg.change_batch_transaction_number_seq;
CREATE SEQUENCE custseg.change_batch_last_position_seq;

CREATE TABLE custseg.change_batch (
    model text NOT NULL,
    transaction_number bigint NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    n bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by name NOT NULL,
    PRIMARY KEY (model, transaction_number)
);

ALTER SEQUENCE custseg.change_batch_transaction_number_seq OWNED BY custseg.change_batch.transaction_number;
ALTER SEQUENCE custseg.change_batch_last_position_seq OWNED BY custseg.change_batch.last_position;
CREATE INDEX ON custseg.change_batch (model, last_position);

COMMENT ON TABLE custseg.change_batch IS 'Changes of one transaction: their positions in the feed of the model, in the order in which transactions were committed; only the owner of the model sees them.';
COMMENT ON COLUMN custseg.change_batch.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.change_batch.transaction_number IS 'Number of the transaction.';
COMMENT ON COLUMN custseg.change_batch.first_position IS 'Position of the change with the number 1.';
COMMENT ON COLUMN custseg.change_batch.last_position IS 'Position of the last change.';
COMMENT ON COLUMN custseg.change_batch.n IS 'Number of changes when they were made.';
COMMENT ON COLUMN custseg.change_batch.recorded_at IS 'Time at which the batch was numbered, just before its commit.';
COMMENT ON COLUMN custseg.change_batch.recorded_by IS 'Role whose transaction it was.';

CREATE TABLE custseg.change_consumer (
    consumer text PRIMARY KEY CHECK (octet_length(consumer) BETWEEN 1 AND 63),
    model text NOT NULL,
    reader name NOT NULL,
    change_position bigint NOT NULL,
    created_at timestamptz NOT NULL,
    created_by name NOT NULL,
    acknowledged_at timestamptz,
    reader_oid oid,
    reader_cluster bigint
);

CREATE INDEX ON custseg.change_consumer (model);

COMMENT ON TABLE custseg.change_consumer IS 'Those who act on changes, and how far each has acknowledged; the owner of the model and the reader see it. See the view consumers.';
COMMENT ON COLUMN custseg.change_consumer.consumer IS 'Name of the consumer.';
COMMENT ON COLUMN custseg.change_consumer.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.change_consumer.reader IS 'Role that may read and acknowledge.';
COMMENT ON COLUMN custseg.change_consumer.reader_oid IS 'OID of that role; NULL when there was none of the name.';
COMMENT ON COLUMN custseg.change_consumer.reader_cluster IS 'Identifier of the database cluster in which the OID, not the name, says who the role is.';
COMMENT ON COLUMN custseg.change_consumer.change_position IS 'Position up to which changes are acknowledged.';
COMMENT ON COLUMN custseg.change_consumer.created_at IS 'Time of create_consumer().';
COMMENT ON COLUMN custseg.change_consumer.created_by IS 'Role that called create_consumer().';
COMMENT ON COLUMN custseg.change_consumer.acknowledged_at IS 'Time of the last acknowledge(); NULL before.';

CREATE TABLE custseg.monitor_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    version int,
    source text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    run_by name NOT NULL,
    status text NOT NULL CHECK (status IN ('ok', 'failed', 'skipped')),
    error text,
    n bigint,
    verdict text CHECK (verdict IS NULL OR custseg_private.verdict_rank(verdict) IS NOT NULL),
    verdict_reasons text[],
    retrain bool,
    urgency text CHECK (urgency IN ('none', 'low', 'medium', 'high')),
    reasons text[],
    findings jsonb NOT NULL
);

CREATE INDEX ON custseg.monitor_run (model, id);

COMMENT ON TABLE custseg.monitor_run IS 'Runs of monitor(); their measurements are in monitor_feature and monitor_segment.';
COMMENT ON COLUMN custseg.monitor_run.id IS 'Number of the run, ascending in time.';
COMMENT ON COLUMN custseg.monitor_run.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.monitor_run.version IS 'Deployed version, which the run watched; NULL when none was deployed.';
COMMENT ON COLUMN custseg.monitor_run.source IS 'Relation or query that was watched; NULL when there was none.';
COMMENT ON COLUMN custseg.monitor_run.started_at IS 'Start of the run.';
COMMENT ON COLUMN custseg.monitor_run.finished_at IS 'End of the run.';
COMMENT ON COLUMN custseg.monitor_run.run_by IS 'Role that called monitor().';
COMMENT ON COLUMN custseg.monitor_run.status IS 'Status: ok, failed (a check ended in an error; the other checks count) or skipped (another run was active).';
COMMENT ON COLUMN custseg.monitor_run.error IS 'Reason why the run failed or was skipped; NULL otherwise.';
COMMENT ON COLUMN custseg.monitor_run.n IS 'Rows of the source; NULL when the source could not be read.';
COMMENT ON COLUMN custseg.monitor_run.verdict IS 'Worst verdict of all checks: ok, insufficient data, watch, drifted or broken; NULL when every check failed.';
COMMENT ON COLUMN custseg.monitor_run.verdict_reasons IS 'What is watched, drifted or broken, and why, the gravest first; NULL for a skipped run.';
COMMENT ON COLUMN custseg.monitor_run.retrain IS 'Whether needs_retraining() recommends to train again; NULL for a skipped run.';
COMMENT ON COLUMN custseg.monitor_run.urgency IS 'Urgency, as needs_retraining() returns it; NULL for a skipped run.';
COMMENT ON COLUMN custseg.monitor_run.reasons IS 'Reasons, as needs_retraining() returns them; NULL for a skipped run.';
COMMENT ON COLUMN custseg.monitor_run.findings IS 'Rows of each check whose verdict is not ok; the silhouette of a sample; breaches, which are the limits that were exceeded; errors of the checks that failed.';

-- A report's row is kept as it is: what a report gains or renames, its history does.

CREATE TABLE custseg.monitor_feature (
    model text NOT NULL,
    run bigint NOT NULL,
    version int NOT NULL,
    at timestamptz NOT NULL,
    LIKE custseg.drift_result INCLUDING COMMENTS,
    position int NOT NULL,
    PRIMARY KEY (model, run, position),
    CHECK (num_nulls(feature, custseg_private.verdict_rank(verdict)) = 0)
);

COMMENT ON TABLE custseg.monitor_feature IS 'Result of drift() for each feature in each run of monitor(); see the view drift_history.';
COMMENT ON COLUMN custseg.monitor_feature.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.monitor_feature.run IS 'Run of monitor() that measured the row (id in monitor_run).';
COMMENT ON COLUMN custseg.monitor_feature.version IS 'Version that was watched.';
COMMENT ON COLUMN custseg.monitor_feature.at IS 'Start of the run.';
COMMENT ON COLUMN custseg.monitor_feature.position IS 'Position in the report, from 1.';

CREATE TABLE custseg.monitor_segment (
    model text NOT NULL,
    run bigint NOT NULL,
    version int NOT NULL,
    at timestamptz NOT NULL,
    LIKE custseg.segment_sizes_result INCLUDING COMMENTS,
    position int NOT NULL,
    PRIMARY KEY (model, run, position),
    CHECK (custseg_private.verdict_rank(verdict) IS NOT NULL)
);

COMMENT ON TABLE custseg.monitor_segment IS 'Result of segment_sizes() for each segment in each run of monitor(); see the view size_history.';
COMMENT ON COLUMN custseg.monitor_segment.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.monitor_segment.run IS 'Run of monitor() that measured the row (id in monitor_run).';
COMMENT ON COLUMN custseg.monitor_segment.version IS 'Version that was watched.';
COMMENT ON COLUMN custseg.monitor_segment.at IS 'Start of the run.';
COMMENT ON COLUMN custseg.monitor_segment.position IS 'Position in the report, from 1.';

CREATE TABLE custseg.outcome_run (
    model text NOT NULL,
    version int NOT NULL,
    source text NOT NULL,
    recorded_at timestamptz NOT NULL,
    recorded_by name NOT NULL,
    LIKE custseg.outcome_calibration_result INCLUDING COMMENTS,
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    CHECK (custseg_private.verdict_rank(verdict) IS NOT NULL)
);

CREATE INDEX ON custseg.outcome_run (model, version, id);

COMMENT ON TABLE custseg.outcome_run IS 'What record_outcomes() found: how the predictions of a version hold; the outcomes are in outcome.';
COMMENT ON COLUMN custseg.outcome_run.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.outcome_run.version IS 'Version whose predictions were judged.';
COMMENT ON COLUMN custseg.outcome_run.source IS 'Relation or query that the outcomes came from.';
COMMENT ON COLUMN custseg.outcome_run.recorded_at IS 'Time at which the outcomes were recorded.';
COMMENT ON COLUMN custseg.outcome_run.recorded_by IS 'Role that called record_outcomes().';
COMMENT ON COLUMN custseg.outcome_run.id IS 'Number of the run, ascending in time.';

CREATE TABLE custseg.outcome (
    model text NOT NULL,
    run bigint NOT NULL,
    version int NOT NULL,
    customer text,
    predicted float8 NOT NULL,
    low float8,
    high float8,
    actual float8 NOT NULL,
    position int NOT NULL,
    PRIMARY KEY (model, run, position)
);

COMMENT ON TABLE custseg.outcome IS 'Outcomes of customers beside what was predicted of them, as record_outcomes() found them; only the owner of the model sees them.';
COMMENT ON COLUMN custseg.outcome.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.outcome.run IS 'Run of record_outcomes() (id in outcome_run).';
COMMENT ON COLUMN custseg.outcome.version IS 'Version that predicted.';
COMMENT ON COLUMN custseg.outcome.customer IS 'Id of the customer as text, times in UTC; NULL without one.';
COMMENT ON COLUMN custseg.outcome.predicted IS 'Prediction: a number, a probability, or purchases.';
COMMENT ON COLUMN custseg.outcome.low IS 'Lower end of the interval of 90 %; NULL where there is none.';
COMMENT ON COLUMN custseg.outcome.high IS 'Upper end of the interval of 90 %; NULL where there is none.';
COMMENT ON COLUMN custseg.outcome.actual IS 'Outcome: a number, 1 or 0 for true or false, or purchases.';
COMMENT ON COLUMN custseg.outcome.position IS 'Position in the source, from 1.';

CREATE TABLE custseg.alert (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
    message text NOT NULL,
    version int,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    n_seen int NOT NULL,
    first_run bigint NOT NULL,
    last_run bigint NOT NULL,
    closed_at timestamptz,
    closed_run bigint
);

CREATE UNIQUE INDEX alert_open ON custseg.alert (model, kind, subject) WHERE closed_at IS NULL;

COMMENT ON TABLE custseg.alert IS 'Problems that runs of monitor() and looks at experiments found; there is at most one open row for each model, kind and subject.';
COMMENT ON COLUMN custseg.alert.id IS 'Number of the alert.';
COMMENT ON COLUMN custseg.alert.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.alert.kind IS 'Check that found the problem, such as data_quality, drift or segment_sizes; monitor when the run itself failed, experiment when look() found it.';
COMMENT ON COLUMN custseg.alert.subject IS 'Subject of the finding: a feature, a segment, an experiment, or the whole in parentheses.';
COMMENT ON COLUMN custseg.alert.severity IS 'Severity, warning or critical, as rated by the last run that found the problem.';
COMMENT ON COLUMN custseg.alert.message IS 'Description of the problem by the last run that found it.';
COMMENT ON COLUMN custseg.alert.version IS 'Version that was watched; NULL when none was deployed.';
COMMENT ON COLUMN custseg.alert.first_seen IS 'Start of the first run that found the problem.';
COMMENT ON COLUMN custseg.alert.last_seen IS 'Start of the last run that found the problem.';
COMMENT ON COLUMN custseg.alert.n_seen IS 'Number of runs that found the problem.';
COMMENT ON COLUMN custseg.alert.first_run IS 'First run that found the problem (id in monitor_run; of the kind kpi, run in segment_kpi; of the kind experiment, look in experiment_look).';
COMMENT ON COLUMN custseg.alert.last_run IS 'Last run that found the problem (likewise).';
COMMENT ON COLUMN custseg.alert.closed_at IS 'Start of the run that no longer found the problem; NULL while the alert is open.';
COMMENT ON COLUMN custseg.alert.closed_run IS 'Run that no longer found the problem (likewise); NULL while the alert is open.';

CREATE TABLE custseg.segment_action (
    model text NOT NULL,
    segment int NOT NULL,
    description text,
    tone text,
    channel text,
    offer text,
    contact_frequency text,
    products text[],
    tactics text[],
    primary_kpi text,
    guardrail_kpi text,
    budget_share float8 CHECK (budget_share BETWEEN 0 AND 1),
    perk text,
    perk_capacity bigint CHECK (perk_capacity >= 0),
    set_at timestamptz NOT NULL,
    set_by name NOT NULL,
    PRIMARY KEY (model, segment)
);

COMMENT ON TABLE custseg.segment_action IS 'Actions for the customers of each segment, kept by set_action(); they belong to the segments of a model by number, whatever the version.';
COMMENT ON COLUMN custseg.segment_action.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.segment_action.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.segment_action.description IS 'Meaning of the segment for the business.';
COMMENT ON COLUMN custseg.segment_action.tone IS 'How to speak to these customers.';
COMMENT ON COLUMN custseg.segment_action.channel IS 'Where to reach these customers; NULL, here and in all columns that follow, when nothing was set.';
COMMENT ON COLUMN custseg.segment_action.offer IS 'Offer for these customers.';
COMMENT ON COLUMN custseg.segment_action.contact_frequency IS 'How often to contact these customers, in words.';
COMMENT ON COLUMN custseg.segment_action.products IS 'Products to recommend.';
COMMENT ON COLUMN custseg.segment_action.tactics IS 'Tactics to use.';
COMMENT ON COLUMN custseg.segment_action.primary_kpi IS 'The measure that shows whether the action works.';
COMMENT ON COLUMN custseg.segment_action.guardrail_kpi IS 'The measure that must not get worse meanwhile.';
COMMENT ON COLUMN custseg.segment_action.budget_share IS 'Share of the campaign''s budget, 0 to 1.';
COMMENT ON COLUMN custseg.segment_action.perk IS 'What each customer of the segment gets.';
COMMENT ON COLUMN custseg.segment_action.perk_capacity IS 'How many customers can get the perk; NULL for any number.';
COMMENT ON COLUMN custseg.segment_action.set_at IS 'Time of the last call of set_action().';
COMMENT ON COLUMN custseg.segment_action.set_by IS 'Role that called set_action() last.';

CREATE TABLE custseg.presentation (
    model text PRIMARY KEY,
    presentation jsonb NOT NULL,
    set_at timestamptz NOT NULL,
    set_by name NOT NULL
);

COMMENT ON TABLE custseg.presentation IS 'How models are presented on pages and in reports, kept by set_presentation(); it belongs to the model, whatever the version.';
COMMENT ON COLUMN custseg.presentation.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.presentation.presentation IS 'Title, description, value (column with the value of a customer), currency, for each of columns its label, unit and description, margin, cost_per_customer and fixed_cost of a campaign, and curves (rows of allocate_budget()); a key that was not set is absent.';
COMMENT ON COLUMN custseg.presentation.set_at IS 'Time of the last call of set_presentation().';
COMMENT ON COLUMN custseg.presentation.set_by IS 'Role that called set_presentation() last.';

CREATE SEQUENCE custseg.segment_value_history_run_seq;

CREATE TABLE custseg.segment_value_history (
    model text NOT NULL,
    run bigint NOT NULL,
    version int NOT NULL,
    value_model text NOT NULL,
    value_version int NOT NULL,
    run_at timestamptz NOT NULL,
    run_by name NOT NULL,
    source text,
    segment_source text,
    as_of date,
    horizon interval,
    discount float8,
    confidence float8 NOT NULL,
    LIKE custseg.segment_value_result INCLUDING COMMENTS,
    position int NOT NULL,
    PRIMARY KEY (model, run, position)
);

ALTER SEQUENCE custseg.segment_value_history_run_seq OWNED BY custseg.segment_value_history.run;
CREATE INDEX ON custseg.segment_value_history (value_model);

COMMENT ON TABLE custseg.segment_value_history IS 'Result of segment_value() for each segment in each run of record_segment_value(); see the view value_at_risk.';
COMMENT ON COLUMN custseg.segment_value_history.model IS 'Name of the model of the segments.';
COMMENT ON COLUMN custseg.segment_value_history.run IS 'Number of the run, ascending in time.';
COMMENT ON COLUMN custseg.segment_value_history.version IS 'Version that placed the customers.';
COMMENT ON COLUMN custseg.segment_value_history.value_model IS 'Name of the model that tells what a customer is worth.';
COMMENT ON COLUMN custseg.segment_value_history.value_version IS 'Version of that model.';
COMMENT ON COLUMN custseg.segment_value_history.run_at IS 'Time of the run.';
COMMENT ON COLUMN custseg.segment_value_history.run_by IS 'Role that called record_segment_value().';
COMMENT ON COLUMN custseg.segment_value_history.source IS 'Lines of orders, or rows, that were named; NULL when those of the training were read.';
COMMENT ON COLUMN custseg.segment_value_history.segment_source IS 'Customers who were named to be placed; NULL when those of the training were, and by models of other kinds than purchases.';
COMMENT ON COLUMN custseg.segment_value_history.as_of IS 'Day as of which purchases were summed up; NULL by models of other kinds.';
COMMENT ON COLUMN custseg.segment_value_history.horizon IS 'Time to come that is valued; NULL for all of it, and by models of other kinds than purchases.';
COMMENT ON COLUMN custseg.segment_value_history.discount IS 'Rate of a year that is discounted; NULL by models of other kinds than purchases.';
COMMENT ON COLUMN custseg.segment_value_history.confidence IS 'Confidence of the intervals.';
COMMENT ON COLUMN custseg.segment_value_history.position IS 'Position in the report, from 1.';

-- experiments are told by their names, whatever their model; variants of an experiment are numbered, the control is 1

CREATE TABLE custseg.experiment (
    experiment text PRIMARY KEY CHECK (octet_length(experiment) BETWEEN 1 AND 63),
    model text NOT NULL,
    version int NOT NULL,
    salt text NOT NULL,
    traffic float8 NOT NULL CHECK (traffic > 0 AND traffic <= 1),
    layer text,
    first_bucket int NOT NULL CHECK (first_bucket BETWEEN 0 AND 9999),
    assignment text NOT NULL CHECK (assignment IN ('bucket', 'blocked')),
    method text NOT NULL CHECK (method IN ('spending', 'anytime', 'fixed')),
    n_looks int NOT NULL CHECK (n_looks > 0),
    alpha float8 NOT NULL CHECK (alpha > 0 AND alpha < 1),
    power float8 NOT NULL CHECK (power > alpha AND power < 1),
    n_control bigint CHECK (n_control > 1),
    min_days int NOT NULL CHECK (min_days >= 0),
    created_at timestamptz NOT NULL,
    created_by name NOT NULL,
    started_at timestamptz,
    last_batch int NOT NULL DEFAULT 0,
    ended_at timestamptz,
    ended_by name,
    end_reason text,
    decision text CHECK (decision IN ('launch', 'iterate', 'stop')),
    decision_reason text,
    decided_at timestamptz,
    decided_look int,
    status text NOT NULL GENERATED ALWAYS AS (CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN started_at IS NULL THEN 'planned' ELSE 'running' END) STORED
);

CREATE INDEX ON custseg.experiment (model);

COMMENT ON TABLE custseg.experiment IS 'Experiments, one row for each; what they compare and measure is in experiment_variant and experiment_metric.';
COMMENT ON COLUMN custseg.experiment.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.experiment.model IS 'Name of the model whose segments the customers are in; its owner owns the experiment.';
COMMENT ON COLUMN custseg.experiment.version IS 'Version that places customers when they are enrolled: the one that was deployed when the experiment was created.';
COMMENT ON COLUMN custseg.experiment.salt IS 'Salt of the buckets, by which experiments assign customers independently: the name, unless another one was given.';
COMMENT ON COLUMN custseg.experiment.traffic IS 'Share of the customers who take part.';
COMMENT ON COLUMN custseg.experiment.layer IS 'Layer, within which experiments of the same owner have no customer in common; NULL for none.';
COMMENT ON COLUMN custseg.experiment.first_bucket IS 'First one of the buckets, of 10,000, whose customers take part.';
COMMENT ON COLUMN custseg.experiment.assignment IS 'How customers come to a variant: by bucket, or blocked, in exact balance within each segment.';
COMMENT ON COLUMN custseg.experiment.method IS 'How the results are looked at: spending (a few looks), anytime, or fixed (one look at the end).';
COMMENT ON COLUMN custseg.experiment.n_looks IS 'Number of looks that the plan counts with.';
COMMENT ON COLUMN custseg.experiment.alpha IS 'Probability that an effect is claimed where there is none.';
COMMENT ON COLUMN custseg.experiment.power IS 'Probability that the effect that the plan is for is seen.';
COMMENT ON COLUMN custseg.experiment.n_control IS 'Customers of the control that the plan asks for; those of other variants follow from the weights; NULL without a plan.';
COMMENT ON COLUMN custseg.experiment.min_days IS 'Days from the start before which nothing is launched.';
COMMENT ON COLUMN custseg.experiment.created_at IS 'Time of create_experiment().';
COMMENT ON COLUMN custseg.experiment.created_by IS 'Role that called create_experiment() last.';
COMMENT ON COLUMN custseg.experiment.started_at IS 'Time of the first enroll(); NULL before.';
COMMENT ON COLUMN custseg.experiment.last_batch IS 'Number of calls of enroll().';
COMMENT ON COLUMN custseg.experiment.ended_at IS 'Time of end_experiment(); NULL before.';
COMMENT ON COLUMN custseg.experiment.ended_by IS 'Role that called end_experiment(); NULL before.';
COMMENT ON COLUMN custseg.experiment.end_reason IS 'Reason that end_experiment() was given; NULL without one.';
COMMENT ON COLUMN custseg.experiment.decision IS 'Verdict of the look that decided: launch, iterate or stop; NULL before.';
COMMENT ON COLUMN custseg.experiment.decision_reason IS 'Reason of that verdict; NULL before.';
COMMENT ON COLUMN custseg.experiment.decided_at IS 'Time of that look; NULL before.';
COMMENT ON COLUMN custseg.experiment.decided_look IS 'Number of that look; NULL before.';
COMMENT ON COLUMN custseg.experiment.status IS 'Status: planned (nobody is enrolled), running or ended.';

CREATE TABLE custseg.experiment_variant (
    experiment text NOT NULL,
    variant_number int NOT NULL CHECK (variant_number BETWEEN 1 AND 20),
    model text NOT NULL,
    variant text NOT NULL CHECK (octet_length(variant) BETWEEN 1 AND 63),
    weight float8 NOT NULL CHECK (weight BETWEEN 1 AND 1000000 AND weight = floor(weight)),
    PRIMARY KEY (experiment, variant_number)
);

COMMENT ON TABLE custseg.experiment_variant IS 'Variants of experiments.';
COMMENT ON COLUMN custseg.experiment_variant.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.experiment_variant.variant_number IS 'Number of the variant; 1 is the control.';
COMMENT ON COLUMN custseg.experiment_variant.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.experiment_variant.variant IS 'Name of the variant.';
COMMENT ON COLUMN custseg.experiment_variant.weight IS 'Whole number that says, beside those of the other variants, how many customers the variant gets.';

CREATE TABLE custseg.experiment_metric (
    experiment text NOT NULL,
    position int NOT NULL CHECK (position BETWEEN 1 AND 50),
    model text NOT NULL,
    metric text NOT NULL CHECK (octet_length(metric) BETWEEN 1 AND 63),
    kind text NOT NULL CHECK (kind IN ('conversion', 'mean', 'ratio')),
    role text NOT NULL CHECK (role IN ('primary', 'guardrail', 'secondary')),
    direction text NOT NULL CHECK (direction IN ('up', 'down')),
    column_name text,
    numerator text,
    denominator text,
    effect float8 CHECK (effect > 0),
    effect_is_relative bool NOT NULL,
    margin float8 CHECK (margin > 0),
    margin_is_relative bool NOT NULL,
    cap float8 CHECK (cap > 0 AND cap < 1),
    covariate text,
    outcome_window interval,
    PRIMARY KEY (experiment, position)
);

COMMENT ON TABLE custseg.experiment_metric IS 'What experiments measure; it is fixed once customers are enrolled.';
COMMENT ON COLUMN custseg.experiment_metric.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.experiment_metric.position IS 'Position in the list of metrics, from 1.';
COMMENT ON COLUMN custseg.experiment_metric.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.experiment_metric.metric IS 'Name of the metric.';
COMMENT ON COLUMN custseg.experiment_metric.kind IS 'Kind: conversion (the share of the customers for whom something is true), mean, or ratio (of two sums).';
COMMENT ON COLUMN custseg.experiment_metric.role IS 'Role: primary (it decides), guardrail (it must not be damaged) or secondary.';
COMMENT ON COLUMN custseg.experiment_metric.direction IS 'Direction that is good, up or down.';
COMMENT ON COLUMN custseg.experiment_metric.column_name IS 'Column of the outcomes that is measured; NULL for a ratio.';
COMMENT ON COLUMN custseg.experiment_metric.numerator IS 'Column that a ratio divides; NULL for other kinds.';
COMMENT ON COLUMN custseg.experiment_metric.denominator IS 'Column that a ratio divides by; NULL for other kinds.';
COMMENT ON COLUMN custseg.experiment_metric.effect IS 'Smallest effect that is worth acting on, in the direction that is good; NULL where none was given.';
COMMENT ON COLUMN custseg.experiment_metric.effect_is_relative IS 'Whether effect is a share of the control''s mean, not in units of the metric.';
COMMENT ON COLUMN custseg.experiment_metric.margin IS 'Damage of a guardrail that is tolerated; NULL for other roles.';
COMMENT ON COLUMN custseg.experiment_metric.margin_is_relative IS 'Whether margin is a share of the control''s mean, not in units of the metric.';
COMMENT ON COLUMN custseg.experiment_metric.cap IS 'Quantile at which values are capped from above; NULL for none.';
COMMENT ON COLUMN custseg.experiment_metric.covariate IS 'Column that was measured before the enrolment, by which the variance is reduced; NULL for none.';
COMMENT ON COLUMN custseg.experiment_metric.outcome_window IS 'Time after a customer''s enrolment that counts, of outcomes with a time; NULL for all of it.';

CREATE TABLE custseg.enrolment_batch (
    experiment text NOT NULL,
    batch int NOT NULL,
    model text NOT NULL,
    source text NOT NULL,
    enrolled_at timestamptz NOT NULL,
    enrolled_by name NOT NULL,
    n_read bigint NOT NULL,
    n_enrolled bigint NOT NULL,
    n_already bigint NOT NULL,
    n_outside bigint NOT NULL,
    n_excluded bigint NOT NULL,
    n_unplaced bigint NOT NULL,
    PRIMARY KEY (experiment, batch)
);

COMMENT ON TABLE custseg.enrolment_batch IS 'Calls of enroll().';
COMMENT ON COLUMN custseg.enrolment_batch.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.enrolment_batch.batch IS 'Number of the call, from 1.';
COMMENT ON COLUMN custseg.enrolment_batch.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.enrolment_batch.source IS 'Relation or query that the customers came from.';
COMMENT ON COLUMN custseg.enrolment_batch.enrolled_at IS 'Time of the call.';
COMMENT ON COLUMN custseg.enrolment_batch.enrolled_by IS 'Role that called enroll().';
COMMENT ON COLUMN custseg.enrolment_batch.n_read IS 'Customers of the source.';
COMMENT ON COLUMN custseg.enrolment_batch.n_enrolled IS 'Customers of the source who were enrolled.';
COMMENT ON COLUMN custseg.enrolment_batch.n_already IS 'Customers of the source who were enrolled before.';
COMMENT ON COLUMN custseg.enrolment_batch.n_outside IS 'Customers of the source who do not take part, by traffic and layer.';
COMMENT ON COLUMN custseg.enrolment_batch.n_excluded IS 'Customers of the source who are excluded by hand, and never enrolled.';
COMMENT ON COLUMN custseg.enrolment_batch.n_unplaced IS 'Customers of the source who could not be placed in a segment.';

CREATE TABLE custseg.enrolment_count (
    experiment text NOT NULL,
    batch int NOT NULL,
    variant_number int NOT NULL,
    segment int NOT NULL,
    model text NOT NULL,
    n bigint NOT NULL,
    PRIMARY KEY (experiment, batch, variant_number, segment)
);

COMMENT ON TABLE custseg.enrolment_count IS 'Customers as they were enrolled, by call of enroll(), variant and segment; these counts stay when a customer is forgotten.';
COMMENT ON COLUMN custseg.enrolment_count.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.enrolment_count.batch IS 'Number of the call of enroll().';
COMMENT ON COLUMN custseg.enrolment_count.variant_number IS 'Number of the variant.';
COMMENT ON COLUMN custseg.enrolment_count.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.enrolment_count.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.enrolment_count.n IS 'Customers.';

-- ids are compared byte by byte, for there may be millions
CREATE TABLE custseg.enrolment (
    experiment text NOT NULL,
    customer text COLLATE "C" NOT NULL,
    variant_number int NOT NULL,
    segment int NOT NULL,
    batch int NOT NULL,
    enrolled_at timestamptz NOT NULL,
    PRIMARY KEY (experiment, customer)
);

COMMENT ON TABLE custseg.enrolment IS 'Customers of experiments; only the owner of the model sees them.';
COMMENT ON COLUMN custseg.enrolment.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.enrolment.customer IS 'Id of the customer as text, times in UTC.';
COMMENT ON COLUMN custseg.enrolment.variant_number IS 'Number of the variant.';
COMMENT ON COLUMN custseg.enrolment.segment IS 'Number of the segment that the customer was in when enrolled.';
COMMENT ON COLUMN custseg.enrolment.batch IS 'Number of the call of enroll().';
COMMENT ON COLUMN custseg.enrolment.enrolled_at IS 'Time of the enrolment.';

CREATE TABLE custseg.experiment_look (
    experiment text NOT NULL,
    look int NOT NULL CHECK (look BETWEEN 1 AND 1000),
    model text NOT NULL,
    looked_at timestamptz NOT NULL,
    looked_by name NOT NULL,
    source text NOT NULL,
    information float8,
    n bigint NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('launch', 'iterate', 'stop', 'keep running')),
    reason text NOT NULL,
    valid bool NOT NULL,
    decides bool NOT NULL,
    findings jsonb NOT NULL,
    PRIMARY KEY (experiment, look)
);

COMMENT ON TABLE custseg.experiment_look IS 'Looks at experiments that look() has kept.';
COMMENT ON COLUMN custseg.experiment_look.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.experiment_look.look IS 'Number of the look, from 1.';
COMMENT ON COLUMN custseg.experiment_look.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.experiment_look.looked_at IS 'Time of the look.';
COMMENT ON COLUMN custseg.experiment_look.looked_by IS 'Role that called look().';
COMMENT ON COLUMN custseg.experiment_look.source IS 'Relation or query that the outcomes came from.';
COMMENT ON COLUMN custseg.experiment_look.information IS 'Share of the planned information that there was; it may pass 1.';
COMMENT ON COLUMN custseg.experiment_look.n IS 'Customers who were analysed.';
COMMENT ON COLUMN custseg.experiment_look.verdict IS 'Verdict: launch, iterate, stop or keep running.';
COMMENT ON COLUMN custseg.experiment_look.reason IS 'Reason of the verdict.';
COMMENT ON COLUMN custseg.experiment_look.valid IS 'Whether the customers are such that the results can be believed.';
COMMENT ON COLUMN custseg.experiment_look.decides IS 'Whether this is the look that decided.';
COMMENT ON COLUMN custseg.experiment_look.findings IS 'What else was known: method, boundary, p-values of a mismatch and of attrition, days since the start, variants whose lift was lost.';

CREATE TYPE custseg.experiment_results_result AS (
    metric text,
    role text,
    kind text,
    variant text,
    segment int,
    n_control bigint,
    n_treatment bigint,
    mean_control float8,
    mean_treatment float8,
    difference float8,
    standard_error float8,
    statistic float8,
    df float8,
    boundary float8,
    confidence float8,
    low float8,
    high float8,
    p_value float8,
    p_adjusted float8,
    lift float8,
    lift_low float8,
    lift_high float8,
    heterogeneity float8,
    heterogeneity_p_value float8,
    i_squared float8,
    theta float8,
    cap float8,
    rating text,
    verdict text,
    reason text
);

COMMENT ON TYPE custseg.experiment_results_result IS 'Row that experiment_results() returns: a metric of a variant, in a segment or in all together.';
COMMENT ON COLUMN custseg.experiment_results_result.metric IS 'Name of the metric.';
COMMENT ON COLUMN custseg.experiment_results_result.role IS 'Role of the metric: primary, guardrail or secondary.';
COMMENT ON COLUMN custseg.experiment_results_result.kind IS 'Kind of the metric: conversion, mean or ratio.';
COMMENT ON COLUMN custseg.experiment_results_result.variant IS 'Variant that is compared with the control.';
COMMENT ON COLUMN custseg.experiment_results_result.segment IS 'Number of the segment; NULL for all together, each with the weight of its customers.';
COMMENT ON COLUMN custseg.experiment_results_result.n_control IS 'Customers of the control who are analysed.';
COMMENT ON COLUMN custseg.experiment_results_result.n_treatment IS 'Customers of the variant who are analysed.';
COMMENT ON COLUMN custseg.experiment_results_result.mean_control IS 'Mean of the control: a share, a mean (capped where the metric has a cap, adjusted where it has a covariate) or a ratio.';
COMMENT ON COLUMN custseg.experiment_results_result.mean_treatment IS 'Mean of the variant, likewise.';
COMMENT ON COLUMN custseg.experiment_results_result.difference IS 'Effect: mean of the variant less that of the control.';
COMMENT ON COLUMN custseg.experiment_results_result.standard_error IS 'Standard error of the effect, the larger one of Welch''s and the pooled one.';
COMMENT ON COLUMN custseg.experiment_results_result.statistic IS 'Effect in standard errors; of a share at a single look the z of the test of two shares.';
COMMENT ON COLUMN custseg.experiment_results_result.df IS 'Degrees of freedom, by Welch and Satterthwaite; NULL where the normal law or an exact test holds.';
COMMENT ON COLUMN custseg.experiment_results_result.boundary IS 'Half of the interval in standard errors; NULL where the interval is that of a single look, and where a look can decide nothing.';
COMMENT ON COLUMN custseg.experiment_results_result.confidence IS 'Confidence of the interval: that of a segment is for all segments together.';
COMMENT ON COLUMN custseg.experiment_results_result.low IS 'Lower end of the interval of the effect; NULL where the look can decide nothing.';
COMMENT ON COLUMN custseg.experiment_results_result.high IS 'Upper end of the interval of the effect; NULL where the look can decide nothing.';
COMMENT ON COLUMN custseg.experiment_results_result.p_value IS 'Probability of such an effect, or one further from 0, where there is none; with the method anytime the smallest of the looks so far. With few looks the boundary decides, not this.';
COMMENT ON COLUMN custseg.experiment_results_result.p_adjusted IS 'The same for all segments (Holm) and variants together; of secondary metrics for all of them (Benjamini-Hochberg).';
COMMENT ON COLUMN custseg.experiment_results_result.lift IS 'Mean of the variant over that of the control, less 1; NULL where the latter is not above 0.';
COMMENT ON COLUMN custseg.experiment_results_result.lift_low IS 'Lower end of Fieller''s interval of the lift; NULL where the control''s mean is not certainly above 0.';
COMMENT ON COLUMN custseg.experiment_results_result.lift_high IS 'Upper end of Fieller''s interval of the lift; NULL where the control''s mean is not certainly above 0.';
COMMENT ON COLUMN custseg.experiment_results_result.heterogeneity IS 'Cochran''s Q of the effects of segments, for all together.';
COMMENT ON COLUMN custseg.experiment_results_result.heterogeneity_p_value IS 'Probability of such a Q, or a larger one, where the effect is the same in all segments.';
COMMENT ON COLUMN custseg.experiment_results_result.i_squared IS 'Share of what varies between segments that chance does not explain.';
COMMENT ON COLUMN custseg.experiment_results_result.theta IS 'Slope by which a covariate is taken into account, of a segment; NULL without one.';
COMMENT ON COLUMN custseg.experiment_results_result.cap IS 'Value that the metric is capped at; NULL without a cap.';
COMMENT ON COLUMN custseg.experiment_results_result.rating IS 'Rating of a guardrail: safe, harmed or unclear; NULL for other metrics.';
COMMENT ON COLUMN custseg.experiment_results_result.verdict IS 'Verdict of the primary metric: launch, iterate, stop or keep running; NULL for other metrics.';
COMMENT ON COLUMN custseg.experiment_results_result.reason IS 'Reason of verdict or rating, and what else is to be known of the line.';

CREATE TABLE custseg.experiment_look_metric (
    experiment text NOT NULL,
    look int NOT NULL,
    model text NOT NULL,
    position int NOT NULL,
    LIKE custseg.experiment_results_result INCLUDING COMMENTS,
    PRIMARY KEY (experiment, look, position)
);

COMMENT ON TABLE custseg.experiment_look_metric IS 'What looks at experiments showed, line by line as experiment_results() has them.';
COMMENT ON COLUMN custseg.experiment_look_metric.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.experiment_look_metric.look IS 'Number of the look.';
COMMENT ON COLUMN custseg.experiment_look_metric.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.experiment_look_metric.position IS 'Position in the report, from 1.';

CREATE SEQUENCE custseg.segment_kpi_run_seq;

CREATE TABLE custseg.segment_kpi (
    model text NOT NULL,
    run bigint NOT NULL,
    version int NOT NULL,
    run_at timestamptz NOT NULL,
    run_by name NOT NULL,
    source text,
    segment_source text,
    LIKE custseg.segment_kpis_result INCLUDING COMMENTS,
    position int NOT NULL,
    PRIMARY KEY (model, month, position)
);

ALTER SEQUENCE custseg.segment_kpi_run_seq OWNED BY custseg.segment_kpi.run;

COMMENT ON TABLE custseg.segment_kpi IS 'Result of segment_kpis() for each segment in each month that record_kpis() has kept, with the customers who were in the segment then; see the view kpi_history.';
COMMENT ON COLUMN custseg.segment_kpi.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.segment_kpi.run IS 'Number of the run, ascending in time.';
COMMENT ON COLUMN custseg.segment_kpi.version IS 'Version that placed the customers.';
COMMENT ON COLUMN custseg.segment_kpi.run_at IS 'Time of the run.';
COMMENT ON COLUMN custseg.segment_kpi.run_by IS 'Role that called record_kpis().';
COMMENT ON COLUMN custseg.segment_kpi.source IS 'Lines of orders that were named.';
COMMENT ON COLUMN custseg.segment_kpi.segment_source IS 'Customers who were named to be placed; NULL when those of the training were.';
COMMENT ON COLUMN custseg.segment_kpi.position IS 'Position in the run, from 1.';

CREATE TABLE custseg.gate_condition (
    model text NOT NULL,
    condition text NOT NULL CHECK (octet_length(condition) BETWEEN 1 AND 63),
    state text NOT NULL CHECK (state IN ('pass', 'fail', 'unclear')),
    reason text NOT NULL,
    evidence text,
    set_at timestamptz NOT NULL,
    set_by name NOT NULL,
    PRIMARY KEY (model, condition)
);

COMMENT ON TABLE custseg.gate_condition IS 'What somebody has found about whether a model may be acted on, kept by set_condition() and record_survey(); see go_no_go().';
COMMENT ON COLUMN custseg.gate_condition.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.gate_condition.condition IS 'Name of the condition.';
COMMENT ON COLUMN custseg.gate_condition.state IS 'State: pass, fail or unclear.';
COMMENT ON COLUMN custseg.gate_condition.reason IS 'Reason of the state.';
COMMENT ON COLUMN custseg.gate_condition.evidence IS 'Evidence that was given; NULL for none.';
COMMENT ON COLUMN custseg.gate_condition.set_at IS 'Time of the last call that set the condition.';
COMMENT ON COLUMN custseg.gate_condition.set_by IS 'Role that set the condition last.';

CREATE TABLE custseg.gate_decision (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text NOT NULL,
    version int,
    decision text NOT NULL CHECK (decision IN ('go', 'hold', 'no-go')),
    reason text NOT NULL,
    conditions jsonb NOT NULL,
    decided_at timestamptz NOT NULL,
    decided_by name NOT NULL
);

CREATE INDEX ON custseg.gate_decision (model, id);

COMMENT ON TABLE custseg.gate_decision IS 'Decisions whether a model is acted on, as decide() made them, with what was known then.';
COMMENT ON COLUMN custseg.gate_decision.id IS 'Number of the decision, ascending in time.';
COMMENT ON COLUMN custseg.gate_decision.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.gate_decision.version IS 'Version that was deployed; NULL when none was.';
COMMENT ON COLUMN custseg.gate_decision.decision IS 'Decision: go (all conditions pass), hold (some are unclear) or no-go (one fails).';
COMMENT ON COLUMN custseg.gate_decision.reason IS 'Reason that was given.';
COMMENT ON COLUMN custseg.gate_decision.conditions IS 'Rows of go_no_go() at the time.';
COMMENT ON COLUMN custseg.gate_decision.decided_at IS 'Time of the decision.';
COMMENT ON COLUMN custseg.gate_decision.decided_by IS 'Role that called decide().';

CREATE TABLE custseg.segment_override (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text,
    owner name NOT NULL,
    customer text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('override', 'exclusion')),
    segment int,
    reason text NOT NULL,
    until timestamptz,
    made_at timestamptz NOT NULL,
    made_by name NOT NULL,
    ended_at timestamptz,
    ended_by name,
    owner_oid oid,
    owner_cluster bigint,
    CHECK ((kind = 'override') = (segment IS NOT NULL)),
    CHECK (kind = 'exclusion' OR model IS NOT NULL)
);

CREATE UNIQUE INDEX segment_override_in_force ON custseg.segment_override (coalesce(model, ''), owner, coalesce(owner_oid, 0), customer) WHERE ended_at IS NULL;

COMMENT ON TABLE custseg.segment_override IS 'Decisions by hand: who put which customer in a segment or excluded the customer from all segments, and why; decisions that have ended are kept; see the view overrides.';
COMMENT ON COLUMN custseg.segment_override.id IS 'Number of the decision.';
COMMENT ON COLUMN custseg.segment_override.model IS 'Name of the model, which may have been dropped since; NULL for all models of the owner.';
COMMENT ON COLUMN custseg.segment_override.owner IS 'Role whose models the decision is for.';
COMMENT ON COLUMN custseg.segment_override.owner_oid IS 'OID of that role; NULL when there was none of the name.';
COMMENT ON COLUMN custseg.segment_override.owner_cluster IS 'Identifier of the database cluster in which the OID, not the name, says who the role is.';
COMMENT ON COLUMN custseg.segment_override.customer IS 'Id of the customer as text, times in UTC; it is compared as a value of the type of the column that tells customers.';
COMMENT ON COLUMN custseg.segment_override.kind IS 'Kind of the decision: override (the customer is put in a segment by hand) or exclusion (the customer is in no segment).';
COMMENT ON COLUMN custseg.segment_override.segment IS 'Number of the segment; NULL when the customer is excluded from all segments.';
COMMENT ON COLUMN custseg.segment_override.reason IS 'Reason that the role gave.';
COMMENT ON COLUMN custseg.segment_override.until IS 'Time at which the decision expires; NULL for never.';
COMMENT ON COLUMN custseg.segment_override.made_at IS 'Time at which the decision was made.';
COMMENT ON COLUMN custseg.segment_override.made_by IS 'Role that made the decision.';
COMMENT ON COLUMN custseg.segment_override.ended_at IS 'Time at which the decision was ended or replaced, or at which it had expired before that; NULL while it holds until it expires.';
COMMENT ON COLUMN custseg.segment_override.ended_by IS 'Role that ended or replaced the decision; NULL when nobody did.';

CREATE TABLE custseg.audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    made_by name NOT NULL,
    action text NOT NULL,
    model text,
    version int,
    subject text,
    n bigint,
    made_by_oid oid,
    made_by_cluster bigint
);

CREATE INDEX ON custseg.audit_event (model);

COMMENT ON TABLE custseg.audit_event IS 'What would leave no trace by itself: who revoked, dropped, published, forgot a customer; see the view audit. No row tells who a customer is.';
COMMENT ON COLUMN custseg.audit_event.id IS 'Number of the event, ascending in time.';
COMMENT ON COLUMN custseg.audit_event.at IS 'Time of the event.';
COMMENT ON COLUMN custseg.audit_event.made_by IS 'Role that did it.';
COMMENT ON COLUMN custseg.audit_event.made_by_oid IS 'OID of that role; NULL when there was none of the name.';
COMMENT ON COLUMN custseg.audit_event.made_by_cluster IS 'Identifier of the database cluster in which the OID, not the name, says who the role is.';
COMMENT ON COLUMN custseg.audit_event.action IS 'What was done, such as revoke, publish, forget_customer or drop_model.';
COMMENT ON COLUMN custseg.audit_event.model IS 'Name of the model; NULL where it is about none, or about one that was dropped.';
COMMENT ON COLUMN custseg.audit_event.version IS 'Version of the model; NULL where it is about none.';
COMMENT ON COLUMN custseg.audit_event.subject IS 'What it was done to: a role, a segment, a consumer, a table, or a model that was dropped.';
COMMENT ON COLUMN custseg.audit_event.n IS 'Parts of a publication; NULL of other events.';

CREATE TABLE custseg.column_note (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model text,
    source text,
    column_name text NOT NULL CHECK (octet_length(column_name) BETWEEN 1 AND 63),
    meaning text,
    source_system text,
    unit text,
    range text,
    update_cadence text,
    steward text,
    set_at timestamptz NOT NULL,
    set_by name NOT NULL,
    CHECK (num_nonnulls(model, source) = 1)
);

CREATE UNIQUE INDEX column_note_of ON custseg.column_note (coalesce(model, ''), coalesce(source, ''), column_name);

COMMENT ON TABLE custseg.column_note IS 'What columns mean, of a model or of a relation, kept by set_column_note(); see data_dictionary().';
COMMENT ON COLUMN custseg.column_note.id IS 'Number of the note.';
COMMENT ON COLUMN custseg.column_note.model IS 'Name of the model; NULL for a note of a relation.';
COMMENT ON COLUMN custseg.column_note.source IS 'Relation, with its schema; NULL for a note of a model.';
COMMENT ON COLUMN custseg.column_note.column_name IS 'Name of the column.';
COMMENT ON COLUMN custseg.column_note.meaning IS 'Meaning of the column; NULL, here and in all columns that follow, when nothing was set.';
COMMENT ON COLUMN custseg.column_note.source_system IS 'System that the values come from.';
COMMENT ON COLUMN custseg.column_note.unit IS 'Unit of the values.';
COMMENT ON COLUMN custseg.column_note.range IS 'Values that are allowed, in words.';
COMMENT ON COLUMN custseg.column_note.update_cadence IS 'How often the values are brought up to date.';
COMMENT ON COLUMN custseg.column_note.steward IS 'Who answers for the column.';
COMMENT ON COLUMN custseg.column_note.set_at IS 'Time of the last call of set_column_note().';
COMMENT ON COLUMN custseg.column_note.set_by IS 'Role that called set_column_note() last.';

CREATE TABLE custseg.report (
    model text NOT NULL,
    version int NOT NULL,
    published_at timestamptz NOT NULL,
    part text NOT NULL,
    body jsonb NOT NULL,
    PRIMARY KEY (model, published_at, part)
);

COMMENT ON TABLE custseg.report IS 'Publications of publish(), a row for each part: what pictures, reports and BI tools show of the segments. No row tells who a customer is.';
COMMENT ON COLUMN custseg.report.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.report.version IS 'Version that placed the customers.';
COMMENT ON COLUMN custseg.report.published_at IS 'Time of the publication; its parts have the same.';
COMMENT ON COLUMN custseg.report.part IS 'Part of the publication, such as summary, profile or radar.';
COMMENT ON COLUMN custseg.report.body IS 'Content of the part: mostly an array of objects, which are the rows of the function that the part is made by.';

-- passes over rows wherever they are: aggregates of flat states, whose arguments have types that all engines hand on

CREATE FUNCTION custseg_private.pass_accum(state bytea, plan bytea, numbers float8[]) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_pass_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.pass_accum(bytea, bytea, float8[]) IS 'Transition function of pass() of rows without categories.';

CREATE FUNCTION custseg_private.pass_accum(state bytea, plan bytea, numbers float8[], levels text[]) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_pass_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.pass_accum(bytea, bytea, float8[], text[]) IS 'Transition function of pass().';

CREATE FUNCTION custseg_private.pass_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_pass_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.pass_combine IS 'Combine function of pass(), and transition function of pass_merge().';

CREATE FUNCTION custseg_private.once(plan bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_once'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.once IS 'Returns the plan of a pass in the first row that a process reads, and NULL in all that follow.';

CREATE AGGREGATE custseg_private.pass(plan bytea, numbers float8[]) (
    SFUNC = custseg_private.pass_accum,
    STYPE = bytea,
    SSPACE = 4096,
    COMBINEFUNC = custseg_private.pass_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg_private.pass(bytea, float8[]) IS 'Adds up rows as a plan says, and returns the state.';

CREATE AGGREGATE custseg_private.pass(plan bytea, numbers float8[], levels text[]) (
    SFUNC = custseg_private.pass_accum,
    STYPE = bytea,
    SSPACE = 4096,
    COMBINEFUNC = custseg_private.pass_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg_private.pass(bytea, float8[], text[]) IS 'Adds up rows as a plan says, and returns the state.';

CREATE AGGREGATE custseg_private.pass_merge(state bytea) (
    SFUNC = custseg_private.pass_combine,
    STYPE = bytea,
    SSPACE = 4096,
    COMBINEFUNC = custseg_private.pass_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg_private.pass_merge(bytea) IS 'Merges states of pass() from several servers.';

CREATE FUNCTION custseg_private.buying_accum(state bytea, at bigint, amount numeric) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_buying_accum_decimal'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.buying_accum(bytea, bigint, numeric) IS 'Transition function of buying() of decimal amounts.';

CREATE FUNCTION custseg_private.buying_accum(state bytea, at bigint, amount float8) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_buying_accum_float'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.buying_accum(bytea, bigint, float8) IS 'Transition function of buying() of amounts that are not decimal.';

CREATE FUNCTION custseg_private.buying_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_buying_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.buying_combine IS 'Combine function of buying().';

CREATE FUNCTION custseg_private.buying_final(state bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_buying_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.buying_final IS 'Final function of buying().';

CREATE AGGREGATE custseg_private.buying(at bigint, amount numeric) (
    SFUNC = custseg_private.buying_accum,
    STYPE = bytea,
    SSPACE = 256,
    FINALFUNC = custseg_private.buying_final,
    COMBINEFUNC = custseg_private.buying_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg_private.buying(bigint, numeric) IS 'Sums up lines of a customer by their times: how many, how many purchases, and for how much.';

CREATE AGGREGATE custseg_private.buying(at bigint, amount float8) (
    SFUNC = custseg_private.buying_accum,
    STYPE = bytea,
    SSPACE = 256,
    FINALFUNC = custseg_private.buying_final,
    COMBINEFUNC = custseg_private.buying_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg_private.buying(bigint, float8) IS 'Sums up lines of a customer by their times: how many, how many purchases, and for how much.';

CREATE FUNCTION custseg_private.microseconds(at timestamp) RETURNS bigint
AS 'MODULE_PATHNAME', 'custseg_microseconds'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.microseconds(timestamp) IS 'Returns the microseconds of a time since 2000.';

CREATE FUNCTION custseg_private.microseconds(at timestamptz) RETURNS bigint
AS 'MODULE_PATHNAME', 'custseg_microseconds'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.microseconds(timestamptz) IS 'Returns the microseconds of a time since 2000 in UTC.';

CREATE FUNCTION custseg_private.day_of(at timestamptz, zone bytea) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_day_of'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.day_of IS 'Returns the day of a time by the calendar of a zone, in days since 2000; NULL of an infinite time. The zone is bytes: a text would have a collation, with which it is not sent to other servers.';

CREATE FUNCTION custseg_private.hour_of(at timestamptz, zone bytea) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_hour_of'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.hour_of(timestamptz, bytea) IS 'Returns the hour of a time by the clocks of a zone, whose name is bytes as in day_of(); NULL of midnight to the microsecond, and of an infinite time.';

CREATE FUNCTION custseg_private.hour_of(at timestamp) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_hour_of_local'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.hour_of(timestamp) IS 'Returns the hour of a time; NULL of midnight to the microsecond, and of an infinite time.';

CREATE FUNCTION custseg_private.month_of(day int) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_month_of'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.month_of IS 'Returns the month of a day, in months since the beginning of year 0; the day is in days since 2000.';

CREATE FUNCTION custseg_private.rows_counted(n bigint) RETURNS bigint
AS 'MODULE_PATHNAME', 'custseg_rows_counted'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.rows_counted IS 'Returns the number of rows of a group that another server has counted; an error where it cannot be.';

CREATE FUNCTION custseg_private.as_number(value date) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_as_number_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.as_number(date) IS 'Returns the number that a feature of this type is: days since 1970.';

CREATE FUNCTION custseg_private.as_number(value timestamp) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_as_number_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.as_number(timestamp) IS 'Returns the number that a feature of this type is: days since 1970.';

CREATE FUNCTION custseg_private.as_number(value timestamptz) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_as_number_timestamptz'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.as_number(timestamptz) IS 'Returns the number that a feature of this type is: days since 1970.';

CREATE FUNCTION custseg_private.as_number(value interval) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_as_number_interval'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.as_number(interval) IS 'Returns the number that a feature of this type is: days.';

CREATE FUNCTION custseg_private.as_number(value money) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_as_number_money'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.as_number(money) IS 'Returns the number that a feature of this type is.';

-- train

CREATE TYPE custseg.train_result AS (
    model text,
    version int,
    algorithm text,
    n_rows bigint,
    n_skipped bigint,
    n_segments int,
    inertia float8,
    silhouette float8,
    iterations int,
    converged bool,
    deployed bool,
    milliseconds float8
);

COMMENT ON TYPE custseg.train_result IS 'Row that train() and retrain() return.';
COMMENT ON COLUMN custseg.train_result.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.train_result.version IS 'Number of the new version.';
COMMENT ON COLUMN custseg.train_result.algorithm IS 'Algorithm that was asked for; of purchases, the one that was chosen.';
COMMENT ON COLUMN custseg.train_result.n_rows IS 'Rows that the version was trained on, customers in a model of purchases.';
COMMENT ON COLUMN custseg.train_result.n_skipped IS 'Rows that were left out.';
COMMENT ON COLUMN custseg.train_result.n_segments IS 'Number of segments, without noise (segment 0); NULL, like the two that follow, in a model of another kind.';
COMMENT ON COLUMN custseg.train_result.inertia IS 'Sum of the squared distances of the rows to their centers.';
COMMENT ON COLUMN custseg.train_result.silhouette IS 'Mean silhouette of the rows, or of a sample of them, -1 to 1; NULL where it is not defined.';
COMMENT ON COLUMN custseg.train_result.iterations IS 'Iterations of the run that was kept.';
COMMENT ON COLUMN custseg.train_result.converged IS 'Whether the algorithm converged before its limit of iterations.';
COMMENT ON COLUMN custseg.train_result.deployed IS 'Whether the new version is deployed.';
COMMENT ON COLUMN custseg.train_result.milliseconds IS 'Duration of the training in milliseconds.';

CREATE FUNCTION custseg.train(
    model text,
    source text,
    features text[] DEFAULT NULL,
    k int DEFAULT NULL,
    algorithm text DEFAULT 'kmeans',
    id text DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    deploy bool DEFAULT NULL
) RETURNS custseg.train_result
AS 'MODULE_PATHNAME', 'custseg_train'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.train IS 'Trains a new version of a model on the rows of a relation or query.
topic: training 1
example: SELECT * FROM custseg.train(''shop'', ''customers'', ''{recency,frequency,monetary}'', k => 3)';

CREATE FUNCTION custseg.retrain(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    deploy bool DEFAULT NULL
) RETURNS custseg.train_result
AS 'MODULE_PATHNAME', 'custseg_retrain'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.retrain IS 'Trains a new version of a model of any kind with all arguments of the deployed version: source, columns, number of segments, algorithm, id, preparation and options, of which some may be given anew.
topic: training 2
example: SELECT * FROM custseg.retrain(''shop'')';

-- life cycle

CREATE FUNCTION custseg.deploy(
    model text,
    version int,
    reason text DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_deploy'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.deploy IS 'Makes a version the one that scoring uses, provided that it agrees with the deployed version as the options demand. Returns the version.
topic: versions 3
example: SELECT custseg.deploy(''shop'', 2, ''tested on half of the customers'')';

CREATE FUNCTION custseg.rollback(model text, reason text DEFAULT NULL) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_rollback'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.rollback IS 'Returns to the version that was deployed before; repeated calls go further back in the history. Returns the version.
topic: versions 4
example: SELECT custseg.rollback(''shop'', ''too many complaints'')';

CREATE FUNCTION custseg.drop_model(
    model text,
    version int DEFAULT NULL,
    whole bool DEFAULT false,
    ignore_triggers bool DEFAULT false,
    forget_exclusions bool DEFAULT false
) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_drop_model'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.drop_model IS 'Drops a version that is not deployed, or the whole model, unless triggers name it. Returns the version that remains deployed.
topic: versions 5
example: SELECT custseg.drop_model(''shop'', 2)';

CREATE FUNCTION custseg.export_model(
    model text,
    version int DEFAULT NULL,
    whole bool DEFAULT false,
    decisions bool DEFAULT false
) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_export_model'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.export_model IS 'Returns the deployed version of a model, or another one, or the whole model, as one value that import_model() reads, in any database.
topic: versions 6
example: SELECT custseg.export_model(''shop'')';

CREATE FUNCTION custseg.import_model(
    exported jsonb,
    model text DEFAULT NULL,
    add_version bool DEFAULT false,
    adopt_source bool DEFAULT false,
    deploy bool DEFAULT NULL,
    OUT model text,
    OUT version int,
    OUT algorithm text,
    OUT n_segments int,
    OUT deployed bool
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_import_model'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 5;

COMMENT ON FUNCTION custseg.import_model IS 'Makes a model of what export_model() gave, as one that the caller owns, or adds it to a model of the caller. Returns a row for each version.
topic: versions 7
example: SELECT * FROM custseg.import_model(custseg.export_model(''shop''), ''shop_copy'')';

CREATE FUNCTION custseg.adopt_source(model text, version int DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_adopt_source'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.adopt_source IS 'Lets the source that a version keeps run with the rights of the owner of the model, when it was imported or has come with the model to a new owner: read it before. Returns the source.
topic: versions 8
example: SELECT custseg.adopt_source(''shop'')';

CREATE FUNCTION custseg.name_segment(
    model text,
    segment int,
    name text DEFAULT NULL,
    description text DEFAULT NULL,
    rank int DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_name_segment'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.name_segment IS 'Names a segment of the deployed version and of later versions that have the segment, describes it, and ranks it by value, 1 for the highest. A NULL name, description or rank keeps the present one; an empty description or rank 0 removes it.
topic: segments 2
example: SELECT custseg.name_segment(''shop'', 1, ''loyal'', ''They order often.'', rank => 1)';

CREATE FUNCTION custseg.set_presentation(model text, presentation jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_set_presentation'
LANGUAGE C;

COMMENT ON FUNCTION custseg.set_presentation IS 'Says how a model is presented on pages and in reports, by a json object: title, description, value (column with the value of a customer), currency, for each of columns its label, unit and description, margin, and curves of response to spending. A given key replaces the present value, those of a column one by one, and null removes it.
topic: versions 9
example: SELECT custseg.set_presentation(''shop'', ''{"title": "Customers of the shop", "value": "monetary", "currency": "GBP", "columns": {"recency": {"label": "Days since the last order", "unit": "days"}}}'')';

CREATE FUNCTION custseg.grant_model(model text, role name) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_grant_model'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.grant_model IS 'Allows a role, or public, to use a model.
topic: rights 1
example: SELECT custseg.grant_model(''shop'', ''public'')';

CREATE FUNCTION custseg.revoke_model(model text, role name) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_revoke_model'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.revoke_model IS 'Withdraws a grant of grant_model() from a role, or from public.
topic: rights 2
example: SELECT custseg.revoke_model(''shop'', ''public'')';

-- progress

CREATE FUNCTION custseg.progress(
    OUT pid int,
    OUT model text,
    OUT phase text,
    OUT k int,
    OUT start bigint,
    OUT starts bigint,
    OUT iteration bigint,
    OUT rows_done bigint,
    OUT rows_total bigint,
    OUT started_at timestamptz
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'custseg_progress' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION custseg.progress() IS
    'Lists the trainings that are running in this database cluster, in all sessions: phase, number of segments that is tried, start n of m, iteration, rows.
topic: training 3
example: SELECT * FROM custseg.progress()';

-- score

CREATE TYPE custseg.compiled_model;

CREATE FUNCTION custseg_private.compiled_model_in(cstring) RETURNS custseg.compiled_model
AS 'MODULE_PATHNAME', 'custseg_compiled_model_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.compiled_model_in IS 'Reads the text form, which is json, and checks it completely.';

CREATE FUNCTION custseg_private.compiled_model_out(custseg.compiled_model) RETURNS cstring
AS 'MODULE_PATHNAME', 'custseg_compiled_model_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.compiled_model_out IS 'Writes the text form, which is json, with every float exact.';

CREATE FUNCTION custseg_private.compiled_model_recv(internal) RETURNS custseg.compiled_model
AS 'MODULE_PATHNAME', 'custseg_compiled_model_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.compiled_model_recv IS 'Reads the binary form, which is the text form.';

CREATE FUNCTION custseg_private.compiled_model_send(custseg.compiled_model) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_compiled_model_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.compiled_model_send IS 'Writes the binary form, which is the text form.';

CREATE TYPE custseg.compiled_model (
    INPUT = custseg_private.compiled_model_in,
    OUTPUT = custseg_private.compiled_model_out,
    RECEIVE = custseg_private.compiled_model_recv,
    SEND = custseg_private.compiled_model_send,
    ALIGNMENT = double,
    STORAGE = extended
);

COMMENT ON TYPE custseg.compiled_model IS 'A version of a model as one value, for scoring where the tables of the model are not available; custseg.scorer() makes it.';

CREATE FUNCTION custseg_private.compiled_model_to_jsonb(custseg.compiled_model) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_compiled_model_to_jsonb'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.compiled_model_to_jsonb IS 'Returns the definition from which a compiled model was compiled.';

CREATE CAST (custseg.compiled_model AS jsonb)
WITH FUNCTION custseg_private.compiled_model_to_jsonb(custseg.compiled_model);

CREATE FUNCTION custseg.scorer(model text, version int DEFAULT NULL) RETURNS custseg.compiled_model
AS 'MODULE_PATHNAME', 'custseg_scorer'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.scorer IS 'Returns the deployed or the given version as one value, for predict(scorer, customer), which overrides and exclusions do not reach.
topic: scoring 10
example: SELECT custseg.scorer(''shop'')';

CREATE FUNCTION custseg_private.predict_support(internal) RETURNS internal
AS 'MODULE_PATHNAME', 'custseg_predict_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.predict_support IS 'Lets predict() read only the columns that the model needs, and tells what that costs (planner support).';

CREATE FUNCTION custseg_private.predict_columns(model text, version int, columns text[], VARIADIC "values" "any") RETURNS int
AS 'MODULE_PATHNAME', 'custseg_predict_columns'
LANGUAGE C STABLE PARALLEL SAFE COST 100
SUPPORT custseg_private.predict_support;

COMMENT ON FUNCTION custseg_private.predict_columns IS 'Places a customer by only those columns that the model needs, by name; the planner rewrites predict() on the rows of a table into this form.';

CREATE FUNCTION custseg.predict(model text, customer "any", version int DEFAULT NULL) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_predict'
LANGUAGE C STABLE PARALLEL SAFE COST 100
SUPPORT custseg_private.predict_support;

COMMENT ON FUNCTION custseg.predict(text, "any", int) IS 'Returns the segment of a customer, given as a row or a jsonb object, with overrides honoured where the id comes along; NULL when the customer cannot be placed or is excluded.
topic: scoring 1
example: UPDATE customers c SET segment = custseg.predict(''shop'', c)';

CREATE FUNCTION custseg.predict(scorer custseg.compiled_model, customer "any") RETURNS int
AS 'MODULE_PATHNAME', 'custseg_predict_scorer'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict(custseg.compiled_model, "any") IS 'Returns the segment of a customer by a compiled model, which is given as a value; no table is read, so overrides and exclusions are not honoured.
topic: scoring 11
example: SELECT id, custseg.predict((SELECT custseg.scorer(''shop'')), c) FROM customers c';

CREATE FUNCTION custseg_private.predict_decided(scorer custseg.compiled_model, customer "any", decisions jsonb, key text[]) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_predict_decided'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg_private.predict_decided IS 'Returns the segment of a customer by a compiled model and decisions by hand, both given as values; the key names the columns that tell customers.';

CREATE FUNCTION custseg_private.is_decided(scorer custseg.compiled_model, customer "any", decisions jsonb, key text[]) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_is_decided'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg_private.is_decided IS 'Tells whether one of the decisions by hand is about a customer.';

CREATE FUNCTION custseg.predict_name(
    model text,
    customer "any",
    version int DEFAULT NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_predict_name'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_name(text, "any", int) IS 'Returns the name of a customer''s segment.
topic: scoring 5
example: SELECT id, custseg.predict_name(''shop'', c) FROM customers c';

CREATE FUNCTION custseg.predict_name(scorer custseg.compiled_model, customer "any") RETURNS text
AS 'MODULE_PATHNAME', 'custseg_predict_name_scorer'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_name(custseg.compiled_model, "any") IS 'Returns the name of a customer''s segment by a compiled model, which is given as a value; no table is read, so overrides and exclusions are not honoured.
topic: scoring 12
example: SELECT id, custseg.predict_name((SELECT custseg.scorer(''shop'')), c) FROM customers c';

CREATE FUNCTION custseg.predict_path(model text, customer "any", names bool DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_predict_path'
LANGUAGE C STABLE PARALLEL SAFE COST 200;

COMMENT ON FUNCTION custseg.predict_path IS 'Returns the path of a customer: the segment, the segment within it by the model that is within that segment, and so on, such as 2.3; with names the names of the segments, such as Loyal / Night owls. NULL when the customer cannot be placed or is excluded.
topic: people 2
example: SELECT id, custseg.predict_path(''shop'', c) FROM customers c';

CREATE FUNCTION custseg.predict_detail(
    model text,
    customer "any",
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT distance float8,
    OUT confidence float8,
    OUT runner_up int,
    OUT memberships float8[]
)
AS 'MODULE_PATHNAME', 'custseg_predict_detail'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_detail(text, "any", int) IS 'Returns the segment of a customer, the distance to its center, the confidence (1 - d1/d2 of the two nearest centers), the second nearest segment, and degrees of membership in the order of the segments.
topic: scoring 6
example: SELECT * FROM custseg.predict_detail(''shop'', ''{"recency": 10, "frequency": 5, "monetary": 200}'')';

CREATE FUNCTION custseg.predict_detail(
    scorer custseg.compiled_model,
    customer "any",
    OUT segment int,
    OUT name text,
    OUT distance float8,
    OUT confidence float8,
    OUT runner_up int,
    OUT memberships float8[]
)
AS 'MODULE_PATHNAME', 'custseg_predict_detail_scorer'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_detail(custseg.compiled_model, "any") IS 'Returns what predict_detail() of a model tells of a customer by a compiled model, which is given as a value; no table is read, so overrides and exclusions are not honoured.
topic: scoring 13
example: SELECT * FROM custseg.predict_detail((SELECT custseg.scorer(''shop'')), ''{"recency": 10, "frequency": 5, "monetary": 200}'')';

CREATE FUNCTION custseg.predict_json(model text, customer jsonb, version int DEFAULT NULL) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_predict_json'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_json IS 'Returns what predict_detail() tells as a json object, with the model, the version and who decided; for an array of customers, an array of such objects in the same order.
topic: scoring 7
example: SELECT custseg.predict_json(''shop'', ''{"recency": 10, "frequency": 5, "monetary": 200}'')';

CREATE FUNCTION custseg.explain(
    model text,
    customer "any",
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT runner_up int,
    OUT runner_up_name text,
    OUT feature text,
    OUT value text,
    OUT segment_mean float8,
    OUT runner_up_mean float8,
    OUT overall_mean float8,
    OUT contribution float8,
    OUT speaks_for int,
    OUT condition text,
    OUT margin float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_explain'
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 20;

COMMENT ON FUNCTION custseg.explain(text, "any", int) IS 'Explains why a customer is in a segment and not in the second nearest one: for each feature the customer''s value, the means of the segment, of the runner-up and of all customers (for a category, the shares of the level), the feature''s share of what tells the two segments apart for this customer, and which of the two it speaks for; for rules, the condition that decided and how far the customer is inside its border.
topic: scoring 8
example: SELECT * FROM custseg.explain(''shop'', ''{"recency": 10, "frequency": 5, "monetary": 200}'')';

CREATE FUNCTION custseg.explain(
    scorer custseg.compiled_model,
    customer "any",
    OUT segment int,
    OUT name text,
    OUT runner_up int,
    OUT runner_up_name text,
    OUT feature text,
    OUT value text,
    OUT segment_mean float8,
    OUT runner_up_mean float8,
    OUT overall_mean float8,
    OUT contribution float8,
    OUT speaks_for int,
    OUT condition text,
    OUT margin float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_explain_scorer'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 100 ROWS 20;

COMMENT ON FUNCTION custseg.explain(custseg.compiled_model, "any") IS 'Explains why a customer is in a segment and not in the second nearest one by a compiled model, which is given as a value; no table is read, so overrides and exclusions are not honoured.
topic: scoring 14
example: SELECT * FROM custseg.explain((SELECT custseg.scorer(''shop'')), ''{"recency": 10, "frequency": 5, "monetary": 200}'')';

CREATE FUNCTION custseg.explain_text(model text, customer "any", version int DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_explain_text'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.explain_text IS 'Says in one sentence why a customer is in a segment and not in the second nearest one; NULL for a customer who cannot be placed.
topic: scoring 9
example: SELECT custseg.explain_text(''shop'', ''{"recency": 10, "frequency": 5, "monetary": 200}'')';

CREATE FUNCTION custseg.score(
    model text,
    source text DEFAULT NULL,
    version int DEFAULT NULL,
    OUT id text,
    OUT segment int,
    OUT name text,
    OUT distance float8,
    OUT confidence float8,
    OUT assigned_by text,
    OUT decided_by name
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_score'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.score IS 'Returns all customers of a source with their segments, and who decided where that was done by hand; by default the source is the one that the model was trained on.
topic: scoring 3
example: SELECT * FROM custseg.score(''shop'')';

CREATE FUNCTION custseg_private.require_once(customer text, n bigint, source text) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_require_once'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.require_once IS 'Returns true, or raises an error where a customer comes more than once.';

CREATE FUNCTION custseg_private.require_version(model text, version int) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_require_version'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.require_version IS 'Returns the deployed version of a model of segments, or the given one, or raises an error where there is none.';

CREATE FUNCTION custseg.assign_segment() RETURNS trigger
AS 'MODULE_PATHNAME', 'custseg_assign_segment'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.assign_segment IS 'Writes the row''s segment to a column, as a BEFORE INSERT OR UPDATE FOR EACH ROW trigger (''model'', ''column'' [, ''version'']).
topic: scoring 4
example: CREATE TRIGGER assign_segment BEFORE INSERT OR UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION custseg.assign_segment(''shop'', ''segment'')';

CREATE PROCEDURE custseg.resegment(
    model text,
    "table" text,
    "column" text DEFAULT 'segment',
    batch int DEFAULT NULL,
    "where" text DEFAULT NULL,
    create_column bool DEFAULT false,
    keep_days int DEFAULT NULL,
    value text DEFAULT NULL,
    version int DEFAULT NULL,
    INOUT rows_changed bigint DEFAULT NULL,
    INOUT rows_total bigint DEFAULT NULL
)
AS 'MODULE_PATHNAME', 'custseg_resegment'
LANGUAGE C;

COMMENT ON PROCEDURE custseg.resegment IS 'Updates the segment column, only in rows whose segment has changed, and records the moves in custseg.migration.
topic: scoring 2
example: CALL custseg.resegment(''shop'', ''customers'')';

-- judge

CREATE FUNCTION custseg.k_distance(
    source text,
    features text[] DEFAULT NULL,
    k int DEFAULT 5,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT n bigint,
    OUT share float8,
    OUT distance float8,
    OUT knee bool
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_k_distance'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.k_distance IS 'Returns the curve from which to read the eps of dbscan: the distance of each row to its k-th nearest row (the row itself counts), in ascending order, and the knee of the curve.
topic: choosing 8
example: SELECT * FROM custseg.k_distance(''customers'', ''{recency,frequency,monetary}'') WHERE knee';

CREATE FUNCTION custseg.dbscan_grid(
    source text,
    features text[] DEFAULT NULL,
    eps float8[] DEFAULT NULL,
    min_samples int[] DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT eps float8,
    OUT min_samples int,
    OUT n_segments int,
    OUT noise_share float8,
    OUT largest_share float8,
    OUT silhouette float8,
    OUT recommended bool,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_dbscan_grid'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.dbscan_grid IS 'Counts the clusters that dbscan finds for each combination of eps and min_samples, and recommends a combination.
topic: choosing 9
example: SELECT * FROM custseg.dbscan_grid(''customers'', ''{recency,frequency,monetary}'')';

CREATE FUNCTION custseg.dendrogram(
    source text,
    features text[] DEFAULT NULL,
    linkage text DEFAULT 'ward',
    id text DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT step int,
    OUT cluster_a int,
    OUT cluster_b int,
    OUT height float8,
    OUT n bigint
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_dendrogram'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.dendrogram IS 'Returns the merges of a hierarchical clustering, the lowest first: which two clusters merge, at what height, and how many rows they have. Rows are clusters 0, 1, ... in the order of the source, and the merge of step s makes cluster leaves + s - 1.
topic: choosing 7
example: SELECT * FROM custseg.dendrogram(''customers'', ''{recency,frequency,monetary}'')';
CREATE FUNCTION custseg.choose_k(
    source text,
    features text[] DEFAULT NULL,
    k_min int DEFAULT 2,
    k_max int DEFAULT 10,
    algorithm text DEFAULT 'kmeans',
    id text DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT k int,
    OUT inertia float8,
    OUT silhouette float8,
    OUT calinski_harabasz float8,
    OUT davies_bouldin float8,
    OUT gap float8,
    OUT gap_se float8,
    OUT bic float8,
    OUT smallest_share float8,
    OUT largest_share float8,
    OUT votes int,
    OUT recommended bool,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_choose_k'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.choose_k IS 'Tells how many segments to make: validity indices for each number of segments, their votes, and the number to take; train() without k takes the same number.
topic: choosing 3
example: SELECT * FROM custseg.choose_k(''customers'', ''{recency,frequency,monetary}'')';

CREATE FUNCTION custseg.compare(
    source text,
    features text[] DEFAULT NULL,
    k int DEFAULT NULL,
    algorithms text[] DEFAULT NULL,
    id text DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT algorithm text,
    OUT n_segments int,
    OUT silhouette float8,
    OUT calinski_harabasz float8,
    OUT davies_bouldin float8,
    OUT noise_share float8,
    OUT smallest_share float8,
    OUT largest_share float8,
    OUT stability float8,
    OUT milliseconds float8,
    OUT recommended bool,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_compare'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.compare IS 'Compares several algorithms on the same rows: the measures of each, and a recommendation.
topic: choosing 4
example: SELECT * FROM custseg.compare(''customers'', ''{recency,frequency,monetary}'', k => 3)';

CREATE FUNCTION custseg.evaluate(
    model text,
    source text DEFAULT NULL,
    version int DEFAULT NULL,
    OUT metric text,
    OUT result float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_evaluate'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.evaluate IS 'Tells how good a model is on the rows of a source, with a row for each metric.
topic: judging 1
example: SELECT * FROM custseg.evaluate(''shop'')';

CREATE FUNCTION custseg.silhouette(
    model text,
    source text DEFAULT NULL,
    sample int DEFAULT 20000,
    version int DEFAULT NULL,
    OUT id text,
    OUT segment int,
    OUT silhouette float8,
    OUT neighbor int
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_silhouette'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.silhouette IS 'Returns the silhouette width of each customer of a source, or of a sample of the customers, and the nearest other segment.
topic: judging 2
example: SELECT * FROM custseg.silhouette(''shop'')';

CREATE FUNCTION custseg.stability(
    source text,
    features text[] DEFAULT NULL,
    k int DEFAULT NULL,
    resamples int DEFAULT 25,
    algorithm text DEFAULT 'kmeans',
    id text DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT segment int,
    OUT n bigint,
    OUT share float8,
    OUT jaccard float8,
    OUT recovered float8,
    OUT dissolved float8,
    OUT mean_ari float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_stability'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.stability IS 'Tells which segments are reproducible, and whether they lie apart or are a cut: for each segment the mean Jaccard coefficient over bootstrap resamples of the rows, a rating and its reason.
topic: choosing 5
example: SELECT * FROM custseg.stability(''customers'', ''{recency,frequency,monetary}'', k => 3)';

CREATE FUNCTION custseg.clusterability(
    source text,
    features text[] DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT n bigint,
    OUT n_sampled bigint,
    OUT hopkins float8,
    OUT hopkins_p_value float8,
    OUT best_k int,
    OUT silhouette float8,
    OUT null_silhouette float8,
    OUT null_sd float8,
    OUT p_value float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_clusterability'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1;

COMMENT ON FUNCTION custseg.clusterability IS 'Tells whether the rows have a cluster structure at all: the best silhouette compared with that of similar rows without groups, a rating (strong, moderate, weak or none), and the reason in words.
topic: choosing 2
example: SELECT * FROM custseg.clusterability(''customers'', ''{recency,frequency,monetary}'')';

CREATE FUNCTION custseg.algorithms(
    OUT algorithm text,
    OUT segment_kind text,
    OUT number_of_segments text,
    OUT has_noise boolean,
    OUT memory text,
    OUT keeps text,
    OUT duration text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_algorithms'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 9;

COMMENT ON FUNCTION custseg.algorithms IS 'The algorithms: what their segments are, how many, the memory beside the rows, what a model keeps of customers, and the order of the time of a training.
topic: choosing 10
example: SELECT algorithm, segment_kind, number_of_segments FROM custseg.algorithms()';

CREATE FUNCTION custseg.pca(
    source text,
    features text[] DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT component text,
    OUT eigenvalue float8,
    OUT variance_share float8,
    OUT cumulative_share float8,
    OUT loadings jsonb
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_pca'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.pca IS 'Returns the principal components of the prepared features: their variances and loadings.
topic: choosing 6
example: SELECT * FROM custseg.pca(''customers'', ''{recency,frequency,monetary}'')';

CREATE FUNCTION custseg.select_features(
    source text,
    features text[] DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    OUT feature text,
    OUT keep bool,
    OUT variance float8,
    OUT correlated_with text,
    OUT correlation float8,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_select_features'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.select_features IS 'Tells which features to leave out because they hardly vary or are redundant, with the reason.
topic: choosing 1
example: SELECT * FROM custseg.select_features(''customers'', ''{recency,frequency,monetary}'')';

-- agreement of two labelings

CREATE FUNCTION custseg_private.agreement_accum(state bytea, a int, b int) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_agreement_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.agreement_accum IS 'Transition function of adjusted_rand() and similar aggregates.';

CREATE FUNCTION custseg_private.agreement_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_agreement_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.agreement_combine IS 'Combine function of adjusted_rand() and similar aggregates.';

CREATE FUNCTION custseg_private.adjusted_rand_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_adjusted_rand_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.adjusted_rand_final IS 'Final function of adjusted_rand().';

CREATE FUNCTION custseg_private.mutual_information_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_mutual_information_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.mutual_information_final IS 'Final function of mutual_information().';

CREATE FUNCTION custseg_private.normalized_mutual_information_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_normalized_mutual_information_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.normalized_mutual_information_final IS 'Final function of normalized_mutual_information().';

CREATE AGGREGATE custseg.adjusted_rand(a int, b int) (
    SFUNC = custseg_private.agreement_accum,
    STYPE = bytea,
    SSPACE = 512,
    COMBINEFUNC = custseg_private.agreement_combine,
    FINALFUNC = custseg_private.adjusted_rand_final,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.adjusted_rand(int, int) IS 'Computes the adjusted Rand index of two labelings of the same rows: 1 when they are the same up to the names of the labels, about 0 when they are independent.
topic: statistics 23
example: SELECT custseg.adjusted_rand(custseg.predict(''shop'', c, 1), custseg.predict(''shop'', c, 2)) FROM customers c';

CREATE AGGREGATE custseg.mutual_information(a int, b int) (
    SFUNC = custseg_private.agreement_accum,
    STYPE = bytea,
    SSPACE = 512,
    COMBINEFUNC = custseg_private.agreement_combine,
    FINALFUNC = custseg_private.mutual_information_final,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.mutual_information(int, int) IS 'Computes the mutual information of two labelings of the same rows, in nats.
topic: statistics 24
example: SELECT custseg.mutual_information(custseg.predict(''shop'', c, 1), custseg.predict(''shop'', c, 2)) FROM customers c';

CREATE AGGREGATE custseg.normalized_mutual_information(a int, b int) (
    SFUNC = custseg_private.agreement_accum,
    STYPE = bytea,
    SSPACE = 512,
    COMBINEFUNC = custseg_private.agreement_combine,
    FINALFUNC = custseg_private.normalized_mutual_information_final,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.normalized_mutual_information(int, int) IS 'Computes the mutual information of two labelings of the same rows, divided by the mean of their entropies: 0 to 1.
topic: statistics 25
example: SELECT custseg.normalized_mutual_information(custseg.predict(''shop'', c, 1), custseg.predict(''shop'', c, 2)) FROM customers c';

CREATE TYPE custseg.cohens_kappa_result AS (
    kappa float8,
    standard_error float8,
    low float8,
    high float8,
    agreement_share float8,
    n bigint
);

COMMENT ON TYPE custseg.cohens_kappa_result IS 'Row that cohens_kappa() returns.';
COMMENT ON COLUMN custseg.cohens_kappa_result.kappa IS 'Agreement beyond chance: 1 when all labels agree, 0 when they are independent; NULL where there is one label only.';
COMMENT ON COLUMN custseg.cohens_kappa_result.standard_error IS 'Standard error of kappa, by Fleiss, Cohen and Everitt.';
COMMENT ON COLUMN custseg.cohens_kappa_result.low IS 'Lower end of the 95 % interval of kappa.';
COMMENT ON COLUMN custseg.cohens_kappa_result.high IS 'Upper end of the 95 % interval of kappa.';
COMMENT ON COLUMN custseg.cohens_kappa_result.agreement_share IS 'Share of the rows that have the same label by both.';
COMMENT ON COLUMN custseg.cohens_kappa_result.n IS 'Rows.';

CREATE FUNCTION custseg_private.cohens_kappa_final(state bytea) RETURNS custseg.cohens_kappa_result
AS 'MODULE_PATHNAME', 'custseg_cohens_kappa_final'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.cohens_kappa_final IS 'Final function of cohens_kappa().';

CREATE AGGREGATE custseg.cohens_kappa(a int, b int) (
    SFUNC = custseg_private.agreement_accum,
    STYPE = bytea,
    SSPACE = 512,
    COMBINEFUNC = custseg_private.agreement_combine,
    FINALFUNC = custseg_private.cohens_kappa_final,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.cohens_kappa(int, int) IS 'Computes Cohen''s kappa of two labelings of the same rows, which have the same labels: agreement beyond chance, with its standard error.
topic: statistics 33
example: SELECT (custseg.cohens_kappa(segment, custseg.predict(''shop'', c))).* FROM customers c';

-- tests of two samples

CREATE TYPE custseg.ks_test_result AS (
    statistic float8,
    signed_statistic float8,
    location float8,
    p_value float8,
    effective_n float8,
    n_baseline bigint,
    n_current bigint,
    method text
);

COMMENT ON TYPE custseg.ks_test_result IS 'Row that ks_test() returns.';
COMMENT ON COLUMN custseg.ks_test_result.statistic IS 'Largest distance between the two distribution functions, 0 to 1.';
COMMENT ON COLUMN custseg.ks_test_result.signed_statistic IS 'Statistic with a sign: positive when current values are larger.';
COMMENT ON COLUMN custseg.ks_test_result.location IS 'Lowest value at which the distance is largest.';
COMMENT ON COLUMN custseg.ks_test_result.p_value IS 'Probability of such a distance, or a larger one, when nothing has changed.';
COMMENT ON COLUMN custseg.ks_test_result.effective_n IS 'The value n_baseline * n_current / (n_baseline + n_current).';
COMMENT ON COLUMN custseg.ks_test_result.n_baseline IS 'Values of the baseline, NULL and NaN left out.';
COMMENT ON COLUMN custseg.ks_test_result.n_current IS 'Current values, NULL and NaN left out.';
COMMENT ON COLUMN custseg.ks_test_result.method IS 'Method by which p_value was computed: exact or asymptotic.';

CREATE TYPE custseg.cramer_von_mises_result AS (
    statistic float8,
    p_value float8,
    n_baseline bigint,
    n_current bigint
);

COMMENT ON TYPE custseg.cramer_von_mises_result IS 'Row that cramer_von_mises() returns.';
COMMENT ON COLUMN custseg.cramer_von_mises_result.statistic IS 'Statistic T, which grows with the samples; NULL where a sample has no value.';
COMMENT ON COLUMN custseg.cramer_von_mises_result.p_value IS 'Probability of such a T, or a larger one, by chance.';
COMMENT ON COLUMN custseg.cramer_von_mises_result.n_baseline IS 'Values of the baseline.';
COMMENT ON COLUMN custseg.cramer_von_mises_result.n_current IS 'Current values.';

CREATE TYPE custseg.psi_result AS (
    psi float8,
    psi_critical float8,
    bins int,
    n_baseline bigint,
    n_current bigint
);

COMMENT ON TYPE custseg.psi_result IS 'Row that psi() returns.';
COMMENT ON COLUMN custseg.psi_result.psi IS 'Population stability index, 0 or more.';
COMMENT ON COLUMN custseg.psi_result.psi_critical IS 'Value that psi exceeds by chance in 5 of 100 pairs of samples of these sizes when nothing has changed.';
COMMENT ON COLUMN custseg.psi_result.bins IS 'Bins or categories that are not empty in both samples.';
COMMENT ON COLUMN custseg.psi_result.n_baseline IS 'Values of the baseline.';
COMMENT ON COLUMN custseg.psi_result.n_current IS 'Current values.';

CREATE TYPE custseg.chi_square_test_result AS (
    statistic float8,
    df float8,
    p_value float8,
    cramers_v float8,
    n bigint,
    n_low_expected bigint
);

COMMENT ON TYPE custseg.chi_square_test_result IS 'Row that chi_square_test() returns.';
COMMENT ON COLUMN custseg.chi_square_test_result.statistic IS 'Pearson''s chi-square, without Yates'' correction.';
COMMENT ON COLUMN custseg.chi_square_test_result.df IS 'Degrees of freedom.';
COMMENT ON COLUMN custseg.chi_square_test_result.p_value IS 'Probability of such a value, or a larger one, when shares are the same in all groups.';
COMMENT ON COLUMN custseg.chi_square_test_result.cramers_v IS 'Effect size, 0 to 1.';
COMMENT ON COLUMN custseg.chi_square_test_result.n IS 'Rows.';
COMMENT ON COLUMN custseg.chi_square_test_result.n_low_expected IS 'Cells whose expected count is below 5.';

CREATE FUNCTION custseg_private.two_sample_accum(state bytea, value float8, is_current bool) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_two_sample_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.two_sample_accum(bytea, float8, bool) IS 'Transition function of ks_test() and similar aggregates.';

CREATE FUNCTION custseg_private.two_sample_accum(state bytea, value float8, is_current bool, bins int) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_two_sample_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.two_sample_accum(bytea, float8, bool, int) IS 'Transition function of psi() and similar aggregates with a number of bins.';

CREATE FUNCTION custseg_private.two_sample_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_two_sample_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.two_sample_combine IS 'Combine function of ks_test() and similar aggregates.';

CREATE FUNCTION custseg_private.ks_test_final(state bytea) RETURNS custseg.ks_test_result
AS 'MODULE_PATHNAME', 'custseg_ks_test_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.ks_test_final IS 'Final function of ks_test().';

CREATE FUNCTION custseg_private.psi_final(state bytea) RETURNS custseg.psi_result
AS 'MODULE_PATHNAME', 'custseg_psi_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.psi_final IS 'Final function of psi() of numbers.';

CREATE FUNCTION custseg_private.wasserstein_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_wasserstein_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.wasserstein_final IS 'Final function of wasserstein().';

CREATE FUNCTION custseg_private.jensen_shannon_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_jensen_shannon_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.jensen_shannon_final IS 'Final function of jensen_shannon() of numbers.';

CREATE FUNCTION custseg_private.hellinger_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_hellinger_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.hellinger_final IS 'Final function of hellinger() of numbers.';

CREATE FUNCTION custseg_private.cramer_von_mises_final(state bytea) RETURNS custseg.cramer_von_mises_result
AS 'MODULE_PATHNAME', 'custseg_cramer_von_mises_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.cramer_von_mises_final IS 'Final function of cramer_von_mises().';

CREATE AGGREGATE custseg.ks_test(value float8, is_current bool) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.ks_test_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.ks_test(float8, bool) IS 'Two-sample Kolmogorov-Smirnov test: computes the largest distance between the distribution functions, its sign (positive when current values are larger), its location, and its p-value.
topic: statistics 10
example: SELECT (custseg.ks_test(monetary, recency < 90)).* FROM customers';

CREATE AGGREGATE custseg.psi(value float8, is_current bool) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.psi_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.psi(float8, bool) IS 'Computes the population stability index over 10 bins between the deciles of the baseline, with the value that it exceeds by chance in 5 of 100 samples.
topic: statistics 13
example: SELECT (custseg.psi(monetary, recency < 90)).* FROM customers';

CREATE AGGREGATE custseg.psi(value float8, is_current bool, bins int) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.psi_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.psi(float8, bool, int) IS 'Computes the population stability index over bins between the quantiles of the baseline, with the value that it exceeds by chance in 5 of 100 samples.
topic: statistics 14
example: SELECT (custseg.psi(monetary, recency < 90, 5)).* FROM customers';

CREATE AGGREGATE custseg.wasserstein(value float8, is_current bool) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.wasserstein_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.wasserstein(float8, bool) IS 'Computes the Wasserstein distance: how far values must move on average to turn one sample into the other, in units of the value.
topic: statistics 17
example: SELECT custseg.wasserstein(monetary, recency < 90) FROM customers';

CREATE AGGREGATE custseg.jensen_shannon(value float8, is_current bool) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.jensen_shannon_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.jensen_shannon(float8, bool) IS 'Computes the Jensen-Shannon distance to base 2 over 10 bins between the deciles of the baseline: 0 for equal samples, 1 for samples with nothing in common.
topic: statistics 19
example: SELECT custseg.jensen_shannon(monetary, recency < 90) FROM customers';

CREATE AGGREGATE custseg.jensen_shannon(value float8, is_current bool, bins int) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.jensen_shannon_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.jensen_shannon(float8, bool, int) IS 'Computes the Jensen-Shannon distance to base 2 over bins between the quantiles of the baseline: 0 for equal samples, 1 for samples with nothing in common.
topic: statistics 20
example: SELECT custseg.jensen_shannon(monetary, recency < 90, 5) FROM customers';

CREATE AGGREGATE custseg.hellinger(value float8, is_current bool) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.hellinger_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.hellinger(float8, bool) IS 'Computes the Hellinger distance over 10 bins between the deciles of the baseline: 0 for equal samples, 1 for samples with nothing in common.
topic: statistics 28
example: SELECT custseg.hellinger(monetary, recency < 90) FROM customers';

CREATE AGGREGATE custseg.hellinger(value float8, is_current bool, bins int) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.hellinger_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.hellinger(float8, bool, int) IS 'Computes the Hellinger distance over bins between the quantiles of the baseline: 0 for equal samples, 1 for samples with nothing in common.
topic: statistics 29
example: SELECT custseg.hellinger(monetary, recency < 90, 5) FROM customers';

CREATE AGGREGATE custseg.cramer_von_mises(value float8, is_current bool) (
    SFUNC = custseg_private.two_sample_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.cramer_von_mises_final,
    COMBINEFUNC = custseg_private.two_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.cramer_von_mises(float8, bool) IS 'Two-sample test of Cramer and von Mises: computes the squared distance of the distribution functions over all values, and its p-value.
topic: statistics 26
example: SELECT (custseg.cramer_von_mises(monetary, recency < 90)).* FROM customers';

CREATE FUNCTION custseg.ks_test(baseline float8[], current float8[]) RETURNS custseg.ks_test_result
AS 'MODULE_PATHNAME', 'custseg_ks_test_arrays'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.ks_test(float8[], float8[]) IS 'Two-sample Kolmogorov-Smirnov test of two arrays of values.
topic: statistics 11
example: SELECT * FROM custseg.ks_test(''{1,2,3,4}''::float8[], ''{2,3,5,8}''::float8[])';

CREATE FUNCTION custseg.ks_test(quantiles float8[], n_baseline bigint, current float8[]) RETURNS custseg.ks_test_result
AS 'MODULE_PATHNAME', 'custseg_ks_test_quantiles'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.ks_test(float8[], bigint, float8[]) IS 'Kolmogorov-Smirnov test against a baseline that is kept as quantiles, as in custseg.feature.
topic: statistics 12
example: SELECT f.name, custseg.ks_test(f.quantiles, f.n, ''{1,2,3}'') FROM custseg.feature f WHERE f.model = ''shop'' AND f.version = 1';

CREATE FUNCTION custseg.psi(baseline float8[], current float8[], bins int DEFAULT 10) RETURNS custseg.psi_result
AS 'MODULE_PATHNAME', 'custseg_psi_arrays'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.psi(float8[], float8[], int) IS 'Computes the population stability index of two arrays of values.
topic: statistics 16
example: SELECT * FROM custseg.psi(''{1,2,3,4}''::float8[], ''{2,3,5,8}''::float8[], bins => 2)';

CREATE FUNCTION custseg.wasserstein(baseline float8[], current float8[]) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_wasserstein_arrays'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.wasserstein(float8[], float8[]) IS 'Computes the Wasserstein distance of two arrays of values.
topic: statistics 18
example: SELECT custseg.wasserstein(''{1,2,3,4}''::float8[], ''{2,3,5,8}''::float8[])';

CREATE FUNCTION custseg.jensen_shannon(baseline float8[], current float8[], bins int DEFAULT 10) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_jensen_shannon_arrays'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.jensen_shannon(float8[], float8[], int) IS 'Computes the Jensen-Shannon distance of two arrays of values.
topic: statistics 22
example: SELECT custseg.jensen_shannon(''{1,2,3,4}''::float8[], ''{2,3,5,8}''::float8[], bins => 2)';

CREATE FUNCTION custseg.hellinger(baseline float8[], current float8[], bins int DEFAULT 10) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_hellinger_arrays'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.hellinger(float8[], float8[], int) IS 'Computes the Hellinger distance of two arrays of values.
topic: statistics 30
example: SELECT custseg.hellinger(''{1,2,3,4}''::float8[], ''{2,3,5,8}''::float8[], bins => 2)';

CREATE FUNCTION custseg.cramer_von_mises(baseline float8[], current float8[]) RETURNS custseg.cramer_von_mises_result
AS 'MODULE_PATHNAME', 'custseg_cramer_von_mises_arrays'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.cramer_von_mises(float8[], float8[]) IS 'Two-sample test of Cramer and von Mises of two arrays of values.
topic: statistics 27
example: SELECT * FROM custseg.cramer_von_mises(''{1,2,3,4}''::float8[], ''{2,3,5,8}''::float8[])';

CREATE FUNCTION custseg_private.dip_test("values" float8[]) RETURNS float8[]
AS 'MODULE_PATHNAME', 'custseg_dip_test'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.dip_test IS 'Computes Hartigan''s dip of the values, which is small when they have one mode, and its p-value.';

CREATE FUNCTION custseg.benjamini_hochberg(p_values float8[]) RETURNS float8[]
AS 'MODULE_PATHNAME', 'custseg_benjamini_hochberg'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.benjamini_hochberg IS 'Adjusts p-values for multiple testing by Benjamini and Hochberg: returns the false discovery rate at which each is significant.
topic: statistics 9
example: SELECT custseg.benjamini_hochberg(''{0.01,0.04,0.03}'')';

CREATE FUNCTION custseg.holm(p_values float8[]) RETURNS float8[]
AS 'MODULE_PATHNAME', 'custseg_holm'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.holm IS 'Adjusts p-values for multiple testing by Holm: returns the level at which each is significant while the probability of any false claim is held to that level.
topic: statistics 32
example: SELECT custseg.holm(''{0.01,0.04,0.03}'')';

CREATE FUNCTION custseg_private.contingency_accum(state bytea, category text, "group" text) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_contingency_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_accum(bytea, text, text) IS 'Transition function of chi_square_test() of texts.';

CREATE FUNCTION custseg_private.contingency_accum_sample(state bytea, category text, is_current bool) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_contingency_accum_sample'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_accum_sample IS 'Transition function of chi_square_test(), psi() and similar aggregates of categories in two samples.';

CREATE FUNCTION custseg_private.contingency_accum_segment(state bytea, category text, segment int) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_contingency_accum_segment'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_accum_segment IS 'Transition function of chi_square_test() of categories in segments.';

CREATE FUNCTION custseg_private.contingency_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_contingency_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_combine IS 'Combine function of chi_square_test() and similar aggregates.';

CREATE FUNCTION custseg_private.chi_square_test_final(state bytea) RETURNS custseg.chi_square_test_result
AS 'MODULE_PATHNAME', 'custseg_chi_square_test_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.chi_square_test_final IS 'Final function of chi_square_test().';

CREATE FUNCTION custseg_private.contingency_accum_any(state internal, category anyelement, "group" anycompatible) RETURNS internal
AS 'MODULE_PATHNAME', 'custseg_contingency_accum_any'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_accum_any IS 'Transition function of chi_square_test() of any types.';

CREATE FUNCTION custseg_private.contingency_combine_any(state internal, other internal) RETURNS internal
AS 'MODULE_PATHNAME', 'custseg_contingency_combine_any'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_combine_any IS 'Combine function of chi_square_test() of any types.';

CREATE FUNCTION custseg_private.contingency_serialize(state internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_contingency_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_serialize IS 'Serialization function of chi_square_test() of any types.';

CREATE FUNCTION custseg_private.contingency_deserialize(bytes bytea, context internal) RETURNS internal
AS 'MODULE_PATHNAME', 'custseg_contingency_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.contingency_deserialize IS 'Deserialization function of chi_square_test() of any types.';

CREATE FUNCTION custseg_private.chi_square_test_any_final(state internal) RETURNS custseg.chi_square_test_result
AS 'MODULE_PATHNAME', 'custseg_chi_square_test_any_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.chi_square_test_any_final IS 'Final function of chi_square_test() of any types.';

CREATE FUNCTION custseg_private.psi_categories_final(state bytea) RETURNS custseg.psi_result
AS 'MODULE_PATHNAME', 'custseg_psi_categories_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.psi_categories_final IS 'Final function of psi() of categories.';

CREATE FUNCTION custseg_private.jensen_shannon_categories_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_jensen_shannon_categories_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.jensen_shannon_categories_final IS 'Final function of jensen_shannon() of categories.';

CREATE FUNCTION custseg_private.hellinger_categories_final(state bytea) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_hellinger_categories_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.hellinger_categories_final IS 'Final function of hellinger() of categories.';

CREATE AGGREGATE custseg.chi_square_test(category text, "group" text) (
    SFUNC = custseg_private.contingency_accum,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.chi_square_test_final,
    COMBINEFUNC = custseg_private.contingency_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.chi_square_test(text, text) IS 'Pearson''s chi-square test of independence, without Yates'' correction: tests whether the shares of categories differ between groups.
topic: statistics 6
example: SELECT (custseg.chi_square_test(channel, region)).* FROM customers';

CREATE AGGREGATE custseg.chi_square_test(category text, segment int) (
    SFUNC = custseg_private.contingency_accum_segment,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.chi_square_test_final,
    COMBINEFUNC = custseg_private.contingency_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.chi_square_test(text, int) IS 'Pearson''s chi-square test of independence, without Yates'' correction: tests whether the shares of categories differ between segments.
topic: statistics 34
example: SELECT (custseg.chi_square_test(channel, segment)).* FROM customers';

CREATE AGGREGATE custseg.chi_square_test(category text, is_current bool) (
    SFUNC = custseg_private.contingency_accum_sample,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.chi_square_test_final,
    COMBINEFUNC = custseg_private.contingency_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.chi_square_test(text, bool) IS 'Pearson''s chi-square test of independence, without Yates'' correction: tests whether the shares of categories differ between two samples.
topic: statistics 35
example: SELECT (custseg.chi_square_test(channel, recency < 90)).* FROM customers';

CREATE AGGREGATE custseg.chi_square_test(category anyelement, "group" anycompatible) (
    SFUNC = custseg_private.contingency_accum_any,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = custseg_private.chi_square_test_any_final,
    COMBINEFUNC = custseg_private.contingency_combine_any,
    SERIALFUNC = custseg_private.contingency_serialize,
    DESERIALFUNC = custseg_private.contingency_deserialize,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.chi_square_test(anyelement, anycompatible) IS 'Pearson''s chi-square test of independence, without Yates'' correction: tests whether the shares of categories differ between groups. Values are distinguished by their text.
topic: statistics 7
example: SELECT (custseg.chi_square_test(segment, age)).* FROM customers';

CREATE AGGREGATE custseg.psi(category text, is_current bool) (
    SFUNC = custseg_private.contingency_accum_sample,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.psi_categories_final,
    COMBINEFUNC = custseg_private.contingency_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.psi(text, bool) IS 'Computes the population stability index of the shares of categories, with the value that it exceeds by chance in 5 of 100 samples.
topic: statistics 15
example: SELECT (custseg.psi(channel, recency < 90)).* FROM customers';

CREATE AGGREGATE custseg.jensen_shannon(category text, is_current bool) (
    SFUNC = custseg_private.contingency_accum_sample,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.jensen_shannon_categories_final,
    COMBINEFUNC = custseg_private.contingency_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.jensen_shannon(text, bool) IS 'Computes the Jensen-Shannon distance to base 2 of the shares of categories: 0 for equal samples, 1 for samples with nothing in common.
topic: statistics 21
example: SELECT custseg.jensen_shannon(channel, recency < 90) FROM customers';

CREATE AGGREGATE custseg.hellinger(category text, is_current bool) (
    SFUNC = custseg_private.contingency_accum_sample,
    STYPE = bytea,
    SSPACE = 1024,
    FINALFUNC = custseg_private.hellinger_categories_final,
    COMBINEFUNC = custseg_private.contingency_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.hellinger(text, bool) IS 'Computes the Hellinger distance of the shares of categories: 0 for equal samples, 1 for samples with nothing in common.
topic: statistics 31
example: SELECT custseg.hellinger(channel, recency < 90) FROM customers';

-- watch

CREATE FUNCTION custseg.drift(
    model text,
    source text DEFAULT NULL,
    reference text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS SETOF custseg.drift_result
AS 'MODULE_PATHNAME', 'custseg_drift'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.drift IS 'Tells whether the features of a source have drifted since training, or from a reference relation: for each feature distances, tests, a verdict and its reason.
topic: watching 3
example: SELECT * FROM custseg.drift(''shop'', ''customers'')';

CREATE FUNCTION custseg.drift_multivariate(
    model text,
    source text DEFAULT NULL,
    reference text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS SETOF custseg.drift_multivariate_result
AS 'MODULE_PATHNAME', 'custseg_drift_multivariate'
LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 1;

COMMENT ON FUNCTION custseg.drift_multivariate IS 'Tells whether customers have moved in model space, all features together: energy distance between a sample of a source and a sample of the training source, or of a reference relation, with a permutation test.
topic: watching 4
example: SELECT * FROM custseg.drift_multivariate(''shop'', ''customers'')';

CREATE FUNCTION custseg.segment_sizes(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS SETOF custseg.segment_sizes_result
AS 'MODULE_PATHNAME', 'custseg_segment_sizes'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.segment_sizes IS 'Counts the customers of a source in each segment and compares them with training: shares, change, distances, a verdict and its reason; the last row is for all segments together.
topic: watching 5
example: SELECT * FROM custseg.segment_sizes(''shop'', ''customers'')';

CREATE FUNCTION custseg.data_quality(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS SETOF custseg.data_quality_result
AS 'MODULE_PATHNAME', 'custseg_data_quality'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.data_quality IS 'Tells whether a source still has the columns and values that the model was trained on, with a row for the source, its id, its time column, and each feature.
topic: watching 6
example: SELECT * FROM custseg.data_quality(''shop'', ''customers'')';

CREATE FUNCTION custseg.fairness(
    model text,
    source text,
    attribute text,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT group_value text,
    OUT n bigint,
    OUT share_in_segment float8,
    OUT share_overall float8,
    OUT representation_ratio float8,
    OUT selection_rate float8,
    OUT impact_ratio float8,
    OUT impact_p_adjusted float8,
    OUT chi_square float8,
    OUT df float8,
    OUT p_value float8,
    OUT cramers_v float8,
    OUT is_feature bool,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_fairness'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.fairness IS 'Shows how the groups of a protected attribute are distributed over the segments, with a verdict by the four-fifths rule.
topic: watching 10
example: SELECT * FROM custseg.fairness(''shop'', ''customers'', ''channel'')';

CREATE FUNCTION custseg_private.check_model(model text) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_check_model'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION custseg_private.check_model IS 'Returns true when the model exists, is a model of segments and the current role may use it, and raises an error otherwise.';

CREATE FUNCTION custseg_private.segment_names(model text, OUT segment int, OUT name text) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT DISTINCT ON (s.segment) s.segment, s.name
    FROM custseg.segment s
    JOIN custseg.model m ON m.name = s.model
    WHERE s.model = segment_names.model
    ORDER BY s.segment, s.version IS NOT DISTINCT FROM m.deployed_version DESC, s.version DESC;
END;

COMMENT ON FUNCTION custseg_private.segment_names IS 'Returns the names of all segments that a model has had, as the deployed version calls them; those that it lacks as the newest version that has them.';

CREATE FUNCTION custseg.migration(
    model text,
    "from" timestamptz DEFAULT NULL,
    "to" timestamptz DEFAULT NULL,
    OUT from_segment int,
    OUT from_name text,
    OUT to_segment int,
    OUT to_name text,
    OUT kind text,
    OUT n bigint,
    OUT probability float8,
    OUT total_value float8
) RETURNS SETOF record
LANGUAGE SQL STABLE PARALLEL SAFE ROWS 100
BEGIN ATOMIC
    WITH move AS (
        SELECT g.from_segment, g.to_segment, sum(g.n)::bigint AS n, sum(g.total_value) AS total_value
        FROM custseg.migration g
        WHERE g.model = migration.model
            -- without bounds the last run
            AND g.run_at >= CASE
                WHEN migration."from" IS NULL AND migration."to" IS NULL
                    THEN (SELECT max(l.run_at) FROM custseg.migration l WHERE l.model = migration.model)
                ELSE coalesce(migration."from", '-infinity')
            END
            AND (migration."to" IS NULL OR g.run_at < migration."to")
        GROUP BY g.from_segment, g.to_segment
    )
    SELECT
        v.from_segment,
        f.name,
        v.to_segment,
        t.name,
        CASE
            WHEN v.from_segment = v.to_segment OR v.from_segment IS NULL AND v.to_segment IS NULL THEN 'stayed'
            WHEN v.from_segment IS NULL THEN 'new'
            WHEN v.to_segment IS NULL THEN 'lost'
            ELSE 'moved'
        END,
        v.n,
        v.n / sum(v.n) OVER (PARTITION BY v.from_segment)::float8,
        v.total_value
    FROM move v
    LEFT JOIN custseg_private.segment_names(migration.model) f ON f.segment = v.from_segment
    LEFT JOIN custseg_private.segment_names(migration.model) t ON t.segment = v.to_segment
    WHERE custseg_private.check_model(migration.model)
    ORDER BY v.from_segment, v.to_segment;
END;

COMMENT ON FUNCTION custseg.migration IS 'Counts the customers that resegment() has moved from each segment to each other segment, left in their segment or given their first segment, with their share of the first segment and what they are worth. The run is the last one; with bounds, the runs from "from" on and before "to".
topic: watching 7
example: SELECT * FROM custseg.migration(''shop'')';

CREATE FUNCTION custseg.migration_test(
    model text,
    "from" timestamptz DEFAULT NULL,
    "to" timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT n_runs bigint,
    OUT n bigint,
    OUT n_moved bigint,
    OUT moved_share float8,
    OUT change float8,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT verdict text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_migration_test'
LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 1;

COMMENT ON FUNCTION custseg.migration_test IS 'Tests whether the mix of segments has changed among the customers that resegment() has moved, by the Stuart-Maxwell test. The run is the last one; with bounds, the runs from "from" on and before "to".
topic: watching 8
example: SELECT * FROM custseg.migration_test(''shop'')';

CREATE FUNCTION custseg.at_risk(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT id text,
    OUT segment int,
    OUT name text,
    OUT runner_up int,
    OUT runner_up_name text,
    OUT margin float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_at_risk'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.at_risk IS 'Lists the customers who are closest to the border of a segment of lower rank than their own, the closest first.
topic: watching 9
example: SELECT * FROM custseg.at_risk(''shop'')';

CREATE FUNCTION custseg.forecast_segments(
    model text,
    periods int DEFAULT 3,
    options jsonb DEFAULT '{}',
    OUT period int,
    OUT expected_at timestamptz,
    OUT segment int,
    OUT name text,
    OUT share_now float8,
    OUT share float8,
    OUT low float8,
    OUT high float8,
    OUT n bigint,
    OUT verdict text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_forecast_segments'
LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;

COMMENT ON FUNCTION custseg.forecast_segments IS 'Forecasts how large the segments will be when customers go on to move as they did from one run of resegment() to the next (Markov chain), with intervals, and tells how well the last period would have been forecast.
topic: watching 11
example: SELECT * FROM custseg.forecast_segments(''shop'', 6)';

CREATE FUNCTION custseg.compare_versions(
    model text,
    a int,
    b int,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT n bigint,
    OUT n_moved bigint,
    OUT moved_share float8,
    OUT adjusted_rand float8,
    OUT silhouette_a float8,
    OUT silhouette_b float8,
    OUT silhouette_gain_a float8,
    OUT silhouette_gain_b float8,
    OUT mean_distance_a float8,
    OUT mean_distance_b float8,
    OUT inertia_per_row_a float8,
    OUT inertia_per_row_b float8,
    OUT n_outside_a bigint,
    OUT n_outside_b bigint,
    OUT smallest_share_a float8,
    OUT smallest_share_b float8,
    OUT largest_share_a float8,
    OUT largest_share_b float8,
    OUT recommendation text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_compare_versions'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1;

COMMENT ON FUNCTION custseg.compare_versions IS 'Compares two versions of a model on the same customers: how far the versions agree, how many customers would move, how good each version is, and whether to deploy b in place of a.
topic: versions 1
example: SELECT * FROM custseg.compare_versions(''shop'', 1, 2)';

CREATE FUNCTION custseg.compare_versions_segments(
    model text,
    a int,
    b int,
    source text DEFAULT NULL,
    OUT segment_a int,
    OUT name_a text,
    OUT segment_b int,
    OUT name_b text,
    OUT n bigint,
    OUT share_of_a float8,
    OUT share_of_b float8,
    OUT moved bool
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_compare_versions_segments'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.compare_versions_segments IS 'Returns the contingency table of two versions: customers by their segments under each version.
topic: versions 2
example: SELECT * FROM custseg.compare_versions_segments(''shop'', 1, 2)';

CREATE FUNCTION custseg.outcome_calibration(
    model text,
    source text DEFAULT NULL,
    outcome text DEFAULT NULL,
    id text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS custseg.outcome_calibration_result
AS 'MODULE_PATHNAME', 'custseg_outcome_calibration'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.outcome_calibration IS 'Tells whether the predictions of a version hold: outcomes that have come since, against what it predicts, and the errors in training.
topic: watching 12
example: SELECT * FROM custseg.outcome_calibration(''worth'', ''customers'', ''monetary'')';

CREATE FUNCTION custseg.record_outcomes(
    model text,
    source text DEFAULT NULL,
    outcome text DEFAULT NULL,
    id text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS custseg.outcome_run
AS 'MODULE_PATHNAME', 'custseg_record_outcomes'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.record_outcomes IS 'Records what came of customers beside what a version predicts of them, tells as outcome_calibration() whether its predictions hold, and keeps that for monitor() and needs_retraining().
topic: watching 13
example: SELECT * FROM custseg.record_outcomes(''worth'', ''customers'', ''monetary'')';

CREATE FUNCTION custseg_private.monitor_options(options jsonb) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_monitor_options'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.monitor_options IS 'Checks the options of monitor() and needs_retraining(), and fills in the defaults.';

-- What reports make of a source that is read once; NULL for a report that is not asked for.
CREATE TYPE custseg_private.source_reports AS (
    data_quality custseg.data_quality_result[],
    drift custseg.drift_result[],
    segment_sizes custseg.segment_sizes_result[],
    silhouette custseg_private.silhouette_result[],
    drift_multivariate custseg.drift_multivariate_result[]
);

COMMENT ON TYPE custseg_private.source_reports IS 'Rows of several reports on one source; NULL for a report that was not requested.';
COMMENT ON COLUMN custseg_private.source_reports.data_quality IS 'Rows of data_quality().';
COMMENT ON COLUMN custseg_private.source_reports.drift IS 'Rows of drift().';
COMMENT ON COLUMN custseg_private.source_reports.segment_sizes IS 'Rows of segment_sizes().';
COMMENT ON COLUMN custseg_private.source_reports.silhouette IS 'Mean silhouette width of a sample of the source.';
COMMENT ON COLUMN custseg_private.source_reports.drift_multivariate IS 'Rows of drift_multivariate(), if its options are given.';

CREATE FUNCTION custseg_private.make_reports(
    model text,
    source text,
    options jsonb,
    version int,
    reports text[] DEFAULT '{data_quality,drift,segment_sizes,silhouette}'
) RETURNS custseg_private.source_reports
AS 'MODULE_PATHNAME', 'custseg_make_reports'
LANGUAGE C STABLE PARALLEL UNSAFE COST 4000;

COMMENT ON FUNCTION custseg_private.make_reports IS 'Makes several reports on a source, which is read once, each with its part of the options of monitor().';

-- The deployed version is named, so that all checks of a run look at the same one.
-- What came of purchases is in the lines; what came of a value is what was recorded last.
CREATE FUNCTION custseg_private.calibration_report(model text, source text, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT CASE WHEN (SELECT m.kind FROM custseg.model m WHERE m.name = model) = 'purchases'
        THEN jsonb_build_array(to_jsonb(custseg.outcome_calibration(model, source, version => version)))
        ELSE coalesce(
            (SELECT jsonb_build_array(to_jsonb(o) - ARRAY['model', 'version', 'source', 'recorded_at', 'recorded_by', 'id'])
             FROM custseg.outcome_run o
             WHERE o.model = calibration_report.model
                AND o.version = coalesce(calibration_report.version, (SELECT m.deployed_version FROM custseg.model m WHERE m.name = calibration_report.model))
             ORDER BY o.id DESC
             LIMIT 1), '[]')
    END;
END;

COMMENT ON FUNCTION custseg_private.calibration_report IS 'Returns how the predictions of a version hold, as an array of the row of outcome_calibration(), or of none.';

CREATE FUNCTION custseg_private.run_checks(
    checks text[],
    model text,
    source text,
    version int,
    options jsonb,
    reports jsonb
) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT reports ||
        -- a check that is not asked for has found nothing, and its alert closes
        CASE WHEN 'drift_multivariate' = ANY (checks) THEN '{"drift_multivariate": []}' ELSE '{}' END::jsonb ||
        CASE WHEN 'calibration' = ANY (checks) THEN jsonb_build_object('calibration', custseg_private.calibration_report(model, source, version)) ELSE '{}' END ||
        CASE WHEN checks <> '{calibration}' THEN (
            SELECT coalesce(jsonb_object_agg(r.key, r.value) FILTER (WHERE r.value <> 'null'), '{}')
            FROM jsonb_each(to_jsonb(custseg_private.make_reports(model, source, options, version, checks))) r
        ) ELSE '{}' END;
END;

COMMENT ON FUNCTION custseg_private.run_checks IS 'Makes reports and adds their rows to those of other reports.';

CREATE FUNCTION custseg_private.run_all_checks(model text, source text, version int, options jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT CASE coalesce((SELECT m.kind FROM custseg.model m WHERE m.name = model), 'segments')
        WHEN 'segments' THEN to_jsonb(custseg_private.make_reports(model, source, options, version))
        WHEN 'purchases' THEN custseg_private.run_checks('{calibration}', model, source, version, options, '{}')
        ELSE custseg_private.run_checks('{calibration}', model, source, version, options,
            custseg_private.run_checks('{data_quality,drift}', model, source, version, options, '{}'))
    END;
END;

COMMENT ON FUNCTION custseg_private.run_all_checks IS 'Makes the reports by which needs_retraining() judges a model of whatever kind.';

-- Limits that are broken now.  A feature whose feed is broken drifts for that reason, which is none
-- to train again.  Silhouette and distance are means of rows: the one-sided 95 % bound of the change must be beyond
-- the limit.  Gravity: 1 low, 2 medium, 3 high.
CREATE FUNCTION custseg_private.standard_error(deviation_a float8, n_a float8, deviation_b float8, n_b float8) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_standard_error'
LANGUAGE C IMMUTABLE PARALLEL SAFE STRICT;

COMMENT ON FUNCTION custseg_private.standard_error IS 'Returns the standard error of the difference of two means, of numbers of any scale; NULL without rows.';

-- Of a model above that the role may not use nothing is known.
CREATE FUNCTION custseg_private.stale_reason(model text, version int) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE chain AS (
        SELECT w.parent_model, w.parent_version, w.segment, 1 AS depth
        FROM custseg.model_within w
        WHERE w.model = stale_reason.model AND w.version = stale_reason.version
        UNION ALL
        SELECT w.parent_model, w.parent_version, w.segment, c.depth + 1
        FROM chain c
        JOIN custseg.model m ON m.name = c.parent_model
        JOIN custseg.model_within w ON w.model = m.name AND w.version = m.deployed_version
        WHERE c.depth < 8
    )
    SELECT format('customers are in segment %s of model "%s" by its version %s now, and were by version %s when this one was trained',
        c.segment, c.parent_model, m.deployed_version, c.parent_version)
    FROM chain c
    JOIN custseg.model m ON m.name = c.parent_model AND m.deployed_version <> c.parent_version
    ORDER BY c.depth
    LIMIT 1;
END;

COMMENT ON FUNCTION custseg_private.stale_reason IS 'Says why a version within a segment of another model is out of date; NULL when it is not.';

CREATE FUNCTION custseg_private.retraining_causes(
    model text,
    version int,
    options jsonb,
    reports jsonb,
    OUT cause text,
    OUT sustained bool,
    OUT gravity int,
    OUT at_once bool,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH quality AS (
        SELECT r.name, r.verdict, r.unseen_share
        FROM jsonb_populate_recordset(NULL::custseg.data_quality_result, reports -> 'data_quality') r
        WHERE r.subject = 'feature'
    ),
    -- drifted with p < .05, a year of weekly runs in which nothing changes has it twice in a row with a probability of 1 in 8
    drift AS (
        SELECT
            count(*) AS features,
            count(*) FILTER (WHERE d.is_drifted) AS drifted,
            string_agg(r.feature, ', ') FILTER (WHERE d.is_drifted) AS names
        FROM jsonb_populate_recordset(NULL::custseg.drift_result, reports -> 'drift') r
        CROSS JOIN LATERAL (SELECT r.verdict = 'drifted' AND coalesce(r.p_adjusted, 0) < 0.005) d (is_drifted)
        WHERE NOT EXISTS (SELECT FROM quality q WHERE q.name = r.feature AND q.verdict = 'broken')
    ),
    sizes AS (
        SELECT r.*
        FROM jsonb_populate_recordset(NULL::custseg.segment_sizes_result, reports -> 'segment_sizes') r
    ),
    -- of the distances in training, which the segments keep
    trained AS (
        SELECT
            sum(t.n) AS n,
            -- squares of double precision would under- or overflow
            sqrt(greatest(
                sum(t.n * t.spread::numeric * t.spread::numeric) / nullif(sum(t.n), 0)
                    - (sum(t.n * t.mean_distance::numeric) / nullif(sum(t.n), 0)) ^ 2,
                0
            ))::float8 AS deviation
        FROM custseg.segment t
        WHERE t.model = retraining_causes.model AND t.version = retraining_causes.version
    ),
    measures AS (
        SELECT
            (v.metrics ->> 'silhouette')::float8 AS silhouette_trained,
            r.silhouette,
            -- the standard error of the difference: versions of before kept no deviation, that of now stands for it
            custseg_private.standard_error(
                coalesce((v.metrics ->> 'silhouette_deviation')::float8, r.deviation), (v.metrics ->> 'silhouette_sample')::float8,
                r.deviation, r.n
            ) AS silhouette_error,
            r.n AS silhouette_n,
            CASE WHEN NOT v.metrics ? 'silhouette_deviation' THEN ' (how much the silhouettes varied in training is not known, so those of now stand for them)' ELSE '' END AS silhouette_note,
            s.training_mean_distance AS distance_trained,
            s.mean_distance AS distance,
            s.n AS distance_n,
            -- were distances as far apart as in training: a few customers far off make those of now vary
            custseg_private.standard_error(t.deviation, t.n::float8, t.deviation, s.n) AS distance_error,
            extract(epoch FROM now() - v.trained_at) / 86400 AS days
        FROM custseg.model_version v
        CROSS JOIN trained t
        -- measures of a few rows say nothing
        LEFT JOIN sizes s ON s.segment IS NULL AND s.verdict <> 'insufficient data'
        LEFT JOIN jsonb_populate_recordset(NULL::custseg_private.silhouette_result, reports -> 'silhouette') r ON s.verdict IS NOT NULL
        WHERE v.model = retraining_causes.model AND v.version = retraining_causes.version
    )
    SELECT 'drift', true, CASE WHEN 2 * d.drifted >= d.features THEN 3 ELSE 2 END, false,
        format('%s of %s features drifted: %s', d.drifted, d.features, d.names)
    FROM drift d
    WHERE d.drifted >= (options ->> 'drifted_features')::int
    UNION ALL
    SELECT 'segment_sizes', true, CASE WHEN bool_or(s.segment IS NULL) THEN 3 ELSE 2 END, false,
        format('segment sizes changed: %s', string_agg(CASE WHEN s.segment IS NULL THEN s.reason ELSE replace(s.reason, 'the segment', s.name) END, ', '))
    FROM sizes s
    WHERE s.verdict = 'drifted' AND coalesce(s.p_adjusted, 0) < 0.005
    HAVING count(*) > 0
    UNION ALL
    -- beyond the limit with a probability of 0.001 by chance: 3.09 standard errors
    SELECT 'silhouette', true, 2,
        m.silhouette_trained - m.silhouette - (options ->> 'silhouette_drop')::float8 > 3.09 * m.silhouette_error,
        format('segments are less distinct: the silhouette of %s customers is %s, against %s in training%s',
            m.silhouette_n, round(m.silhouette::numeric, 2), round(m.silhouette_trained::numeric, 2), m.silhouette_note)
    FROM measures m
    WHERE m.silhouette_trained - m.silhouette - (options ->> 'silhouette_drop')::float8 > 1.645 * m.silhouette_error
    UNION ALL
    SELECT 'mean_distance', true,
        CASE WHEN m.distance > (1 + 2 * (options ->> 'distance_rise')::float8) * m.distance_trained THEN 3 ELSE 2 END,
        m.distance - (1 + (options ->> 'distance_rise')::float8) * m.distance_trained > 3.09 * m.distance_error,
        format('%s customers are %s %% farther from the centers of their segments than in training',
            m.distance_n, round(100 * (m.distance / m.distance_trained - 1)::numeric))
    FROM measures m
    WHERE m.distance - (1 + (options ->> 'distance_rise')::float8) * m.distance_trained > 1.645 * m.distance_error
    UNION ALL
    -- one verdict is enough: it needs a test of its own, and what is recorded stays as it is
    SELECT 'calibration', false, 3, coalesce(r.p_adjusted < 0.001, false), format('predictions do not hold: %s', r.reason)
    FROM jsonb_populate_recordset(NULL::custseg.outcome_calibration_result, reports -> 'calibration') r
    WHERE r.verdict = 'drifted'
    UNION ALL
    SELECT 'unseen_levels', true, 2, false,
        format('levels that training did not see: %s',
            string_agg(format('%s in %s %% of the rows', q.name, round(100 * q.unseen_share::numeric, 1)), ', '))
    FROM quality q
    WHERE q.unseen_share > (options ->> 'unseen_share')::float8
    HAVING count(*) > 0
    UNION ALL
    SELECT 'within', false, 2, true, s.reason
    FROM custseg_private.stale_reason(model, version) s (reason)
    WHERE s.reason IS NOT NULL
    UNION ALL
    SELECT 'age', false, 1, true,
        format('version %s is %s days old, more than %s', version, floor(m.days), options ->> 'max_age_days')
    FROM measures m
    WHERE m.days > (options ->> 'max_age_days')::int;
END;

COMMENT ON FUNCTION custseg_private.retraining_causes IS 'Returns the limits of needs_retraining() that are exceeded now.';

CREATE FUNCTION custseg_private.judge_retraining(
    model text,
    version int,
    source text,
    options jsonb,
    reports jsonb,
    OUT retrain bool,
    OUT urgency text,
    OUT reasons text[],
    OUT breaches jsonb
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH history AS (
        SELECT r.findings -> 'breaches' AS breaches
        FROM custseg.monitor_run r
        WHERE r.model = judge_retraining.model
            AND r.version = judge_retraining.version
            AND r.source = judge_retraining.source
            AND r.status = 'ok'
        ORDER BY r.id DESC
        LIMIT (options ->> 'consecutive')::int - 1
    ),
    causes AS (
        SELECT
            c.*,
            NOT c.sustained OR (
                SELECT count(*) >= (options ->> 'consecutive')::int - 1 FROM history h WHERE h.breaches ? c.cause
            ) AS fires
        FROM custseg_private.retraining_causes(model, version, options, reports) c
    ),
    broken AS (
        SELECT r.*
        FROM jsonb_populate_recordset(NULL::custseg.data_quality_result, reports -> 'data_quality') r
        WHERE r.verdict = 'broken'
    ),
    repairs AS (
        SELECT
            format('repair the source first, because a version trained now would learn the fault: %s',
                string_agg(format('%s %s: %s', b.subject, b.name, b.reason), ', ')) AS reason
        FROM broken b
        -- what a feature lacks, the source lacks for the same reason
        WHERE b.subject <> 'source' OR NOT EXISTS (SELECT FROM broken f WHERE f.subject = 'feature')
        HAVING count(*) > 0
    ),
    lacks AS (
        SELECT format('too few outcomes for a verdict: %s', r.reason) AS reason
        FROM jsonb_populate_recordset(NULL::custseg.outcome_calibration_result, reports -> 'calibration') r
        WHERE r.verdict = 'insufficient data'
        UNION ALL
        SELECT format('too few rows for a verdict: %s', r.reason)
        FROM jsonb_populate_recordset(NULL::custseg.segment_sizes_result, reports -> 'segment_sizes') r
        WHERE r.segment IS NULL AND r.verdict = 'insufficient data' AND NOT EXISTS (SELECT FROM broken)
    ),
    verdict AS (
        SELECT
            count(*) FILTER (WHERE c.fires) > 0
                AND NOT ((options ->> 'repair_first')::bool AND EXISTS (SELECT FROM repairs)) AS retrain,
            max(c.gravity) FILTER (WHERE c.fires) AS gravity,
            count(*) FILTER (WHERE c.fires AND c.gravity > 1) AS several
        FROM causes c
    )
    SELECT
        v.retrain,
        CASE
            WHEN NOT v.retrain THEN 'none'
            WHEN v.gravity = 3 OR v.several > 1 THEN 'high'
            WHEN v.gravity = 2 THEN 'medium'
            ELSE 'low'
        END,
        ARRAY(
            SELECT reason FROM repairs
            UNION ALL
            SELECT reason FROM lacks
            UNION ALL
            (SELECT
                CASE
                    WHEN c.fires THEN c.reason
                    ELSE format('%s (counts when %s runs in a row find it)', c.reason, options ->> 'consecutive')
                END
            FROM causes c
            ORDER BY c.fires DESC, c.gravity DESC, c.cause)
        ),
        coalesce((SELECT jsonb_agg(c.cause ORDER BY c.cause) FROM causes c), '[]')
    FROM verdict v;
END;

COMMENT ON FUNCTION custseg_private.judge_retraining IS 'Judges whether to train again, by the present reports and the runs before.';

CREATE FUNCTION custseg.needs_retraining(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT retrain bool,
    OUT urgency text,
    OUT reasons text[]
)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH call AS MATERIALIZED (
        SELECT
            custseg_private.monitor_options(options) AS options,
            (SELECT m.deployed_version FROM custseg.model m WHERE m.name = model) AS version
    ),
    reports AS MATERIALIZED (
        SELECT
            c.options,
            c.version,
            custseg_private.run_all_checks(model, source, c.version, c.options) AS reports
        FROM call c
    )
    SELECT j.retrain, j.urgency, j.reasons
    FROM reports r
    CROSS JOIN LATERAL custseg_private.judge_retraining(
        model,
        r.version,
        coalesce(source, (
            SELECT v.source
            FROM custseg.model_version v
            WHERE v.model = needs_retraining.model AND v.version = r.version
        )),
        r.options,
        r.reports) j
    WHERE model IS NOT NULL;
END;

COMMENT ON FUNCTION custseg.needs_retraining IS 'Tells whether to train again, how urgently and why, judged by drift, segment sizes, distances, data quality and age.
topic: watching 2
example: SELECT * FROM custseg.needs_retraining(''shop'', ''customers'')';

-- Kind and subject of what a run found that would open an alert are kept in its findings, as "found".
CREATE FUNCTION custseg_private.found_before(run custseg.monitor_run, kind text, subject text) RETURNS bool
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM (
            SELECT r.findings
            FROM custseg.monitor_run r
            WHERE r.model = run.model AND r.version = run.version AND r.source = run.source
                AND r.status = 'ok' AND r.id < run.id
            ORDER BY r.id DESC
            LIMIT 1
        ) before
        WHERE before.findings -> 'found' @> jsonb_build_array(jsonb_build_array(kind, subject))
    );
END;

COMMENT ON FUNCTION custseg_private.found_before IS 'Tells whether the last run before of the same version and source found the same cause of an alert.';

-- What a run says of everything that can have an alert.  A cause without severity cannot be judged
-- now, and its alert stays as it is; what is not listed is well, and its alert closes.
CREATE FUNCTION custseg_private.alert_causes(
    run custseg.monitor_run,
    options jsonb,
    reports jsonb
) RETURNS SETOF custseg_private.alert_cause
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH quality AS (
        SELECT r.*
        FROM jsonb_populate_recordset(NULL::custseg.data_quality_result, reports -> 'data_quality') r
    ),
    findings AS (
        SELECT
            'data_quality' AS kind,
            CASE q.subject WHEN 'feature' THEN q.name ELSE format('(%s)', q.subject) END AS subject,
            -- a column that is missing is said once, of the feature
            CASE
                WHEN q.subject = 'source' AND EXISTS (SELECT FROM quality f WHERE f.subject = 'feature' AND f.state <> 'ok')
                    THEN 'insufficient data'
                ELSE q.verdict
            END AS verdict,
            true AS at_once,
            format('%s %s: %s', q.subject, q.name, q.reason) AS message
        FROM quality q
        UNION ALL
        SELECT
            'drift',
            r.feature,
            -- a broken feed is one cause, not two
            CASE
                WHEN EXISTS (SELECT FROM quality q WHERE q.subject = 'feature' AND q.name = r.feature AND q.verdict = 'broken')
                    THEN 'insufficient data'
                ELSE r.verdict
            END,
            coalesce(r.p_adjusted < 0.001, true)
                OR EXISTS (SELECT FROM quality q WHERE q.subject = 'feature' AND q.name = r.feature AND q.infinite_share > 0),
            format('feature %s: %s', r.feature, r.reason)
        FROM jsonb_populate_recordset(NULL::custseg.drift_result, reports -> 'drift') r
        UNION ALL
        SELECT
            'segment_sizes',
            coalesce(r.segment::text, '(total)'),
            r.verdict,
            coalesce(r.p_adjusted < 0.001, true),
            CASE WHEN r.segment IS NULL THEN format('all segments: %s', r.reason) ELSE replace(r.reason, 'the segment', r.name) END
        FROM jsonb_populate_recordset(NULL::custseg.segment_sizes_result, reports -> 'segment_sizes') r
        UNION ALL
        SELECT 'calibration', '(model)', r.verdict, true, format('predictions do not hold: %s', r.reason)
        FROM jsonb_populate_recordset(NULL::custseg.outcome_calibration_result, reports -> 'calibration') r
        UNION ALL
        SELECT 'drift_multivariate', '(model)', r.verdict, r.p_value < 0.001, format('all features together: %s', r.reason)
        FROM jsonb_populate_recordset(NULL::custseg.drift_multivariate_result, reports -> 'drift_multivariate') r
        UNION ALL
        SELECT c.cause, '(model)', 'drifted', c.at_once, c.reason
        FROM custseg_private.retraining_causes(run.model, run.version, options, reports) c
        WHERE c.cause IN ('silhouette', 'mean_distance')
        UNION ALL
        SELECT m.kind, '(model)', 'insufficient data', NULL, NULL
        FROM jsonb_populate_recordset(NULL::custseg.segment_sizes_result, reports -> 'segment_sizes') r
        CROSS JOIN LATERAL (VALUES
            ('silhouette', (SELECT r.silhouette FROM jsonb_populate_recordset(NULL::custseg_private.silhouette_result, reports -> 'silhouette') r)),
            ('mean_distance', r.mean_distance)
        ) m (kind, value)
        WHERE r.segment IS NULL AND (r.verdict = 'insufficient data' OR m.value IS NULL)
    )
    SELECT
        f.kind,
        f.subject,
        CASE f.verdict WHEN 'insufficient data' THEN NULL WHEN 'watch' THEN 'warning' ELSE 'critical' END,
        custseg_private.verdict_rank(f.verdict) >= custseg_private.verdict_rank(options ->> 'alert_on'),
        f.at_once,
        f.message
    FROM findings f
    WHERE f.verdict <> 'ok'
    UNION ALL
    SELECT 'trend', t.feature, 'warning', true, true, format('feature %s: %s', t.feature, t.reason)
    FROM jsonb_to_recordset(reports -> 'trend') t (feature text, reason text)
    UNION ALL
    -- a lasting change stays open where a run cannot tell, where it is there still, and until it has an alert as a large one
    SELECT 'trend', a.subject, NULL, NULL, NULL, NULL
    FROM custseg.alert a
    JOIN jsonb_populate_recordset(NULL::custseg.drift_result, reports -> 'drift') r ON r.feature = a.subject
    JOIN findings f ON f.kind = 'drift' AND f.subject = a.subject
    WHERE a.model = run.model AND a.kind = 'trend' AND a.closed_at IS NULL
        AND (f.verdict = 'insufficient data' OR a.version = run.version AND r.p_adjusted < 0.05)
        AND NOT (f.verdict = 'drifted' AND (f.at_once
            OR custseg_private.found_before(run, 'drift', a.subject)
            OR EXISTS (
                SELECT FROM custseg.alert d
                WHERE d.model = run.model AND d.kind = 'drift' AND d.subject = a.subject AND d.closed_at IS NULL
            )))
    UNION ALL
    SELECT
        'retraining',
        '(model)',
        CASE WHEN run.error IS NULL THEN CASE run.urgency WHEN 'low' THEN 'warning' ELSE 'critical' END END,
        true,
        true,
        format('train again, urgency %s: %s', run.urgency, array_to_string(run.reasons, '; '))
    WHERE run.retrain OR run.error IS NOT NULL
    UNION ALL
    SELECT 'monitor', '(run)', 'critical', true, true, run.error
    WHERE run.error IS NOT NULL;
END;

COMMENT ON FUNCTION custseg_private.alert_causes IS 'Returns the findings of a run about all subjects that can have an alert.';

-- A feature is trending when its adjusted p is below 0.05 in this run and in the two before it, of the same version and
-- source.  The slope is that of its distance from training in the runs of the last 90 days.
CREATE FUNCTION custseg_private.trends(
    model text,
    version int,
    source text,
    started_at timestamptz,
    reports jsonb,
    OUT feature text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH before AS (
        SELECT r.id, r.findings -> 'data_quality' AS quality
        FROM custseg.monitor_run r
        WHERE r.model = trends.model AND r.version = trends.version AND r.source = trends.source AND r.status = 'ok'
        ORDER BY r.id DESC
        LIMIT 2
    ),
    lasting AS (
        SELECT d.feature, d.verdict, coalesce(d.ks, d.l_infinity) AS distance
        FROM jsonb_populate_recordset(NULL::custseg.drift_result, reports -> 'drift') d
        WHERE d.p_adjusted < 0.05 AND d.verdict IN ('ok', 'watch')
            AND 2 = (
                SELECT count(*)
                FROM before b
                JOIN custseg.monitor_feature f ON f.model = trends.model AND f.run = b.id AND f.feature = d.feature
                WHERE f.p_adjusted < 0.05
                    AND NOT coalesce(b.quality @> jsonb_build_array(jsonb_build_object('name', d.feature, 'verdict', 'broken')), false)
            )
            -- a broken feed is one cause, not two, then and now
            AND NOT EXISTS (
                SELECT
                FROM jsonb_populate_recordset(NULL::custseg.data_quality_result, reports -> 'data_quality') q
                WHERE q.subject = 'feature' AND q.name = d.feature AND q.verdict = 'broken'
            )
    )
    SELECT
        l.feature,
        format('a lasting change%s: at least 3 runs in a row have found it; the distance from training is %s%s',
            CASE l.verdict WHEN 'ok' THEN ', perhaps a small one' ELSE '' END, round(l.distance::numeric, 3),
            -- in less than two days, and of a single run before, there is no trend to speak of
            CASE WHEN h.days >= 2 AND h.slope IS NOT NULL THEN format(', and %s by %s a week', CASE WHEN h.slope < 0 THEN 'shrinks' ELSE 'grows' END, to_char(abs(h.slope), 'FM0.0000')) ELSE '' END)
    FROM lasting l
    CROSS JOIN LATERAL (
        SELECT
            extract(epoch FROM trends.started_at - min(f.at)) / 86400 AS days,
            regr_slope(coalesce(f.ks, f.l_infinity), extract(epoch FROM f.at - trends.started_at)::float8 / 604800) AS slope
        FROM custseg.monitor_feature f
        JOIN custseg.monitor_run r ON r.id = f.run AND r.source = trends.source
        WHERE f.model = trends.model AND f.version = trends.version AND f.feature = l.feature
            AND f.at > trends.started_at - interval '90 days'
    ) h;
END;

COMMENT ON FUNCTION custseg_private.trends IS 'Returns the features whose change is certain in three runs in a row, without being drifted.';

-- These two run as the owner of the tables, and fail for everybody else.
CREATE FUNCTION custseg_private.record_run(
    model text,
    version int,
    source text,
    started_at timestamptz,
    run_by name,
    options jsonb,
    reports jsonb,
    errors jsonb,
    skipped bool
) RETURNS custseg.monitor_run
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    run custseg.monitor_run;
    judged record;
BEGIN
    run.model := model;
    run.version := version;
    run.source := coalesce(source,
        (SELECT v.source FROM custseg.model_version v WHERE v.model = record_run.model AND v.version = record_run.version));
    run.started_at := started_at;
    run.run_by := run_by;
    run.status := CASE WHEN skipped THEN 'skipped' WHEN errors = '{}' THEN 'ok' ELSE 'failed' END;
    -- a source that is gone fails every check in the same way
    run.error := CASE
        WHEN skipped THEN 'another monitor() of the model was at work'
        ELSE (
            SELECT string_agg(
                CASE WHEN f.n > 1 THEN f.message ELSE format('%s: %s', f.checks, f.message) END, E'\n' ORDER BY f.checks)
            FROM (
                SELECT e.value AS message, count(*) AS n, string_agg(e.key, ', ' ORDER BY e.key) AS checks
                FROM jsonb_each_text(errors) e
                GROUP BY e.value
            ) f
        )
    END;
    run.findings := '{}';
    IF NOT skipped THEN
        reports := reports || coalesce(
            (SELECT jsonb_build_object('trend', jsonb_agg(t))
             FROM custseg_private.trends(run.model, run.version, run.source, run.started_at, reports) t
             HAVING count(*) > 0), '{}');
        SELECT * INTO judged FROM custseg_private.judge_retraining(run.model, run.version, run.source, options, reports);
        run.retrain := judged.retrain;
        run.urgency := judged.urgency;
        run.reasons := judged.reasons;
        run.n := coalesce((
            SELECT q.n
            FROM jsonb_populate_recordset(NULL::custseg.data_quality_result, reports -> 'data_quality') q
            WHERE q.subject = 'source'
        ), (
            -- of purchases, customers
            SELECT c.n FROM jsonb_populate_recordset(NULL::custseg.outcome_calibration_result, reports -> 'calibration') c
            WHERE c.days IS NOT NULL
        ));
        -- of each report, the rows that are not as they should be
        run.findings := (
            SELECT jsonb_object_agg(c.key, jsonb_path_query_array(c.value, '$[*] ? (!(@.verdict == "ok"))'))
            FROM jsonb_each(reports) c
        );
        run.findings := coalesce(run.findings, '{}') || jsonb_build_object('breaches', judged.breaches, 'errors', errors);
        run.verdict := (
            SELECT v.verdict
            FROM (
                SELECT r.verdict FROM jsonb_populate_recordset(NULL::custseg.data_quality_result, reports -> 'data_quality') r
                UNION ALL
                SELECT r.verdict FROM jsonb_populate_recordset(NULL::custseg.drift_result, reports -> 'drift') r
                UNION ALL
                SELECT r.verdict FROM jsonb_populate_recordset(NULL::custseg.segment_sizes_result, reports -> 'segment_sizes') r
                UNION ALL
                SELECT r.verdict
                FROM jsonb_populate_recordset(NULL::custseg.drift_multivariate_result, reports -> 'drift_multivariate') r
                UNION ALL
                SELECT r.verdict
                FROM jsonb_populate_recordset(NULL::custseg.outcome_calibration_result, reports -> 'calibration') r
                UNION ALL
                SELECT 'drifted' WHERE judged.breaches ?| '{silhouette,mean_distance}'
                UNION ALL
                SELECT 'watch' WHERE reports ? 'trend'
            ) v
            ORDER BY custseg_private.verdict_rank(v.verdict) DESC
            LIMIT 1
        );
    END IF;
    IF NOT skipped THEN
        run.verdict_reasons := ARRAY(
            SELECT c.message
            FROM custseg_private.alert_causes(run, options, reports) WITH ORDINALITY c
            WHERE c.severity IS NOT NULL AND c.kind NOT IN ('retraining', 'monitor')
            ORDER BY c.severity = 'warning', c.ordinality);
        run.findings := run.findings || jsonb_build_object('found', coalesce(
            (SELECT jsonb_agg(jsonb_build_array(c.kind, c.subject))
             FROM custseg_private.alert_causes(run, options, reports) c
             WHERE c.opens AND c.severity IS NOT NULL), '[]'));
    END IF;
    run.finished_at := clock_timestamp();
    INSERT INTO custseg.monitor_run
        (model, version, source, started_at, finished_at, run_by, status, error, n, verdict, verdict_reasons, retrain,
        urgency, reasons, findings)
    VALUES (run.model, run.version, run.source, run.started_at, run.finished_at, run.run_by, run.status, run.error,
        run.n, run.verdict, run.verdict_reasons, run.retrain, run.urgency, run.reasons, run.findings)
    RETURNING id INTO run.id;

    INSERT INTO custseg.monitor_feature
    SELECT run.model, run.id, run.version, run.started_at, r.*
    FROM ROWS FROM (jsonb_populate_recordset(NULL::custseg.drift_result, reports -> 'drift')) WITH ORDINALITY r;

    INSERT INTO custseg.monitor_segment
    SELECT run.model, run.id, run.version, run.started_at, r.*
    FROM ROWS FROM (jsonb_populate_recordset(NULL::custseg.segment_sizes_result, reports -> 'segment_sizes')) WITH ORDINALITY r;
    RETURN run;
END $$;

COMMENT ON FUNCTION custseg_private.record_run IS 'Records the findings of a run of monitor().';

CREATE FUNCTION custseg_private.record_alerts(
    run custseg.monitor_run,
    options jsonb,
    reports jsonb,
    OUT n_opened int,
    OUT n_closed int,
    OUT n_open int
)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    causes custseg_private.alert_cause[];
    event record;
BEGIN
    n_opened := 0;
    n_closed := 0;
    IF run.status <> 'skipped' THEN
        reports := reports || jsonb_strip_nulls(jsonb_build_object('trend', run.findings -> 'trend'));
        SELECT array_agg(c) INTO causes FROM custseg_private.alert_causes(run, options, reports) c;

        UPDATE custseg.alert a
        SET severity = c.severity,
            message = left(c.message, 1000),
            version = run.version,
            last_seen = run.started_at,
            last_run = run.id,
            n_seen = a.n_seen + 1
        FROM unnest(causes) c
        WHERE a.model = run.model AND a.closed_at IS NULL
            AND a.kind = c.kind AND a.subject = c.subject AND c.severity IS NOT NULL;

        FOR event IN
            WITH opened AS (
                INSERT INTO custseg.alert
                    (model, kind, subject, severity, message, version, first_seen, last_seen, n_seen, first_run, last_run)
                SELECT run.model, c.kind, c.subject, c.severity, left(c.message, 1000), run.version,
                    run.started_at, run.started_at, 1, run.id, run.id
                FROM unnest(causes) WITH ORDINALITY c
                WHERE c.opens AND c.severity IS NOT NULL
                    -- a cause that chance could have made must be there twice in a row
                    AND (c.at_once OR custseg_private.found_before(run, c.kind, c.subject))
                    AND NOT EXISTS (
                        SELECT FROM custseg.alert a
                        WHERE a.model = run.model AND a.closed_at IS NULL AND a.kind = c.kind AND a.subject = c.subject
                    )
                ORDER BY c.ordinality
                RETURNING alert.*
            ),
            closed AS (
                UPDATE custseg.alert a
                SET closed_at = run.started_at, closed_run = run.id
                WHERE a.model = run.model AND a.closed_at IS NULL
                    AND NOT EXISTS (
                        SELECT FROM unnest(causes) c
                        WHERE c.kind = a.kind AND c.subject = a.subject
                    )
                    -- a check that failed says nothing
                    AND CASE a.kind
                        WHEN 'monitor' THEN true
                        WHEN 'retraining' THEN true
                        WHEN 'trend' THEN reports ? 'drift'
                        WHEN 'silhouette' THEN reports ?& '{silhouette,segment_sizes}'
                        WHEN 'mean_distance' THEN reports ? 'segment_sizes'
                        ELSE reports ? a.kind
                    END
                RETURNING a.*
            )
            SELECT 'opened' AS what, o.* FROM opened o
            UNION ALL
            SELECT 'closed', c.* FROM closed c
            ORDER BY id
        LOOP
            n_opened := n_opened + (event.what = 'opened')::int;
            n_closed := n_closed + (event.what = 'closed')::int;
            IF (options ->> 'notify')::bool THEN
                PERFORM pg_notify('custseg_alert', jsonb_build_object(
                    'event', event.what, 'alert', event.id, 'run', run.id, 'model', event.model, 'version', event.version,
                    'kind', event.kind, 'subject', event.subject, 'severity', event.severity, 'message', event.message,
                    'first_seen', event.first_seen, 'n_seen', event.n_seen)::text);
            END IF;
        END LOOP;
    END IF;
    n_open := (SELECT count(*) FROM custseg.alert a WHERE a.model = run.model AND a.closed_at IS NULL);
END $$;

COMMENT ON FUNCTION custseg_private.record_alerts IS 'Opens and closes alerts by the findings of a run, and notifies listeners.';

CREATE FUNCTION custseg_private.record_look_alert(
    model text,
    experiment text,
    look int,
    version int,
    severity text,
    problems text
) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed custseg.alert;
    what text := 'opened';
BEGIN
    IF problems IS NULL THEN
        UPDATE custseg.alert a SET closed_at = now(), closed_run = record_look_alert.look
        WHERE a.model = record_look_alert.model AND a.kind = 'experiment' AND a.subject = record_look_alert.experiment AND a.closed_at IS NULL
        RETURNING a.* INTO changed;
        what := 'closed';
    ELSE
        UPDATE custseg.alert a
        SET severity = record_look_alert.severity, message = left(problems, 1000), last_seen = now(), last_run = record_look_alert.look, n_seen = a.n_seen + 1
        WHERE a.model = record_look_alert.model AND a.kind = 'experiment' AND a.subject = record_look_alert.experiment AND a.closed_at IS NULL;
        IF NOT FOUND THEN
            INSERT INTO custseg.alert (model, kind, subject, severity, message, version, first_seen, last_seen, n_seen, first_run, last_run)
            VALUES (model, 'experiment', experiment, severity, left(problems, 1000), version, now(), now(), 1, look, look)
            RETURNING * INTO changed;
        END IF;
    END IF;
    IF changed.id IS NOT NULL THEN
        PERFORM pg_notify('custseg_alert', jsonb_build_object(
            'event', what, 'alert', changed.id, 'look', look, 'model', model, 'version', version,
            'kind', changed.kind, 'subject', changed.subject, 'severity', changed.severity, 'message', changed.message,
            'first_seen', changed.first_seen, 'n_seen', changed.n_seen)::text);
    END IF;
END $$;

COMMENT ON FUNCTION custseg_private.record_look_alert IS 'Opens, renews or closes the alert of an experiment by what a look found, and notifies listeners.';

CREATE FUNCTION custseg_private.forget_runs(model text, before timestamptz) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    DELETE FROM custseg.monitor_feature f
    WHERE f.model = forget_runs.model
        AND f.run IN (
            SELECT r.id FROM custseg.monitor_run r WHERE r.model = forget_runs.model AND r.started_at < before
        );
    DELETE FROM custseg.monitor_segment s
    WHERE s.model = forget_runs.model
        AND s.run IN (
            SELECT r.id FROM custseg.monitor_run r WHERE r.model = forget_runs.model AND r.started_at < before
        );
    DELETE FROM custseg.alert a
    WHERE a.model = forget_runs.model AND a.closed_at < before;
    DELETE FROM custseg.monitor_run r
    WHERE r.model = forget_runs.model AND r.started_at < before;
END;

COMMENT ON FUNCTION custseg_private.forget_runs IS 'Deletes the history of a model that is older than a given time.';

REVOKE EXECUTE ON FUNCTION custseg_private.record_run, custseg_private.record_alerts, custseg_private.record_look_alert, custseg_private.forget_runs FROM public;

CREATE FUNCTION custseg.monitor(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT run bigint,
    OUT model text,
    OUT version int,
    OUT status text,
    OUT n bigint,
    OUT verdict text,
    OUT verdict_reasons text[],
    OUT retrain bool,
    OUT urgency text,
    OUT reasons text[],
    OUT alerts_opened int,
    OUT alerts_closed int,
    OUT alerts_open int,
    OUT error text,
    OUT milliseconds float8
)
AS 'MODULE_PATHNAME', 'custseg_monitor'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.monitor IS 'Runs all checks of a model and its source in one call, records the result in monitor_run, opens and closes alerts, and sends them to the channel custseg_alert.
topic: watching 1
example: SELECT * FROM custseg.monitor(''shop'', ''customers'')';

-- explore
--
CREATE FUNCTION custseg.describe(
    source text,
    columns text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT column_name text,
    OUT type text,
    OUT kind text,
    OUT n bigint,
    OUT n_null bigint,
    OUT null_share float8,
    OUT n_infinite bigint,
    OUT n_distinct bigint,
    OUT mean float8,
    OUT standard_deviation float8,
    OUT minimum float8,
    OUT first_quartile float8,
    OUT median float8,
    OUT third_quartile float8,
    OUT maximum float8,
    OUT skewness float8,
    OUT kurtosis float8,
    OUT jarque_bera float8,
    OUT jarque_bera_p_value float8,
    OUT n_iqr_outliers bigint,
    OUT n_z_outliers bigint,
    OUT top_levels jsonb,
    OUT suggestion text,
    OUT meaning text,
    OUT unit text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_describe'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.describe IS 'Describes each column of a source: its values, spread, shape, outliers or levels, with advice for training and what set_column_note() keeps of its meaning.
topic: data 1
example: SELECT * FROM custseg.describe(''customers'')';

CREATE FUNCTION custseg.histogram(
    source text,
    "column" text,
    bins int DEFAULT NULL,
    OUT bin int,
    OUT low float8,
    OUT high float8,
    OUT n bigint,
    OUT share float8,
    OUT density float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_histogram'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg.histogram IS 'Computes a histogram of a numeric column in bins of equal width (by default as many as the rule of Freedman and Diaconis gives), with a kernel density estimate.
topic: data 2
example: SELECT * FROM custseg.histogram(''customers'', ''monetary'')';

CREATE FUNCTION custseg.frequencies(
    source text,
    "column" text,
    OUT level text,
    OUT n bigint,
    OUT share float8,
    OUT cumulative_share float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_frequencies'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg.frequencies IS 'Counts the distinct values of a column, including NULL, with their shares, the most frequent first.
topic: data 3
example: SELECT * FROM custseg.frequencies(''customers'', ''channel'')';

CREATE FUNCTION custseg.concentration(
    source text,
    "column" text,
    OUT n bigint,
    OUT n_null bigint,
    OUT total float8,
    OUT gini float8,
    OUT top_10_share float8,
    OUT top_1_share float8,
    OUT lorenz float8[]
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_concentration'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1;

COMMENT ON FUNCTION custseg.concentration IS 'Tells how unevenly a sum is distributed: Gini coefficient, shares of the top 10 % and the top 1 %, and the Lorenz curve at 0, 1, ... 100 % of the rows.
topic: data 4
example: SELECT * FROM custseg.concentration(''customers'', ''monetary'')';

CREATE FUNCTION custseg.correlations(
    source text,
    columns text[] DEFAULT NULL,
    OUT column_a text,
    OUT column_b text,
    OUT n bigint,
    OUT pearson float8,
    OUT pearson_p_value float8,
    OUT spearman float8,
    OUT spearman_p_value float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_correlations'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg.correlations IS 'Computes the Pearson and Spearman correlations of each pair of numeric columns, with p-values.
topic: data 5
example: SELECT * FROM custseg.correlations(''customers'')';

CREATE FUNCTION custseg.outliers(
    source text,
    columns text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT id text,
    OUT "row" bigint,
    OUT beyond_fences text[],
    OUT beyond_deviations text[],
    OUT largest_z float8,
    OUT mahalanobis float8,
    OUT mahalanobis_p_value float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_outliers'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION custseg.outliers IS 'Lists outlying rows, the farthest first: the columns whose values are beyond the fences of their box plot or many standard deviations from the mean, and the Mahalanobis distance of the whole row.
topic: data 6
example: SELECT * FROM custseg.outliers(''customers'')';

CREATE FUNCTION custseg.missing_patterns(
    source text,
    columns text[] DEFAULT NULL,
    OUT null_columns text[],
    OUT n_columns int,
    OUT n bigint,
    OUT share float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_missing_patterns'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.missing_patterns IS 'Tells which columns are NULL in the same rows, and in how many rows.
topic: data 7
example: SELECT * FROM custseg.missing_patterns(''customers'')';

CREATE FUNCTION custseg.mcar_test(
    source text,
    columns text[] DEFAULT NULL,
    OUT n bigint,
    OUT n_patterns int,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_mcar_test'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1;

COMMENT ON FUNCTION custseg.mcar_test IS 'Tests whether values are missing completely at random (MCAR), by Little''s test.
topic: data 8
example: SELECT * FROM custseg.mcar_test(''customers'', ''{monetary,age}'')';

-- features from orders

CREATE FUNCTION custseg.rfm(
    source text,
    customer text,
    "time" text,
    amount text,
    as_of timestamptz DEFAULT NULL,
    segments jsonb DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT customer_id text,
    OUT first_purchase timestamptz,
    OUT last_purchase timestamptz,
    OUT days_since_last float8,
    OUT tenure_days float8,
    OUT frequency bigint,
    OUT monetary float8,
    OUT average_order float8,
    OUT days_between_mean float8,
    OUT days_between_variation float8,
    OUT recency_score int,
    OUT frequency_score int,
    OUT monetary_score int,
    OUT rfm_code text,
    OUT rfm_segment text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_rfm'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.rfm IS 'Computes the recency, frequency and monetary value of each customer from order lines as of a given time, with their scores and the usual segment names. Each line is an order unless option "order" names the column that tells orders apart.
topic: orders 1
example: SELECT * FROM custseg.rfm(''orders'', ''customer'', ''at'', ''amount'')';

CREATE FUNCTION custseg.rfm_scores(
    source text,
    recency text,
    frequency text,
    monetary text,
    options jsonb DEFAULT '{}',
    OUT customer_id text,
    OUT recency_value float8,
    OUT frequency_value float8,
    OUT monetary_value float8,
    OUT recency_score int,
    OUT frequency_score int,
    OUT monetary_score int,
    OUT rfm_code text,
    OUT rfm_segment text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_rfm_scores'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.rfm_scores IS 'Scores and names the customers of a table that has a row for each of them, with recency (days, or the time of the last purchase), frequency and monetary value as columns, as rfm() does from order lines.
topic: orders 2
example: SELECT * FROM custseg.rfm_scores(''customers'', ''recency'', ''frequency'', ''monetary'')';

CREATE FUNCTION custseg.rfm_thresholds(
    source text,
    customer text,
    "time" text,
    amount text,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT measure text,
    OUT score int,
    OUT low float8,
    OUT high float8,
    OUT n bigint
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_rfm_thresholds'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 15;

COMMENT ON FUNCTION custseg.rfm_thresholds IS 'Lists which values get which score in rfm() (low is included, high is not), and how many customers have the score.
topic: orders 4
example: SELECT * FROM custseg.rfm_thresholds(''orders'', ''customer'', ''at'', ''amount'')';

CREATE FUNCTION custseg.rfm_segments(
    segments jsonb DEFAULT NULL,
    bins int DEFAULT 5,
    OUT "position" int,
    OUT rfm_segment text,
    OUT recency_low int,
    OUT recency_high int,
    OUT frequency_low int,
    OUT frequency_high int,
    OUT monetary_low int,
    OUT monetary_high int,
    OUT n_codes int,
    OUT n_codes_taken int
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_rfm_segments'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 11;

COMMENT ON FUNCTION custseg.rfm_segments IS 'Shows the table by which rfm() names scores, where the first entry that fits decides: for each entry the combinations of scores that it gets and those that an earlier entry takes from it, and how many combinations have no name.
topic: orders 3
example: SELECT * FROM custseg.rfm_segments()';

CREATE FUNCTION custseg.customer_features(
    source text,
    customer text,
    "time" text,
    amount text,
    product text DEFAULT NULL,
    category text DEFAULT NULL,
    channel text DEFAULT NULL,
    discount text DEFAULT NULL,
    quantity text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT customer_id text,
    OUT as_of_time timestamptz,
    OUT first_purchase timestamptz,
    OUT last_purchase timestamptz,
    OUT days_since_last float8,
    OUT tenure_days float8,
    OUT frequency bigint,
    OUT monetary float8,
    OUT average_order float8,
    OUT largest_order float8,
    OUT lines_per_order float8,
    OUT quantity_per_order float8,
    OUT days_between_mean float8,
    OUT days_between_variation float8,
    OUT n_products bigint,
    OUT product_entropy float8,
    OUT favourite_category text,
    OUT category_entropy float8,
    OUT category_shares jsonb,
    OUT favourite_channel text,
    OUT favourite_channel_share float8,
    OUT return_rate float8,
    OUT discount_rate float8,
    OUT morning_share float8,
    OUT afternoon_share float8,
    OUT evening_share float8,
    OUT night_share float8,
    OUT weekend_share float8,
    OUT favourite_weekday text,
    OUT season_share float8,
    OUT spend_trend float8,
    OUT lifecycle text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_customer_features'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.customer_features IS 'Computes features for a segmentation from order lines as of a given time, with one row for each customer: recency, frequency, spending, baskets, variety, categories, channels, returns, discounts, hours, seasons, trend, lifecycle. Each line is an order unless option "order" names the column that tells orders apart.
topic: orders 5
example: SELECT * FROM custseg.customer_features(''orders'', ''customer'', ''at'', ''amount'', product => ''product'')';

CREATE FUNCTION custseg.customer_features_sql(
    source text,
    customer text,
    "time" text,
    amount text,
    product text DEFAULT NULL,
    category text DEFAULT NULL,
    channel text DEFAULT NULL,
    discount text DEFAULT NULL,
    quantity text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_customer_features_sql'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.customer_features_sql IS 'Returns the query from which create_feature_view() makes a view; customer_features() runs it with the shares of categories as one json value.
topic: orders 7
example: SELECT custseg.customer_features_sql(''orders'', ''customer'', ''at'', ''amount'')';

CREATE FUNCTION custseg.create_feature_view(
    name text,
    source text,
    customer text,
    "time" text,
    amount text,
    product text DEFAULT NULL,
    category text DEFAULT NULL,
    channel text DEFAULT NULL,
    discount text DEFAULT NULL,
    quantity text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_create_feature_view'
LANGUAGE C;

COMMENT ON FUNCTION custseg.create_feature_view IS 'Creates a view of the features of customers, as of now unless a time is given; models train on the view and later score by the same definition. Each line is an order unless option "order" names the column that tells orders apart.
topic: orders 6
example: SELECT custseg.create_feature_view(''buyers'', ''orders'', ''customer'', ''at'', ''amount'', product => ''product'')';

CREATE FUNCTION custseg.customer_events(
    source text,
    customer text,
    "time" text,
    kind text,
    value text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT customer_id text,
    OUT as_of_time timestamptz,
    OUT first_event timestamptz,
    OUT last_event timestamptz,
    OUT days_since_last_event float8,
    OUT event_tenure_days float8,
    OUT n_events bigint,
    OUT events_per_month float8,
    OUT n_active_days bigint,
    OUT n_sessions bigint,
    OUT events_per_session float8,
    OUT favourite_hour int,
    OUT event_trend float8,
    OUT event_value float8,
    OUT engagement_score float8,
    OUT kinds jsonb,
    OUT ratios jsonb
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_customer_events'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.customer_events IS 'Computes how engaged each customer is from events of any kind (visits, opened mails, returns, contacts with the service) as of a given time: how often, how lately, sessions, trend, each kind by itself, ratios of kinds, and a score by the weights of kinds.
topic: orders 8
example: SELECT * FROM custseg.customer_events(''orders'', ''customer'', ''at'', ''product'', ''amount'')';

CREATE FUNCTION custseg.customer_events_sql(
    source text,
    customer text,
    "time" text,
    kind text,
    value text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_customer_events_sql'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.customer_events_sql IS 'Returns the query for a view of what customer_events() computes, as of now unless a time is given, with a column for each measure of each kind and each ratio.
topic: orders 9
example: SELECT custseg.customer_events_sql(''orders'', ''customer'', ''at'', ''product'')';

-- what customers are worth, and how long they stay

CREATE FUNCTION custseg.retention(
    source text,
    duration text,
    event text,
    segment text DEFAULT NULL,
    times float8[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT segment_name text,
    OUT "time" float8,
    OUT n_at_risk bigint,
    OUT n_events bigint,
    OUT n_censored bigint,
    OUT survival float8,
    OUT standard_error float8,
    OUT low float8,
    OUT high float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_retention'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.retention IS 'Computes the share of customers who stay longer than each time (Kaplan-Meier), by segment, with an interval; customers who have not left yet count as far as they were seen.
topic: value 1
example: SELECT * FROM custseg.retention(''contracts'', ''months'', ''has_left'', times => ''{12,24}'')';

CREATE FUNCTION custseg.retention_summary(
    source text,
    duration text,
    event text,
    segment text DEFAULT NULL,
    until float8 DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT segment_name text,
    OUT n bigint,
    OUT n_events bigint,
    OUT median float8,
    OUT median_low float8,
    OUT median_high float8,
    OUT mean float8,
    OUT standard_error float8,
    OUT low float8,
    OUT high float8,
    OUT mean_until float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_retention_summary'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.retention_summary IS 'Tells the median and the mean time that customers stay, by segment, with intervals; the mean counts no time beyond a limit, which is the longest duration unless it is given.
topic: value 2
example: SELECT * FROM custseg.retention_summary(''contracts'', ''months'', ''has_left'')';

CREATE FUNCTION custseg.retention_test(
    source text,
    duration text,
    event text,
    segment text,
    OUT test text,
    OUT n bigint,
    OUT n_events bigint,
    OUT n_segments int,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT log_p_value float8,
    OUT segment_names text[],
    OUT observed float8[],
    OUT expected float8[]
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_retention_test'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 3;

COMMENT ON FUNCTION custseg.retention_test IS 'Tests whether customers of all segments stay equally long: log-rank, Wilcoxon (Gehan-Breslow) and Tarone-Ware.
topic: value 3
example: SELECT * FROM custseg.retention_test(''contracts'', ''months'', ''has_left'', ''plan'')';

CREATE FUNCTION custseg.retention_projection(
    source text,
    duration text,
    event text,
    segment text DEFAULT NULL,
    periods int DEFAULT 12,
    options jsonb DEFAULT '{}',
    OUT segment_name text,
    OUT "time" float8,
    OUT n_at_risk bigint,
    OUT observed_survival float8,
    OUT survival float8,
    OUT low float8,
    OUT high float8,
    OUT retention float8,
    OUT expected_periods float8,
    OUT model text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_retention_projection'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.retention_projection IS 'Projects how many customers with a contract renew it, period by period and beyond what was seen, by segment (shifted beta-geometric, or beta-discrete-Weibull where that fits better).
topic: value 4
example: SELECT * FROM custseg.retention_projection(''contracts'', ''months'', ''has_left'', ''plan'', periods => 24)';

CREATE FUNCTION custseg.retention_models(
    source text,
    duration text,
    event text,
    segment text DEFAULT NULL,
    OUT segment_name text,
    OUT model text,
    OUT is_chosen bool,
    OUT n bigint,
    OUT n_events bigint,
    OUT a float8,
    OUT b float8,
    OUT shape float8,
    OUT log_likelihood float8,
    OUT aic float8,
    OUT verdict text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_retention_models'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.retention_models IS 'Fits the models from which retention_projection() chooses, and says what they are worth and what they tell of the customers.
topic: value 5
example: SELECT * FROM custseg.retention_models(''contracts'', ''months'', ''has_left'', ''plan'')';

CREATE FUNCTION custseg.cohorts(
    source text,
    customer text,
    "time" text,
    amount text DEFAULT NULL,
    period text DEFAULT 'month',
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT cohort date,
    OUT n bigint,
    OUT period_number int,
    OUT period_start date,
    OUT n_active bigint,
    OUT retention float8,
    OUT revenue float8,
    OUT revenue_per_customer float8,
    OUT cumulative_revenue_per_customer float8,
    OUT is_complete bool
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_cohorts'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.cohorts IS 'Groups customers by the period of their first purchase, and counts in each period after it how many of them bought, and what they spent.
topic: value 6
example: SELECT * FROM custseg.cohorts(''orders'', ''customer'', ''at'', ''amount'', period => ''quarter'')';

CREATE FUNCTION custseg.purchase_summary(
    source text,
    customer text,
    "time" text,
    amount text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT customer_id text,
    OUT repeats bigint,
    OUT recency float8,
    OUT customer_age float8,
    OUT monetary float8,
    OUT first_day date,
    OUT last_day date,
    OUT unit text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_purchase_summary'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.purchase_summary IS 'Sums up lines of orders as models of repeat purchases see a customer: days with a purchase after the first, time to the last of them and to the day that is asked for, and mean amount of the repeats; one row for each customer.
topic: value 10
example: SELECT * FROM custseg.purchase_summary(''orders'', ''customer'', ''at'', ''amount'')';

CREATE FUNCTION custseg.train_purchases(
    model text,
    source text,
    customer text,
    "time" text,
    amount text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    algorithm text DEFAULT 'auto',
    options jsonb DEFAULT '{}',
    deploy bool DEFAULT NULL,
    OUT model text,
    OUT version int,
    OUT algorithm text,
    OUT n bigint,
    OUT n_repeat bigint,
    OUT log_likelihood float8,
    OUT aic float8,
    OUT iterations int,
    OUT converged bool,
    OUT verdict text,
    OUT reason text,
    OUT deployed bool,
    OUT milliseconds float8
)
AS 'MODULE_PATHNAME', 'custseg_train_purchases'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.train_purchases IS 'Trains a model of repeat purchases on lines of orders: how often customers buy, when they leave, what they spend. It is kept as a version of a model, and the result says whether the data can tell who has left.
topic: value 11
example: SELECT * FROM custseg.train_purchases(''repeats'', ''orders'', ''customer'', ''at'', ''amount'')';

CREATE FUNCTION custseg.lifetime_value(
    model text,
    source text DEFAULT NULL,
    horizon interval DEFAULT '1 year',
    discount float8 DEFAULT 0.1,
    as_of timestamptz DEFAULT NULL,
    confidence float8 DEFAULT 0.9,
    version int DEFAULT NULL,
    OUT customer_id text,
    OUT alive float8,
    OUT expected_purchases float8,
    OUT expected_spend float8,
    OUT lifetime_value float8,
    OUT low float8,
    OUT high float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_lifetime_value'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.lifetime_value IS 'Tells what each customer of lines of orders is worth within a horizon: the chance that the customer is still there, purchases to expect, what is spent on each, and their value today, with an interval.
topic: value 12
example: SELECT * FROM custseg.lifetime_value(''repeats'', ''orders'', ''1 year'')';

CREATE FUNCTION custseg.predict_lifetime_value(
    model text,
    customer "any",
    horizon interval DEFAULT '1 year',
    discount float8 DEFAULT 0.1,
    version int DEFAULT NULL
) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_predict_lifetime_value'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_lifetime_value IS 'Returns what one customer is worth within a horizon: a row of purchase_summary(), or a jsonb object with the same keys; for UPDATE and triggers.
topic: value 13
example: SELECT custseg.predict_lifetime_value(''repeats'', ''{"repeats": 3, "recency": 20, "customer_age": 30, "monetary": 25}'')';

CREATE FUNCTION custseg_private.purchase_report(model text, version int, part text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_purchase_report'
LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION custseg_private.prediction_report(model text, version int, part text) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_prediction_report'
LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION custseg_private.prediction_report IS 'Returns a part of what the training of a version of a model of a value or a probability found; NULL where it has none.';

COMMENT ON FUNCTION custseg_private.purchase_report IS 'Returns a part of what the training of a version of a model of purchases found; NULL where it has none.';

CREATE FUNCTION custseg.purchase_parameters(
    model text,
    version int DEFAULT NULL,
    OUT part text,
    OUT parameter text,
    OUT estimate float8,
    OUT standard_error float8,
    OUT low float8,
    OUT high float8
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT p.part, p.parameter, p.estimate, p.standard_error, p.low, p.high
    FROM jsonb_to_recordset(custseg_private.purchase_report(model, version, 'parameters'))
        AS p(part text, parameter text, estimate float8, standard_error float8, low float8, high float8);
END;

COMMENT ON FUNCTION custseg.purchase_parameters IS 'Lists the parameters of a model of purchases, with their standard errors and intervals of 95 percent.
topic: value 14
example: SELECT * FROM custseg.purchase_parameters(''repeats'')';

CREATE FUNCTION custseg.purchase_holdout(
    model text,
    version int DEFAULT NULL,
    OUT measured text,
    OUT days int,
    OUT n bigint,
    OUT predicted float8,
    OUT actual float8,
    OUT mae float8,
    OUT rmse float8,
    OUT bias float8,
    OUT gini float8,
    OUT gini_normalized float8,
    OUT baseline_mae float8,
    OUT baseline_rmse float8,
    OUT confidence float8,
    OUT coverage float8
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
    SELECT m.measured, h.days, h.n,
        CASE m.measured WHEN 'purchases' THEN h.predicted ELSE h.value_predicted END,
        CASE m.measured WHEN 'purchases' THEN h.actual ELSE h.value_actual END,
        CASE m.measured WHEN 'purchases' THEN h.mae ELSE h.value_mae END,
        CASE m.measured WHEN 'purchases' THEN h.rmse ELSE h.value_rmse END,
        CASE m.measured WHEN 'purchases' THEN h.bias ELSE h.value_bias END,
        CASE m.measured WHEN 'purchases' THEN h.gini ELSE h.value_gini END,
        CASE m.measured WHEN 'purchases' THEN h.gini_normalized ELSE h.value_gini_normalized END,
        CASE m.measured WHEN 'purchases' THEN h.baseline_mae END,
        CASE m.measured WHEN 'purchases' THEN h.baseline_rmse END,
        CASE WHEN m.measured = 'value' OR h.value_predicted IS NULL THEN h.confidence END,
        CASE WHEN m.measured = 'value' OR h.value_predicted IS NULL THEN h.coverage END
    FROM jsonb_to_record(custseg_private.purchase_report(model, version, 'holdout'))
        AS h(days int, n bigint, predicted float8, actual float8, mae float8, rmse float8, bias float8, gini float8, gini_normalized float8,
            value_predicted float8, value_actual float8, value_mae float8, value_rmse float8, value_bias float8, value_gini float8, value_gini_normalized float8,
            baseline_mae float8, baseline_rmse float8, confidence float8, coverage float8)
    CROSS JOIN (VALUES ('purchases'), ('value')) AS m (measured)
    WHERE h.days IS NOT NULL AND (m.measured = 'purchases' OR h.value_predicted IS NOT NULL);
END;

COMMENT ON FUNCTION custseg.purchase_holdout IS 'Tells how well a model of purchases, fitted to the lines before the last part, would have predicted that part: purchases, and their value.
topic: value 15
example: SELECT * FROM custseg.purchase_holdout(''repeats'')';

CREATE FUNCTION custseg.purchase_deciles(
    model text,
    version int DEFAULT NULL,
    OUT decile int,
    OUT predicted float8,
    OUT actual float8,
    OUT lift float8,
    OUT share float8
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 10
BEGIN ATOMIC
    SELECT d.decile, d.predicted, d.actual, d.lift, d.share
    FROM jsonb_to_recordset(custseg_private.purchase_report(model, version, 'deciles'))
        AS d(decile int, predicted float8, actual float8, lift float8, share float8)
    ORDER BY d.decile;
END;

COMMENT ON FUNCTION custseg.purchase_deciles IS 'Tells for tenths of the customers, those of the highest prediction first, what was predicted for the holdout and what came.
topic: value 16
example: SELECT * FROM custseg.purchase_deciles(''repeats'')';

CREATE FUNCTION custseg.purchase_calibration(
    model text,
    version int DEFAULT NULL,
    OUT repeats bigint,
    OUT n bigint,
    OUT predicted float8,
    OUT actual float8
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 8
BEGIN ATOMIC
    SELECT c.repeats, c.n, c.predicted, c.actual
    FROM jsonb_to_recordset(custseg_private.purchase_report(model, version, 'calibration'))
        AS c(repeats bigint, n bigint, predicted float8, actual float8)
    ORDER BY c.repeats;
END;

COMMENT ON FUNCTION custseg.purchase_calibration IS 'Tells for customers with 0, 1, ..., 6, and 7 or more repeats what was predicted for the holdout, and what came, on average.
topic: value 17
example: SELECT * FROM custseg.purchase_calibration(''repeats'')';

CREATE FUNCTION custseg.train_value(
    model text,
    source text,
    target text,
    features text[] DEFAULT NULL,
    algorithm text DEFAULT 'forest',
    id text DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    deploy bool DEFAULT NULL,
    tune bool DEFAULT false,
    OUT model text,
    OUT version int,
    OUT kind text,
    OUT algorithm text,
    OUT n_rows bigint,
    OUT n_skipped bigint,
    OUT r2 float8,
    OUT rmse float8,
    OUT mae float8,
    OUT auc float8,
    OUT log_loss float8,
    OUT brier float8,
    OUT coverage float8,
    OUT iterations int,
    OUT converged bool,
    OUT deployed bool,
    OUT milliseconds float8
)
AS 'MODULE_PATHNAME', 'custseg_train_value'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.train_value IS 'Trains a model that predicts a number, or the probability of a boolean, as a new version, and tells how good it is at customers that it has not seen.
topic: value 30
example: SELECT * FROM custseg.train_value(''churn'', ''contracts'', ''has_left'', ''{months,plan}'', ''logistic'')';

CREATE FUNCTION custseg.predict_value(model text, customer "any", version int DEFAULT NULL) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_predict_value'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_value IS 'Returns the number, or the probability, that a model predicts for a customer: a row, or a json object.
topic: value 32
example: SELECT id, custseg.predict_value(''worth'', c) FROM customers c';

CREATE FUNCTION custseg.predict_interval(
    model text,
    customer "any",
    confidence float8 DEFAULT 0.9,
    version int DEFAULT NULL,
    OUT predicted float8,
    OUT low float8,
    OUT high float8
)
AS 'MODULE_PATHNAME', 'custseg_predict_interval'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.predict_interval IS 'Returns the number that a model predicts for a customer, and between which numbers the outcome lies with a confidence (conformal).
topic: value 33
example: SELECT * FROM custseg.predict_interval(''worth'', ''{"recency": 10, "frequency": 5}'')';

CREATE FUNCTION custseg.score_value(
    model text,
    source text DEFAULT NULL,
    confidence float8 DEFAULT 0.9,
    version int DEFAULT NULL,
    OUT id text,
    OUT predicted float8,
    OUT low float8,
    OUT high float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_score_value'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.score_value IS 'Returns all customers of a source with the number, or the probability, that a model predicts for them, and between which numbers the outcome lies with a confidence; by default the source is the one that the model was trained on.
topic: value 34
example: SELECT * FROM custseg.score_value(''worth'', ''customers'')';

CREATE FUNCTION custseg.explain_value(
    model text,
    customer "any",
    version int DEFAULT NULL,
    OUT predicted float8,
    OUT baseline float8,
    OUT feature text,
    OUT value text,
    OUT contribution float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_explain_value'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION custseg.explain_value IS 'Tells what each feature contributes to a prediction (Shapley values, exact for trees), the largest first. Baseline and contributions add up to a number; of a probability they are log odds, for a forest shares before calibration.
topic: value 35
example: SELECT * FROM custseg.explain_value(''worth'', ''{"recency": 10, "frequency": 5}'')';

CREATE FUNCTION custseg.value_importance(
    model text,
    version int DEFAULT NULL,
    OUT feature text,
    OUT gain float8,
    OUT shuffled float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_value_importance'
LANGUAGE C STABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION custseg.value_importance IS 'Tells how important each feature is to a model of a value or a probability: its share of the gain of all splits, and how much worse predictions are when its values are shuffled.
topic: value 36
example: SELECT * FROM custseg.value_importance(''worth'')';

CREATE FUNCTION custseg.compare_value(
    source text,
    target text,
    features text[] DEFAULT NULL,
    algorithms text[] DEFAULT NULL,
    folds int DEFAULT 5,
    id text DEFAULT NULL,
    prep jsonb DEFAULT '{}',
    options jsonb DEFAULT '{}',
    tune bool DEFAULT false,
    OUT algorithm text,
    OUT r2 float8,
    OUT r2_deviation float8,
    OUT rmse float8,
    OUT rmse_deviation float8,
    OUT mae float8,
    OUT mae_deviation float8,
    OUT auc float8,
    OUT auc_deviation float8,
    OUT log_loss float8,
    OUT log_loss_deviation float8,
    OUT brier float8,
    OUT brier_deviation float8,
    OUT milliseconds float8,
    OUT recommended bool,
    OUT reason text,
    OUT options jsonb
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_compare_value'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.compare_value IS 'Compares algorithms that predict a number, or the probability of a boolean: how good each is at customers that it has not seen, and a recommendation.
topic: value 31
example: SELECT * FROM custseg.compare_value(''contracts'', ''has_left'', ''{months,plan}'', ''{logistic,forest}'')';

CREATE FUNCTION custseg.value_tuning(
    model text,
    version int DEFAULT NULL,
    OUT trial int,
    OUT options jsonb,
    OUT r2 float8,
    OUT r2_deviation float8,
    OUT rmse float8,
    OUT mae float8,
    OUT auc float8,
    OUT log_loss float8,
    OUT log_loss_deviation float8,
    OUT brier float8,
    OUT chosen bool,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 12
BEGIN ATOMIC
    SELECT a.trial::int, t.options, t.r2, t.r2_deviation, t.rmse, t.mae, t.auc, t.log_loss, t.log_loss_deviation, t.brier, t.chosen, t.reason
    FROM jsonb_array_elements(custseg_private.prediction_report(model, version, 'tuning')) WITH ORDINALITY AS a (value, trial)
    CROSS JOIN jsonb_to_record(a.value) AS t(options jsonb, r2 float8, r2_deviation float8, rmse float8, mae float8,
        auc float8, log_loss float8, log_loss_deviation float8, brier float8, chosen bool, reason text)
    ORDER BY a.trial;
END;

COMMENT ON FUNCTION custseg.value_tuning IS 'Lists the options that were tried when a version was trained with tune => true, how well each predicts customers that it has not seen, and which was chosen.
topic: value 37
example: SELECT * FROM custseg.value_tuning(''worth'')';

CREATE FUNCTION custseg.segment_value(
    value_model text,
    segment_model text,
    source text DEFAULT NULL,
    customers text DEFAULT NULL,
    horizon interval DEFAULT '1 year',
    discount float8 DEFAULT 0.1,
    as_of timestamptz DEFAULT NULL,
    confidence float8 DEFAULT 0.9,
    value_version int DEFAULT NULL,
    segment_version int DEFAULT NULL
) RETURNS SETOF custseg.segment_value_result
AS 'MODULE_PATHNAME', 'custseg_segment_value'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.segment_value IS 'Tells what each segment is worth by a model of purchases, of a value or of a probability: the sum and mean of its customers, its share of all, and an interval of the sum.
topic: value 40
example: SELECT * FROM custseg.segment_value(''repeats'', ''shop'', ''orders'', ''customers'')';

CREATE FUNCTION custseg.segment_churn(
    value_model text,
    segment_model text,
    source text DEFAULT NULL,
    customers text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    confidence float8 DEFAULT 0.9,
    value_version int DEFAULT NULL,
    segment_version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT n bigint,
    OUT churn float8,
    OUT low float8,
    OUT high float8,
    OUT expected_leavers float8,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_segment_churn'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.segment_churn IS 'Tells how many customers of each segment leave: by a model of purchases the share that has left, by a model of a probability the share that will have the outcome, with an interval.
topic: value 41
example: SELECT * FROM custseg.segment_churn(''repeats'', ''shop'', ''orders'', ''customers'')';

CREATE FUNCTION custseg.record_segment_value(
    value_model text,
    segment_model text,
    source text DEFAULT NULL,
    customers text DEFAULT NULL,
    horizon interval DEFAULT '1 year',
    discount float8 DEFAULT 0.1,
    as_of timestamptz DEFAULT NULL,
    confidence float8 DEFAULT 0.9,
    value_version int DEFAULT NULL,
    segment_version int DEFAULT NULL,
    keep_days int DEFAULT NULL
) RETURNS SETOF custseg.segment_value_history
AS 'MODULE_PATHNAME', 'custseg_record_segment_value'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.record_segment_value IS 'Keeps what segment_value() tells in segment_value_history, and returns what is kept, and with keep_days forgets older runs. The view value_at_risk reads the last run.
topic: value 42
example: SELECT * FROM custseg.record_segment_value(''repeats'', ''shop'', ''orders'', ''customers'')';

-- tests of groups

CREATE TYPE custseg.anova_result AS (
    f float8,
    df_between float8,
    df_within float8,
    p_value float8,
    eta_squared float8,
    omega_squared float8,
    welch_f float8,
    welch_df float8,
    welch_p_value float8,
    n_groups int,
    n bigint
);

COMMENT ON TYPE custseg.anova_result IS 'Row that anova() returns.';
COMMENT ON COLUMN custseg.anova_result.f IS 'F statistic; NULL, like all columns that follow, where it is not defined.';
COMMENT ON COLUMN custseg.anova_result.df_between IS 'Degrees of freedom between groups: number of groups minus 1.';
COMMENT ON COLUMN custseg.anova_result.df_within IS 'Degrees of freedom within groups: number of values minus number of groups.';
COMMENT ON COLUMN custseg.anova_result.p_value IS 'Probability of such an F, or a larger one, when all means are the same.';
COMMENT ON COLUMN custseg.anova_result.eta_squared IS 'Eta squared: share of the variance that is between groups, 0 to 1.';
COMMENT ON COLUMN custseg.anova_result.omega_squared IS 'Omega squared: eta_squared corrected for its bias.';
COMMENT ON COLUMN custseg.anova_result.welch_f IS 'Welch''s F, for groups of unequal variances.';
COMMENT ON COLUMN custseg.anova_result.welch_df IS 'Denominator degrees of freedom of Welch''s F.';
COMMENT ON COLUMN custseg.anova_result.welch_p_value IS 'P-value of Welch''s F.';
COMMENT ON COLUMN custseg.anova_result.n_groups IS 'Number of groups that have values.';
COMMENT ON COLUMN custseg.anova_result.n IS 'Number of values.';

CREATE TYPE custseg.group_test_result AS (
    statistic float8,
    df_between float8,
    df_within float8,
    p_value float8,
    epsilon_squared float8,
    n_groups int,
    n bigint
);

COMMENT ON TYPE custseg.group_test_result IS 'Row that kruskal_wallis() and levene() return.';
COMMENT ON COLUMN custseg.group_test_result.statistic IS 'H of the Kruskal-Wallis test, or F of Levene''s test.';
COMMENT ON COLUMN custseg.group_test_result.df_between IS 'Degrees of freedom between groups.';
COMMENT ON COLUMN custseg.group_test_result.df_within IS 'Degrees of freedom within groups; NULL for the Kruskal-Wallis test.';
COMMENT ON COLUMN custseg.group_test_result.p_value IS 'Probability of such a statistic, or a larger one, when all groups have the same distribution.';
COMMENT ON COLUMN custseg.group_test_result.epsilon_squared IS 'Epsilon squared, the effect size, 0 to 1; NULL for Levene''s test.';
COMMENT ON COLUMN custseg.group_test_result.n_groups IS 'Number of groups that have values.';
COMMENT ON COLUMN custseg.group_test_result.n IS 'Number of values.';

CREATE TYPE custseg.pair_result AS (
    group_a int,
    group_b int,
    difference float8,
    low float8,
    high float8,
    statistic float8,
    df float8,
    p_adjusted float8
);

COMMENT ON TYPE custseg.pair_result IS 'Element of the arrays that tukey_hsd() and games_howell() return.';
COMMENT ON COLUMN custseg.pair_result.group_a IS 'Segment of the pair with the lower number.';
COMMENT ON COLUMN custseg.pair_result.group_b IS 'Segment of the pair with the higher number.';
COMMENT ON COLUMN custseg.pair_result.difference IS 'Mean of group_b minus mean of group_a.';
COMMENT ON COLUMN custseg.pair_result.low IS 'Lower end of the simultaneous 95 % interval of the difference.';
COMMENT ON COLUMN custseg.pair_result.high IS 'Upper end of the simultaneous 95 % interval of the difference.';
COMMENT ON COLUMN custseg.pair_result.statistic IS 'Studentized range statistic of the difference.';
COMMENT ON COLUMN custseg.pair_result.df IS 'Degrees of freedom.';
COMMENT ON COLUMN custseg.pair_result.p_adjusted IS 'P-value, adjusted for all pairs together.';

CREATE FUNCTION custseg_private.group_moments_accum(state bytea, value float8, segment int) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_group_moments_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.group_moments_accum IS 'Transition function of anova() and similar aggregates.';

CREATE FUNCTION custseg_private.group_moments_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_group_moments_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.group_moments_combine IS 'Combine function of anova() and similar aggregates.';

CREATE FUNCTION custseg_private.anova_final(state bytea) RETURNS custseg.anova_result
AS 'MODULE_PATHNAME', 'custseg_anova_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.anova_final IS 'Final function of anova().';

CREATE FUNCTION custseg_private.tukey_hsd_final(state bytea) RETURNS custseg.pair_result[]
AS 'MODULE_PATHNAME', 'custseg_tukey_hsd_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.tukey_hsd_final IS 'Final function of tukey_hsd().';

CREATE FUNCTION custseg_private.games_howell_final(state bytea) RETURNS custseg.pair_result[]
AS 'MODULE_PATHNAME', 'custseg_games_howell_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.games_howell_final IS 'Final function of games_howell().';

CREATE AGGREGATE custseg.anova(value float8, segment int) (
    SFUNC = custseg_private.group_moments_accum,
    STYPE = bytea,
    SSPACE = 512,
    FINALFUNC = custseg_private.anova_final,
    COMBINEFUNC = custseg_private.group_moments_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.anova(float8, int) IS 'One-way analysis of variance, which tests whether the means of segments differ: F, eta squared and omega squared, and Welch''s F for unequal variances.
topic: statistics 1
example: SELECT (custseg.anova(monetary, segment)).* FROM customers';

CREATE AGGREGATE custseg.tukey_hsd(value float8, segment int) (
    SFUNC = custseg_private.group_moments_accum,
    STYPE = bytea,
    SSPACE = 512,
    FINALFUNC = custseg_private.tukey_hsd_final,
    COMBINEFUNC = custseg_private.group_moments_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.tukey_hsd(float8, int) IS 'Tells which pairs of segments differ in their means when variances are equal (Tukey''s HSD): an array of differences with simultaneous 95 % intervals and adjusted p-values, for unnest().
topic: statistics 4
example: SELECT (unnest(custseg.tukey_hsd(monetary, segment))).* FROM customers';

CREATE AGGREGATE custseg.games_howell(value float8, segment int) (
    SFUNC = custseg_private.group_moments_accum,
    STYPE = bytea,
    SSPACE = 512,
    FINALFUNC = custseg_private.games_howell_final,
    COMBINEFUNC = custseg_private.group_moments_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.games_howell(float8, int) IS 'Tells which pairs of segments differ in their means whatever their variances (Games-Howell): an array of differences with simultaneous 95 % intervals and adjusted p-values, for unnest().
topic: statistics 5
example: SELECT (unnest(custseg.games_howell(monetary, segment))).* FROM customers';

CREATE FUNCTION custseg_private.group_sample_accum(state bytea, value float8, segment int) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_group_sample_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.group_sample_accum IS 'Transition function of kruskal_wallis() and levene().';

CREATE FUNCTION custseg_private.group_sample_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_group_sample_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.group_sample_combine IS 'Combine function of kruskal_wallis() and levene().';

CREATE FUNCTION custseg_private.kruskal_wallis_final(state bytea) RETURNS custseg.group_test_result
AS 'MODULE_PATHNAME', 'custseg_kruskal_wallis_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.kruskal_wallis_final IS 'Final function of kruskal_wallis().';

CREATE FUNCTION custseg_private.levene_final(state bytea) RETURNS custseg.group_test_result
AS 'MODULE_PATHNAME', 'custseg_levene_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.levene_final IS 'Final function of levene().';

CREATE AGGREGATE custseg.kruskal_wallis(value float8, segment int) (
    SFUNC = custseg_private.group_sample_accum,
    STYPE = bytea,
    SSPACE = 2048,
    FINALFUNC = custseg_private.kruskal_wallis_final,
    COMBINEFUNC = custseg_private.group_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.kruskal_wallis(float8, int) IS 'Kruskal-Wallis rank sum test, which tests whether values are higher in some segments than in others, whatever their distribution; corrected for ties.
topic: statistics 2
example: SELECT (custseg.kruskal_wallis(monetary, segment)).* FROM customers';

CREATE AGGREGATE custseg.levene(value float8, segment int) (
    SFUNC = custseg_private.group_sample_accum,
    STYPE = bytea,
    SSPACE = 2048,
    FINALFUNC = custseg_private.levene_final,
    COMBINEFUNC = custseg_private.group_sample_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.levene(float8, int) IS 'Levene''s test around the medians (Brown-Forsythe), which tests whether segments have equal variances.
topic: statistics 3
example: SELECT (custseg.levene(monetary, segment)).* FROM customers';

CREATE FUNCTION custseg.effect_size(measure text, value float8, df int DEFAULT 1) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_effect_size'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.effect_size IS 'Returns Cohen''s name for an effect size (negligible, small, medium or large) by eta_squared, omega_squared, epsilon_squared, cohens_d, or cramers_v with df = least(rows, columns) - 1.
topic: statistics 8
example: SELECT custseg.effect_size(''eta_squared'', 0.08)';

CREATE FUNCTION custseg.segment_tests(
    model text,
    source text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT column_name text,
    OUT kind text,
    OUT is_feature bool,
    OUT n bigint,
    OUT n_null bigint,
    OUT test text,
    OUT statistic float8,
    OUT df_between float8,
    OUT df_within float8,
    OUT p_value float8,
    OUT p_adjusted float8,
    OUT effect_measure text,
    OUT effect float8,
    OUT effect_size text,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_segment_tests'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.segment_tests IS 'Tests whether the segments differ in the columns of a source, which may be features or not: for each column a suitable test, a p-value adjusted for their number, the effect size, a rating and its reason.
topic: segments 5
example: SELECT * FROM custseg.segment_tests(''shop'', ''customers'')';

-- experiments

CREATE TYPE custseg.mean_test_result AS (
    n_control bigint,
    n_treatment bigint,
    mean_control float8,
    mean_treatment float8,
    difference float8,
    standard_error float8,
    larger_error float8,
    statistic float8,
    df float8,
    p_value float8,
    low float8,
    high float8,
    lift float8,
    lift_low float8,
    lift_high float8
);

COMMENT ON TYPE custseg.mean_test_result IS 'Row that welch_test() and ratio_test() return.';
COMMENT ON COLUMN custseg.mean_test_result.n_control IS 'Customers of the control.';
COMMENT ON COLUMN custseg.mean_test_result.n_treatment IS 'Customers of the treatment.';
COMMENT ON COLUMN custseg.mean_test_result.mean_control IS 'Mean of the control; of ratio_test(), its ratio of sums.';
COMMENT ON COLUMN custseg.mean_test_result.mean_treatment IS 'Mean of the treatment; of ratio_test(), its ratio of sums.';
COMMENT ON COLUMN custseg.mean_test_result.difference IS 'Mean of the treatment less that of the control.';
COMMENT ON COLUMN custseg.mean_test_result.standard_error IS 'Standard error of the difference; NULL where an arm has fewer than two customers.';
COMMENT ON COLUMN custseg.mean_test_result.larger_error IS 'Larger one of Welch''s standard error and the pooled one, which holds for a skewed value in arms of unequal size, too.';
COMMENT ON COLUMN custseg.mean_test_result.statistic IS 'Difference in standard errors; NULL, like all columns that follow but the lift, where the standard error is 0.';
COMMENT ON COLUMN custseg.mean_test_result.df IS 'Degrees of freedom, by Welch and Satterthwaite; NULL for ratio_test(), which goes by the normal law.';
COMMENT ON COLUMN custseg.mean_test_result.p_value IS 'Probability of such a statistic, or one further from 0, when the means are the same.';
COMMENT ON COLUMN custseg.mean_test_result.low IS 'Lower end of the interval of the difference.';
COMMENT ON COLUMN custseg.mean_test_result.high IS 'Upper end of the interval of the difference.';
COMMENT ON COLUMN custseg.mean_test_result.lift IS 'Mean of the treatment over that of the control, less 1; NULL where the latter is not above 0.';
COMMENT ON COLUMN custseg.mean_test_result.lift_low IS 'Lower end of Fieller''s interval of the lift; NULL where the control''s mean is not certainly above 0.';
COMMENT ON COLUMN custseg.mean_test_result.lift_high IS 'Upper end of Fieller''s interval of the lift; NULL where the control''s mean is not certainly above 0.';

CREATE TYPE custseg.cuped_test_result AS (
    n_control bigint,
    n_treatment bigint,
    mean_control float8,
    mean_treatment float8,
    difference float8,
    standard_error float8,
    larger_error float8,
    statistic float8,
    df float8,
    p_value float8,
    low float8,
    high float8,
    lift float8,
    lift_low float8,
    lift_high float8,
    theta float8,
    variance_ratio float8
);

COMMENT ON TYPE custseg.cuped_test_result IS 'Row that cuped_test() returns.';
COMMENT ON COLUMN custseg.cuped_test_result.n_control IS 'Customers of the control.';
COMMENT ON COLUMN custseg.cuped_test_result.n_treatment IS 'Customers of the treatment.';
COMMENT ON COLUMN custseg.cuped_test_result.mean_control IS 'Adjusted mean of the control.';
COMMENT ON COLUMN custseg.cuped_test_result.mean_treatment IS 'Adjusted mean of the treatment.';
COMMENT ON COLUMN custseg.cuped_test_result.difference IS 'Adjusted mean of the treatment less that of the control.';
COMMENT ON COLUMN custseg.cuped_test_result.standard_error IS 'Standard error of the difference; NULL where an arm has fewer than two customers.';
COMMENT ON COLUMN custseg.cuped_test_result.larger_error IS 'Larger one of Welch''s standard error and the pooled one, which holds for a skewed value in arms of unequal size, too.';
COMMENT ON COLUMN custseg.cuped_test_result.statistic IS 'Difference in standard errors; NULL, like all columns that follow but the lift, where the standard error is 0.';
COMMENT ON COLUMN custseg.cuped_test_result.df IS 'Degrees of freedom, by Welch and Satterthwaite.';
COMMENT ON COLUMN custseg.cuped_test_result.p_value IS 'Probability of such a statistic, or one further from 0, when the means are the same.';
COMMENT ON COLUMN custseg.cuped_test_result.low IS 'Lower end of the interval of the difference.';
COMMENT ON COLUMN custseg.cuped_test_result.high IS 'Upper end of the interval of the difference.';
COMMENT ON COLUMN custseg.cuped_test_result.lift IS 'Mean of the treatment over that of the control, less 1; NULL where the latter is not above 0.';
COMMENT ON COLUMN custseg.cuped_test_result.lift_low IS 'Lower end of Fieller''s interval of the lift; NULL where the control''s mean is not certainly above 0.';
COMMENT ON COLUMN custseg.cuped_test_result.lift_high IS 'Upper end of Fieller''s interval of the lift; NULL where the control''s mean is not certainly above 0.';
COMMENT ON COLUMN custseg.cuped_test_result.theta IS 'Value that goes with one of the covariate, within both arms; 0 where the covariate does not vary.';
COMMENT ON COLUMN custseg.cuped_test_result.variance_ratio IS 'Squared standard error over that of the unadjusted difference: about 1 less the squared correlation.';

CREATE TYPE custseg.proportion_test_result AS (
    n_control bigint,
    n_treatment bigint,
    successes_control bigint,
    successes_treatment bigint,
    share_control float8,
    share_treatment float8,
    difference float8,
    low float8,
    high float8,
    statistic float8,
    p_value float8,
    method text,
    lift float8,
    lift_low float8,
    lift_high float8
);

COMMENT ON TYPE custseg.proportion_test_result IS 'Row that proportion_test() returns.';
COMMENT ON COLUMN custseg.proportion_test_result.n_control IS 'Customers of the control.';
COMMENT ON COLUMN custseg.proportion_test_result.n_treatment IS 'Customers of the treatment.';
COMMENT ON COLUMN custseg.proportion_test_result.successes_control IS 'Customers of the control who convert.';
COMMENT ON COLUMN custseg.proportion_test_result.successes_treatment IS 'Customers of the treatment who convert.';
COMMENT ON COLUMN custseg.proportion_test_result.share_control IS 'Share of the control that converts; NULL, like what follows from it, where it has no customer.';
COMMENT ON COLUMN custseg.proportion_test_result.share_treatment IS 'Share of the treatment that converts; NULL, like what follows from it, where it has no customer.';
COMMENT ON COLUMN custseg.proportion_test_result.difference IS 'Share of the treatment less that of the control.';
COMMENT ON COLUMN custseg.proportion_test_result.low IS 'Lower end of Newcombe''s interval of the difference.';
COMMENT ON COLUMN custseg.proportion_test_result.high IS 'Upper end of Newcombe''s interval of the difference.';
COMMENT ON COLUMN custseg.proportion_test_result.statistic IS 'Statistic z, with the variance pooled; NULL where nobody or everybody converts.';
COMMENT ON COLUMN custseg.proportion_test_result.p_value IS 'Probability of such a difference, or a larger one, when the shares are the same.';
COMMENT ON COLUMN custseg.proportion_test_result.method IS 'Method by which p_value was computed: z, or Fisher where fewer than 5 customers of a kind are expected in an arm.';
COMMENT ON COLUMN custseg.proportion_test_result.lift IS 'Share of the treatment over that of the control, less 1; NULL where the latter is 0.';
COMMENT ON COLUMN custseg.proportion_test_result.lift_low IS 'Lower end of Fieller''s interval of the lift; NULL where the control''s share is not certainly above 0.';
COMMENT ON COLUMN custseg.proportion_test_result.lift_high IS 'Upper end of Fieller''s interval of the lift; NULL where the control''s share is not certainly above 0.';

CREATE FUNCTION custseg.sample_size(
    effect float8,
    baseline float8 DEFAULT NULL,
    sd float8 DEFAULT NULL,
    sd_treatment float8 DEFAULT NULL,
    allocation float8 DEFAULT 1,
    alpha float8 DEFAULT 0.05,
    correlation float8 DEFAULT 0,
    n_segments int DEFAULT 1,
    method text DEFAULT 'fixed',
    n_looks int DEFAULT 5,
    power float8 DEFAULT 0.8,
    OUT n_control bigint,
    OUT n_treatment bigint,
    OUT n bigint,
    OUT exact_size float8,
    OUT critical float8
)
AS 'MODULE_PATHNAME', 'custseg_sample_size'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.sample_size IS 'Computes how many customers an experiment needs to see an effect on a share, a mean or a ratio.
topic: experiments 1
example: SELECT * FROM custseg.sample_size(0.01, baseline => 0.05)';

CREATE FUNCTION custseg.minimum_effect(
    n_control float8,
    baseline float8 DEFAULT NULL,
    sd float8 DEFAULT NULL,
    sd_treatment float8 DEFAULT NULL,
    allocation float8 DEFAULT 1,
    alpha float8 DEFAULT 0.05,
    correlation float8 DEFAULT 0,
    n_segments int DEFAULT 1,
    method text DEFAULT 'fixed',
    n_looks int DEFAULT 5,
    power float8 DEFAULT 0.8
) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_minimum_effect'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.minimum_effect IS 'Computes the smallest effect upwards that an experiment with so many customers is likely to see.
topic: experiments 2
example: SELECT custseg.minimum_effect(1000, baseline => 0.05)';

CREATE FUNCTION custseg.power(
    effect float8,
    n_control float8,
    baseline float8 DEFAULT NULL,
    sd float8 DEFAULT NULL,
    sd_treatment float8 DEFAULT NULL,
    allocation float8 DEFAULT 1,
    alpha float8 DEFAULT 0.05,
    correlation float8 DEFAULT 0,
    n_segments int DEFAULT 1,
    method text DEFAULT 'fixed',
    n_looks int DEFAULT 5
) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_power'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.power IS 'Computes the probability that an experiment sees an effect.
topic: experiments 3
example: SELECT custseg.power(0.01, 1000, baseline => 0.05)';

CREATE FUNCTION custseg.wilson_interval(
    successes float8,
    n float8,
    confidence float8 DEFAULT 0.95,
    OUT share float8,
    OUT low float8,
    OUT high float8
)
AS 'MODULE_PATHNAME', 'custseg_wilson_interval'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.wilson_interval IS 'Computes Wilson''s score interval of a share.
topic: experiments 20
example: SELECT * FROM custseg.wilson_interval(90, 120)';

CREATE FUNCTION custseg.newcombe_interval(
    successes_control bigint,
    n_control bigint,
    successes_treatment bigint,
    n_treatment bigint,
    confidence float8 DEFAULT 0.95,
    OUT difference float8,
    OUT low float8,
    OUT high float8
)
AS 'MODULE_PATHNAME', 'custseg_newcombe_interval'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.newcombe_interval IS 'Computes Newcombe''s hybrid score interval of the difference of two shares.
topic: experiments 21
example: SELECT * FROM custseg.newcombe_interval(500, 10000, 560, 10000)';

CREATE FUNCTION custseg.fisher_exact(
    successes_control bigint,
    n_control bigint,
    successes_treatment bigint,
    n_treatment bigint
) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_fisher_exact'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.fisher_exact IS 'Computes the two-sided p-value of Fisher''s exact test of two shares.
topic: experiments 22
example: SELECT custseg.fisher_exact(3, 10, 9, 10)';

CREATE FUNCTION custseg.proportion_test(
    successes_control bigint,
    n_control bigint,
    successes_treatment bigint,
    n_treatment bigint,
    confidence float8 DEFAULT 0.95
) RETURNS custseg.proportion_test_result
AS 'MODULE_PATHNAME', 'custseg_proportion_test'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.proportion_test(bigint, bigint, bigint, bigint, float8) IS 'Tests whether two arms convert alike, from their counts: difference with interval, p-value, lift with interval.
topic: experiments 11
example: SELECT * FROM custseg.proportion_test(500, 10000, 560, 10000)';

CREATE FUNCTION custseg.welch_test(
    n_control bigint,
    mean_control float8,
    variance_control float8,
    n_treatment bigint,
    mean_treatment float8,
    variance_treatment float8,
    confidence float8 DEFAULT 0.95,
    by_larger_error bool DEFAULT false
) RETURNS custseg.mean_test_result
AS 'MODULE_PATHNAME', 'custseg_welch_test'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.welch_test(bigint, float8, float8, bigint, float8, float8, float8, bool) IS 'Tests whether two arms have the same mean, from their means and variances: Welch''s test, lift with interval.
topic: experiments 13
example: SELECT * FROM custseg.welch_test(100, 10, 4, 100, 12, 9)';

CREATE FUNCTION custseg.srm_test(
    counts bigint[],
    weights float8[] DEFAULT NULL,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT n bigint,
    OUT rating text,
    OUT reason text
)
AS 'MODULE_PATHNAME', 'custseg_srm_test'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.srm_test IS 'Tests whether the variants of an experiment were filled in the ratio that was meant (sample-ratio mismatch).
topic: experiments 16
example: SELECT * FROM custseg.srm_test(''{821588,815482}'')';

CREATE FUNCTION custseg.heterogeneity(
    differences float8[],
    standard_errors float8[],
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT i_squared float8,
    OUT difference float8,
    OUT standard_error float8,
    OUT n_segments int
)
AS 'MODULE_PATHNAME', 'custseg_heterogeneity'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.heterogeneity IS 'Tests whether an effect is the same in all segments, by Cochran''s Q, with I squared.
topic: experiments 17
example: SELECT * FROM custseg.heterogeneity(''{1,3,-10}'', ''{0.7,2.2,11.1}'')';

CREATE FUNCTION custseg.anytime_interval(
    difference float8,
    standard_error float8,
    information_share float8,
    confidence float8 DEFAULT 0.95,
    OUT low float8,
    OUT high float8,
    OUT p_value float8
)
AS 'MODULE_PATHNAME', 'custseg_anytime_interval'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.anytime_interval IS 'Computes an interval and a p-value of an effect that hold however often one looks.
topic: experiments 18
example: SELECT * FROM custseg.anytime_interval(1, 0.25, 0.5)';

CREATE FUNCTION custseg.spending_boundaries(
    information_shares float8[],
    alpha float8 DEFAULT 0.05,
    OUT look int,
    OUT information_share float8,
    OUT spent float8,
    OUT boundary float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_spending_boundaries'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 5;

COMMENT ON FUNCTION custseg.spending_boundaries IS 'Computes the boundaries of looks at a plan, which together spend alpha (Lan-DeMets, O''Brien-Fleming).
topic: experiments 19
example: SELECT * FROM custseg.spending_boundaries(''{0.2,0.4,0.6,0.8,1}'')';

CREATE FUNCTION custseg_private.plan_settings(metric jsonb, options jsonb) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_plan_settings'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.plan_settings IS 'Checks the metric and the options of plan_experiment(), and fills in the defaults.';

CREATE FUNCTION custseg_private.plan_rows(
    model text,
    source text,
    metric jsonb,
    version int,
    OUT segment int,
    OUT metric_value float8,
    OUT divisor float8,
    OUT known float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_plan_rows'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg_private.plan_rows IS 'Reads the values of a metric of the customers of a source, as the caller, and places them.';

CREATE FUNCTION custseg.plan_experiment(
    model text,
    source text,
    metric jsonb,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT n bigint,
    OUT baseline float8,
    OUT sd float8,
    OUT correlation float8,
    OUT effect float8,
    OUT n_control bigint,
    OUT n_needed bigint,
    OUT minimum_effect float8,
    OUT power float8,
    OUT days int,
    OUT verdict text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000 ROWS 10
BEGIN ATOMIC
    WITH s AS MATERIALIZED (
        SELECT custseg_private.plan_settings(plan_experiment.metric, plan_experiment.options) AS s
    ), o AS MATERIALIZED (
        SELECT s ->> 'kind' AS kind, (s ->> 'sign')::int AS sign, (s ->> 'effect')::float8 AS effect, (s ->> 'relative_effect')::float8 AS relative_effect, (s ->> 'cap')::float8 AS cap,
            (s -> 'options' ->> 'traffic')::float8 AS traffic, (s -> 'options' ->> 'alpha')::float8 AS alpha, (s -> 'options' ->> 'power')::float8 AS power,
            (s -> 'options' ->> 'allocation')::float8 AS allocation, (s -> 'options' ->> 'n_treatments')::int AS n_treatments, s -> 'options' ->> 'method' AS method,
            (s -> 'options' ->> 'n_looks')::int AS n_looks, (s -> 'options' ->> 'each_segment')::bool AS each_segment, (s -> 'options' ->> 'per_day')::float8 AS per_day,
            (s -> 'options' ->> 'min_days')::int AS min_days
        FROM s
    ), r AS MATERIALIZED (
        SELECT r.*
        FROM custseg_private.plan_rows(plan_experiment.model, plan_experiment.source, plan_experiment.metric, plan_experiment.version) AS r
    ), q AS MATERIALIZED (
        SELECT percentile_cont((SELECT o.cap FROM o)) WITHIN GROUP (ORDER BY r.metric_value) AS most
        FROM r
    ), y AS (
        -- least() passes over a cap that is NULL
        SELECT r.segment, least(r.metric_value, q.most) AS metric_value, r.divisor, r.known
        FROM r
        CROSS JOIN q
    ), m AS MATERIALIZED (
        SELECT y.segment, count(*) AS n, avg(y.metric_value) AS mean, var_samp(y.metric_value) AS variance, avg(y.divisor) AS per, var_samp(y.divisor) AS per_variance,
            covar_samp(y.metric_value, y.divisor) AS product, coalesce(abs(corr(y.metric_value, y.known)), 0) AS correlation
        FROM y
        GROUP BY 1
    ), b AS MATERIALIZED (
        -- of a ratio, the variance of (value - ratio * denominator) / mean denominator
        SELECT m.segment, m.n, m.mean, m.per, CASE o.kind WHEN 'ratio' THEN m.mean / nullif(m.per, 0) ELSE m.mean END AS baseline,
            CASE o.kind WHEN 'conversion' THEN m.mean * (1 - m.mean)
                WHEN 'mean' THEN m.variance
                ELSE greatest(m.variance - 2 * m.mean / nullif(m.per, 0) * m.product + (m.mean / nullif(m.per, 0)) ^ 2 * m.per_variance, 0) / nullif(m.per, 0) ^ 2 END AS variance,
            least(m.correlation, 0.999999) AS correlation
        FROM m
        CROSS JOIN o
    ), a AS (
        -- all together are judged by what varies within segments
        SELECT NULL::int AS segment, t.n, t.baseline, CASE o.kind WHEN 'conversion' THEN t.baseline * (1 - t.baseline) ELSE t.within_segments END AS variance,
            CASE WHEN o.kind = 'conversion' AND t.baseline > 0 AND t.baseline < 1 THEN least(sqrt(greatest(1 - t.within_segments / (t.baseline * (1 - t.baseline)), 0)), 0.999999) ELSE 0 END AS correlation
        FROM (
            SELECT sum(b.n)::bigint AS n, sum(b.n * b.mean) / CASE WHEN min(o.kind) = 'ratio' THEN nullif(sum(b.n * b.per), 0) ELSE sum(b.n) END AS baseline,
                sum(b.n * b.variance * (1 - b.correlation ^ 2)) / sum(b.n) AS within_segments
            FROM b
            CROSS JOIN o
        ) AS t
        CROSS JOIN o
        WHERE t.n IS NOT NULL
    ), w AS (
        SELECT u.*, o.*, sqrt(u.variance) AS sd, coalesce(o.effect, o.relative_effect * abs(u.baseline)) AS size,
            CASE WHEN u.segment IS NULL OR NOT o.each_segment THEN 1 ELSE (SELECT count(*)::int FROM b) END AS n_judged,
            u.n * o.traffic / (1 + o.allocation * o.n_treatments) AS has, u.n / (sum(u.n) OVER () / 2) AS share
        FROM (
            SELECT b.segment, b.n, b.baseline, b.variance, b.correlation FROM b
            UNION ALL
            SELECT a.segment, a.n, a.baseline, a.variance, a.correlation FROM a
        ) AS u (segment, n, baseline, variance, correlation)
        CROSS JOIN o AS o (kind, sign, effect, relative_effect, cap, traffic, alpha, wanted, allocation, n_treatments, method, n_looks, each_segment, per_day, min_days)
    ), x AS (
        -- an effect that can be: a share stays one
        SELECT w.*, CASE WHEN w.variance > 0 AND w.size > 0 AND (w.kind <> 'conversion' OR w.baseline + w.sign * w.size BETWEEN 0 AND 1) THEN w.sign * w.size END AS can_be,
            CASE WHEN w.kind = 'conversion' AND w.variance > 0 THEN w.baseline END AS of_share, CASE WHEN w.kind <> 'conversion' AND w.variance > 0 THEN w.sd END AS of_sd
        FROM w
    ), p AS (
        SELECT x.*, z.n_control, z.n_control + x.n_treatments * z.n_treatment AS n_needed,
            CASE WHEN x.variance > 0 THEN custseg.minimum_effect(x.has, CASE WHEN x.sign < 0 THEN 1 - x.of_share ELSE x.of_share END, x.of_sd, NULL, x.allocation, x.alpha, x.correlation, x.n_judged, x.method, x.n_looks, x.wanted) END AS minimum_effect,
            CASE WHEN x.can_be IS NOT NULL THEN custseg.power(x.can_be, x.has, x.of_share, x.of_sd, NULL, x.allocation, x.alpha, x.correlation, x.n_judged, x.method, x.n_looks) END AS power
        FROM x
        CROSS JOIN LATERAL custseg.sample_size(x.can_be, x.of_share, x.of_sd, NULL, x.allocation, x.alpha, x.correlation, x.n_judged, x.method, x.n_looks, x.wanted) AS z
    )
    SELECT p.segment, p.n, p.baseline, p.sd, p.correlation, p.size, p.n_control, p.n_needed, p.minimum_effect, p.power,
        CASE WHEN p.per_day IS NOT NULL THEN least(greatest(7 * ceil(ceil(p.n_needed / (p.per_day * p.share * p.traffic)) / 7), p.min_days), 2147483647)::int END,
        CASE WHEN p.n_needed <= p.n * p.traffic THEN 'ok' ELSE 'insufficient data' END,
        CASE WHEN p.variance IS NULL OR p.variance = 0 THEN 'the metric does not vary'
            WHEN p.can_be IS NULL THEN 'no such effect can be: the baseline is ' || round(p.baseline::numeric, 6)
            WHEN p.n_needed <= p.n * p.traffic THEN format('%s of the %s customers who take part are enough', p.n_needed, floor(p.n * p.traffic))
            ELSE format('%s customers are needed, and %s take part: they show an effect of %s', p.n_needed, floor(p.n * p.traffic), coalesce(round(p.minimum_effect::numeric, 6)::text, 'no size')) END
    FROM p
    ORDER BY p.segment NULLS FIRST;
END;

COMMENT ON FUNCTION custseg.plan_experiment IS 'Plans an experiment on the customers of a source: by segment and all together, how many are there, how many are needed, what effect they show, and how long it takes.
topic: experiments 29
example: SELECT * FROM custseg.plan_experiment(''shop'', ''customers'', ''{"metric": "monetary", "kind": "mean", "relative_effect": 0.1}'')';

CREATE FUNCTION custseg.create_experiment(
    experiment text,
    model text,
    variants jsonb,
    metrics jsonb,
    options jsonb DEFAULT '{}'
) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_create_experiment'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.create_experiment IS 'Declares an experiment on the customers of a model: the variants, the first of which is the control, and the metrics, which are fixed once customers are enrolled.
topic: experiments 30
example: SELECT custseg.create_experiment(''spring'', ''shop'', ''["control", "offer"]'', ''[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.01}]'')';

CREATE FUNCTION custseg_private.block_variant(salt text, segment int, place bigint, n bigint, weights bigint[]) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_block_variant'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.block_variant IS 'Returns the number of the variant of the customer in a place of a block.';

CREATE FUNCTION custseg.enroll(
    experiment text,
    source text,
    OUT batch int,
    OUT n_read bigint,
    OUT n_enrolled bigint,
    OUT n_already bigint,
    OUT n_outside bigint,
    OUT n_excluded bigint,
    OUT n_unplaced bigint
)
AS 'MODULE_PATHNAME', 'custseg_enroll'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.enroll IS 'Enrolls the customers of a source in an experiment: their segment is kept as it is then, and a variant assigned; who is enrolled already stays so.
topic: experiments 32
example: SELECT * FROM custseg.enroll(''welcome'', ''customers'')';

CREATE FUNCTION custseg.variant(experiment text, customer "any") RETURNS text
AS 'MODULE_PATHNAME', 'custseg_variant'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.variant IS 'Returns the variant that a customer has in an experiment, NULL for who takes no part; by bucket it follows from the id alone, enrolled or not.
topic: experiments 33
example: SELECT c.id, custseg.variant(''welcome'', c.id) FROM customers c';

CREATE FUNCTION custseg.in_audience(model text, customer "any", experiment text DEFAULT NULL) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_in_audience'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION custseg.in_audience IS 'Tells whether a campaign may address a customer: not one who is excluded by hand, nor one in the control of a running experiment with the model, or of the named one.
topic: changes 9
example: SELECT id FROM customers c WHERE custseg.in_audience(''shop'', id)';

CREATE FUNCTION custseg.create_audience_view(
    name text,
    model text,
    source text,
    segments int[] DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_create_audience_view'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.create_audience_view IS 'Creates a view of the customers of some segments whom a campaign may address, for other systems to read: decisions by hand hold, excluded customers and the control of a running experiment are left out. It has the rights of whoever reads it.
topic: changes 8
example: SELECT custseg.create_audience_view(''winback'', ''shop'', ''customers'', ''{2}'', ''{"columns": ["channel"]}'')';

CREATE FUNCTION custseg_private.audience_sizes(audience text, OUT segment int, OUT n bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_audience_sizes'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg_private.audience_sizes IS 'Counts the customers of each segment in an audience, as the caller.';

CREATE FUNCTION custseg_private.require_experiment(experiment text) RETURNS text
AS 'MODULE_PATHNAME', 'custseg_require_experiment'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.require_experiment IS 'Returns the name of an experiment, or raises an error where there is none that the caller may see.';

CREATE FUNCTION custseg_private.experiment_rows(
    experiment text,
    source text,
    OUT customer text,
    OUT covariates float8[]
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_experiment_rows'
LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg_private.experiment_rows IS 'Reads ids and covariates of the customers of a source, as the caller, who owns the model.';

CREATE FUNCTION custseg.experiment_health(
    experiment text,
    source text DEFAULT NULL,
    OUT kind text,
    OUT subject text,
    OUT n bigint,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT p_adjusted float8,
    OUT verdict text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000 ROWS 20
BEGIN ATOMIC
    WITH e AS MATERIALIZED (
        SELECT e.*
        FROM custseg_private.require_experiment(experiment_health.experiment) AS r
        -- from the left, so that it is looked for whatever a role can see
        LEFT JOIN custseg.experiment AS e ON e.experiment = r
    ), arm AS MATERIALIZED (
        -- what share of the customers a variant should have
        SELECT a.variant_number, a.variant,
            CASE a.assignment WHEN 'bucket' THEN floor(10000 * a.upto / a.total) - floor(10000 * (a.upto - a.weight) / a.total) ELSE a.weight END AS share
        FROM (
            SELECT v.*, e.assignment, sum(v.weight) OVER (ORDER BY v.variant_number) AS upto, sum(v.weight) OVER () AS total
            FROM e
            JOIN custseg.experiment_variant AS v ON v.experiment = e.experiment
        ) AS a
    ), counted AS MATERIALIZED (
        SELECT k.segment, k.variant_number, sum(k.n)::bigint AS n
        FROM e
        JOIN custseg.enrolment_count AS k ON k.experiment = e.experiment
        GROUP BY 1, 2
    ), mismatch AS (
        -- of everybody, and then of each segment
        SELECT t.segment, r.*, CASE WHEN t.segment IS NULL THEN r.p_value END AS p_adjusted
        FROM (
            SELECT s.segment, array_agg(coalesce(c.n, 0) ORDER BY a.variant_number) AS counts, array_agg(a.share ORDER BY a.variant_number) AS weights
            FROM (SELECT DISTINCT c.segment FROM counted AS c UNION ALL SELECT NULL) AS s
            CROSS JOIN arm AS a
            LEFT JOIN (
                SELECT c.segment, c.variant_number, c.n FROM counted AS c
                UNION ALL
                SELECT NULL, c.variant_number, sum(c.n)::bigint FROM counted AS c GROUP BY 2
            ) AS c ON c.segment IS NOT DISTINCT FROM s.segment AND c.variant_number = a.variant_number
            GROUP BY 1
        ) AS t
        CROSS JOIN LATERAL custseg.srm_test(t.counts, t.weights) AS r
    ), adjusted AS (
        SELECT u.segment, u.p
        FROM (SELECT array_agg(m.segment ORDER BY m.segment) AS segments, custseg.holm(array_agg(m.p_value ORDER BY m.segment)) AS p FROM mismatch AS m WHERE m.segment IS NOT NULL) AS l
        CROSS JOIN LATERAL ROWS FROM (unnest(l.segments), unnest(l.p)) AS u (segment, p)
    ), person AS MATERIALIZED (
        -- grouped, not joined: before statistics know the enrolments, the planner expects one, and would look for each in all others
        SELECT p.customer, min(p.variant_number) AS variant_number, count(*) FILTER (WHERE p.is_seen) AS times, min(p.covariates) AS covariates
        FROM (
            SELECT n.customer, n.variant_number, false AS is_seen, NULL::float8[] AS covariates
            FROM e
            JOIN custseg.enrolment AS n ON n.experiment = e.experiment
            WHERE experiment_health.source IS NOT NULL
            UNION ALL
            SELECT r.customer COLLATE "C", NULL, true, r.covariates
            FROM e
            CROSS JOIN LATERAL custseg_private.experiment_rows(e.experiment, experiment_health.source) AS r
        ) AS p
        GROUP BY 1
    ), seen AS (
        SELECT p.customer, p.times, p.variant_number IS NOT NULL AS is_enrolled FROM person AS p WHERE p.times > 0
    ), enrolled AS (
        SELECT p.customer, p.variant_number, p.times > 0 AS is_seen, p.covariates FROM person AS p WHERE p.variant_number IS NOT NULL
    ), kept AS (
        SELECT a.variant_number, count(n.customer) AS n, count(*) FILTER (WHERE n.is_seen) AS n_seen
        FROM arm AS a
        LEFT JOIN enrolled AS n ON n.variant_number = a.variant_number
        GROUP BY 1
    ), attrition AS (
        -- where Pearson's test is too rough: Fisher's of each variant against the others
        SELECT c.n, c.n_lost, c.t, CASE WHEN (c.t).n_low_expected = 0 THEN (c.t).p_value ELSE least(1, f.p) END AS p
        FROM (
            SELECT count(*) AS n, count(*) FILTER (WHERE NOT n.is_seen) AS n_lost, custseg.chi_square_test(n.is_seen::text, n.variant_number::text) AS t
            FROM enrolled AS n
        ) AS c
        CROSS JOIN (
            SELECT CASE WHEN count(*) = 2 THEN 1 ELSE count(*) END * min(custseg.fisher_exact(k.n_seen, k.n, (s.n_seen - k.n_seen)::bigint, (s.n - k.n)::bigint)) AS p
            FROM kept AS k
            CROSS JOIN (SELECT sum(k.n) AS n, sum(k.n_seen) AS n_seen FROM kept AS k) AS s
        ) AS f
    ), covariate AS (
        SELECT DISTINCT ON (m.covariate) m.covariate, m.place
        FROM (
            SELECT m.covariate, row_number() OVER (ORDER BY m.position) AS place
            FROM e
            JOIN custseg.experiment_metric AS m ON m.experiment = e.experiment
            WHERE m.covariate IS NOT NULL
        ) AS m
        ORDER BY 1, 2
    ), balance AS (
        SELECT c.covariate, custseg.anova(n.covariates[c.place], n.variant_number) AS t
        FROM covariate AS c
        CROSS JOIN enrolled AS n
        WHERE n.covariates[c.place] IS NOT NULL
        GROUP BY 1
    ), balanced AS (
        SELECT u.covariate, u.p
        FROM (
            SELECT array_agg(b.covariate ORDER BY b.covariate) AS covariates, custseg.holm(array_agg((b.t).welch_p_value ORDER BY b.covariate)) AS p
            FROM balance AS b
            WHERE (b.t).welch_p_value IS NOT NULL
        ) AS l
        CROSS JOIN LATERAL ROWS FROM (unnest(l.covariates), unnest(l.p)) AS u (covariate, p)
    ), overlap AS (
        SELECT o.experiment, count(*) AS n, custseg.chi_square_test(o.variant_here::text, o.variant_number::text) AS t
        FROM (
            SELECT n.experiment, n.experiment = e.experiment AS is_here, n.variant_number,
                min(n.variant_number) FILTER (WHERE n.experiment = e.experiment) OVER (PARTITION BY n.customer) AS variant_here
            FROM e
            CROSS JOIN custseg.enrolment AS n
            WHERE e.ended_at IS NULL AND n.experiment IN (SELECT x.experiment FROM custseg.experiment AS x WHERE x.ended_at IS NULL)
        ) AS o
        WHERE NOT o.is_here AND o.variant_here IS NOT NULL
        GROUP BY 1
    )
    SELECT f.kind, f.subject, f.n, f.statistic, f.df, f.p_value, f.p_adjusted, f.verdict, f.reason
    FROM (
        SELECT 1 AS place, 'mismatch' AS kind, coalesce('segment ' || m.segment, '(all)') AS subject, m.n, m.statistic, m.df, m.p_value, coalesce(m.p_adjusted, a.p) AS p_adjusted,
            CASE WHEN m.rating = 'insufficient data' THEN m.rating WHEN coalesce(m.p_adjusted, a.p) < 0.001 THEN 'broken' ELSE 'ok' END AS verdict,
            CASE WHEN m.rating = 'mismatch' AND coalesce(m.p_adjusted, a.p) >= 0.001 THEN 'the ratio is one that chance gives, as many segments as are looked at' ELSE m.reason END AS reason,
            m.segment AS number
        FROM mismatch AS m
        LEFT JOIN adjusted AS a ON a.segment = m.segment
        UNION ALL
        SELECT 2, 'attrition', '(all)', a.n, (a.t).statistic, (a.t).df, a.p, a.p,
            CASE WHEN a.n_lost = a.n THEN 'insufficient data' WHEN a.n_lost = 0 THEN 'ok' WHEN a.p < 0.001 THEN 'broken' WHEN a.p IS NULL OR (a.t).n_low_expected > 0 THEN 'insufficient data' ELSE 'ok' END,
            CASE WHEN a.n_lost = a.n THEN 'nobody who is enrolled is in the source' WHEN a.n_lost = 0 THEN 'everybody who is enrolled is in the source' ELSE (
                SELECT string_agg(format('%s of %s of %s', s.n_seen, s.n, s.variant), ', ' ORDER BY s.variant_number) || ' are in the source'
                    || CASE WHEN a.p < 0.001 THEN ': more are lost from one variant than from another, so that those who are left cannot be compared' ELSE '' END
                FROM (
                    SELECT v.variant_number, v.variant, count(n.customer) AS n, count(n.customer) FILTER (WHERE n.is_seen) AS n_seen
                    FROM arm AS v
                    LEFT JOIN enrolled AS n ON n.variant_number = v.variant_number
                    GROUP BY 1, 2
                ) AS s
            ) END, NULL
        FROM attrition AS a
        WHERE experiment_health.source IS NOT NULL
        UNION ALL
        SELECT 3, 'balance', c.covariate, (b.t).n, (b.t).welch_f, (b.t).welch_df, (b.t).welch_p_value, p.p,
            CASE WHEN p.p IS NULL THEN 'insufficient data' WHEN p.p < 0.001 THEN 'broken' WHEN p.p < 0.05 THEN 'watch' ELSE 'ok' END,
            CASE WHEN p.p IS NULL THEN 'too few customers have a value, or it does not vary'
                WHEN p.p < 0.05 THEN format('means of %s differ between variants before anything was done', c.covariate)
                ELSE format('means of %s are those that chance gives', c.covariate) END, NULL
        FROM covariate AS c
        LEFT JOIN balance AS b ON b.covariate = c.covariate
        LEFT JOIN balanced AS p ON p.covariate = c.covariate
        WHERE experiment_health.source IS NOT NULL
        UNION ALL
        SELECT 4, 'duplicates', '(all)', d.n, NULL, NULL, NULL, NULL, CASE WHEN d.n = 0 THEN 'ok' WHEN d.is_lines THEN 'watch' ELSE 'broken' END,
            CASE WHEN d.n = 0 THEN 'nobody is in the source more than once'
                ELSE format('customers who are in the source more than once: %s, such as %s', d.n, d.customer) || CASE WHEN d.is_lines THEN ', as in lines of orders' ELSE '' END END, NULL
        FROM (
            SELECT count(*) AS n, min(s.customer) AS customer,
                (SELECT bool_and(m.outcome_window IS NOT NULL) FROM e JOIN custseg.experiment_metric AS m ON m.experiment = e.experiment) AS is_lines
            FROM seen AS s
            WHERE s.times > 1
        ) AS d
        WHERE experiment_health.source IS NOT NULL
        UNION ALL
        SELECT 5, 'strangers', '(all)', s.n, NULL, NULL, NULL, NULL, CASE WHEN s.n = 0 THEN 'ok' ELSE 'watch' END,
            CASE WHEN s.n = 0 THEN 'everybody in the source is enrolled' ELSE format('customers of the source who are not enrolled, and are left out: %s, such as %s', s.n, s.customer) END, NULL
        FROM (
            SELECT count(*) AS n, min(s.customer) AS customer
            FROM seen AS s
            WHERE NOT s.is_enrolled
        ) AS s
        WHERE experiment_health.source IS NOT NULL
        UNION ALL
        SELECT 6, 'overlap', 'experiment ' || o.experiment, o.n, (o.t).statistic, (o.t).df, (o.t).p_value, (o.t).p_value,
            CASE WHEN (o.t).p_value < 0.001 THEN 'broken' ELSE 'watch' END,
            CASE WHEN (o.t).p_value < 0.001 THEN format('customers who are in experiment %s, too: %s; their variants there go with those here, so that what is seen may be the effect of either', o.experiment, o.n)
                ELSE format('customers who are in experiment %s, too: %s', o.experiment, o.n) END, NULL
        FROM overlap AS o
    ) AS f
    ORDER BY f.place, f.number NULLS FIRST, f.subject;
END;

COMMENT ON FUNCTION custseg.experiment_health IS 'Tells whether an experiment can be believed: variants filled in the ratio that was meant, as many lost from one as from another, covariates balanced, nobody twice, strangers, and customers of other experiments.
topic: experiments 34
example: SELECT * FROM custseg.experiment_health(''welcome'', ''customers'')';

CREATE FUNCTION custseg.end_experiment(experiment text, reason text DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_end_experiment'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.end_experiment IS 'Ends an experiment: nobody is enrolled any more, and its place in a layer is free.
topic: experiments 38
example: SELECT custseg.end_experiment(''welcome'', ''the offer is over'')';

CREATE FUNCTION custseg.drop_experiment(experiment text) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_drop_experiment'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.drop_experiment IS 'Drops an experiment that does not run, with its enrolments and looks.
topic: experiments 39
example: SELECT custseg.drop_experiment(''farewell'')';

CREATE FUNCTION custseg.experiment_results(
    experiment text,
    source text,
    id text DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS SETOF custseg.experiment_results_result
AS 'MODULE_PATHNAME', 'custseg_experiment_results'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 50;

COMMENT ON FUNCTION custseg.experiment_results IS 'Shows what the outcomes of an experiment say of each metric, variant and segment, with intervals that hold however often one looks; it keeps nothing and decides nothing.
topic: experiments 35
example: SELECT metric, segment, difference, low, high, verdict, reason FROM custseg.experiment_results(''welcome'', ''customers'')';

CREATE FUNCTION custseg.look(
    experiment text,
    source text,
    id text DEFAULT NULL,
    options jsonb DEFAULT '{}'
) RETURNS custseg.experiment_look
AS 'MODULE_PATHNAME', 'custseg_look'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.look IS 'Looks at the outcomes of an experiment, keeps what they say in experiment_look and experiment_look_metric, and decides: launch, iterate, stop or keep running.
topic: experiments 36
example: SELECT verdict, reason FROM custseg.look(''welcome'', ''customers'')';

CREATE FUNCTION custseg.effect_over_time(
    experiment text,
    source text,
    metric text DEFAULT NULL,
    period interval DEFAULT '7 days',
    n_periods int DEFAULT 4,
    as_of timestamptz DEFAULT NULL,
    id text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT variant text,
    OUT period_number int,
    OUT n_control bigint,
    OUT n_treatment bigint,
    OUT mean_control float8,
    OUT mean_treatment float8,
    OUT difference float8,
    OUT standard_error float8,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT low float8,
    OUT high float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_effect_over_time'
LANGUAGE C STABLE PARALLEL UNSAFE ROWS 10;

COMMENT ON FUNCTION custseg.effect_over_time IS 'Shows the effect of an experiment by periods since each customer''s enrolment, and tests whether it wears off or grows.
topic: experiments 37
example: SELECT period_number, difference, low, high, rating, reason FROM custseg.effect_over_time(''welcome'', ''SELECT customer AS id, at, amount AS monetary FROM orders'', options => ''{"time": "at"}'')';

CREATE FUNCTION custseg.experiment_bucket(salt text, customer text) RETURNS int
AS 'MODULE_PATHNAME', 'custseg_experiment_bucket'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg.experiment_bucket IS 'Returns the bucket of a customer, 0 to 9999, by SHA-256 of a salt and the customer''s id: the same at any time, on any server.
topic: experiments 4
example: SELECT c.id, custseg.experiment_bucket(''spring:variant'', c.id::text) < 5000 AS is_treatment FROM customers c';

CREATE FUNCTION custseg_private.proportion_accum(state bytea, success bool, is_treatment bool) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_proportion_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.proportion_accum IS 'Transition function of proportion_test().';

CREATE FUNCTION custseg_private.proportion_test_final(state bytea) RETURNS custseg.proportion_test_result
AS 'MODULE_PATHNAME', 'custseg_proportion_test_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.proportion_test_final IS 'Final function of proportion_test().';

CREATE FUNCTION custseg_private.arm_moments_accum(state bytea, value float8, is_treatment bool) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_arm_moments_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.arm_moments_accum IS 'Transition function of welch_test().';

CREATE FUNCTION custseg_private.welch_test_final(state bytea) RETURNS custseg.mean_test_result
AS 'MODULE_PATHNAME', 'custseg_welch_test_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.welch_test_final IS 'Final function of welch_test().';

CREATE FUNCTION custseg_private.ratio_accum(state bytea, numerator float8, denominator float8, is_treatment bool) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_ratio_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.ratio_accum IS 'Transition function of ratio_test().';

CREATE FUNCTION custseg_private.cuped_accum(state bytea, value float8, covariate float8, is_treatment bool) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_cuped_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.cuped_accum IS 'Transition function of cuped_test().';

CREATE FUNCTION custseg_private.paired_arms_combine(state bytea, other bytea) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_paired_arms_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.paired_arms_combine IS 'Combine function of ratio_test() and cuped_test().';

CREATE FUNCTION custseg_private.ratio_test_final(state bytea) RETURNS custseg.mean_test_result
AS 'MODULE_PATHNAME', 'custseg_ratio_test_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.ratio_test_final IS 'Final function of ratio_test().';

CREATE FUNCTION custseg_private.cuped_test_final(state bytea) RETURNS custseg.cuped_test_result
AS 'MODULE_PATHNAME', 'custseg_cuped_test_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.cuped_test_final IS 'Final function of cuped_test().';

CREATE AGGREGATE custseg.proportion_test(success bool, is_treatment bool) (
    SFUNC = custseg_private.proportion_accum,
    STYPE = bytea,
    SSPACE = 512,
    FINALFUNC = custseg_private.proportion_test_final,
    COMBINEFUNC = custseg_private.agreement_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.proportion_test(bool, bool) IS 'Tests whether two arms convert alike: difference with interval, p-value, lift with interval.
topic: experiments 10
example: SELECT (custseg.proportion_test(monetary > 200, id % 2 = 0)).* FROM customers';

CREATE AGGREGATE custseg.welch_test(value float8, is_treatment bool) (
    SFUNC = custseg_private.arm_moments_accum,
    STYPE = bytea,
    SSPACE = 512,
    FINALFUNC = custseg_private.welch_test_final,
    COMBINEFUNC = custseg_private.group_moments_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.welch_test(float8, bool) IS 'Tests whether two arms have the same mean: Welch''s test, lift with interval.
topic: experiments 12
example: SELECT (custseg.welch_test(monetary, id % 2 = 0)).* FROM customers';

CREATE AGGREGATE custseg.ratio_test(numerator float8, denominator float8, is_treatment bool) (
    SFUNC = custseg_private.ratio_accum,
    STYPE = bytea,
    SSPACE = 512,
    FINALFUNC = custseg_private.ratio_test_final,
    COMBINEFUNC = custseg_private.paired_arms_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.ratio_test(float8, float8, bool) IS 'Tests whether two arms have the same ratio of sums, such as revenue an order, where customers were drawn (delta method).
topic: experiments 14
example: SELECT (custseg.ratio_test(monetary, frequency, id % 2 = 0)).* FROM customers';

CREATE FUNCTION custseg_private.outcome_accum(state bytea, value float8, partner float8, metric text) RETURNS bytea
AS 'MODULE_PATHNAME', 'custseg_outcome_accum'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.outcome_accum IS 'Transition function of outcome_moments().';

CREATE AGGREGATE custseg_private.outcome_moments(value float8, partner float8, metric text) (
    SFUNC = custseg_private.outcome_accum,
    STYPE = bytea,
    SSPACE = 512,
    COMBINEFUNC = custseg_private.paired_arms_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg_private.outcome_moments(float8, float8, text) IS 'Moments of a metric, with its denominator or covariate, of the customers of one variant.';

CREATE FUNCTION custseg_private.outcome_of_nobody(is_nobody bool) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_outcome_of_nobody'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.outcome_of_nobody IS 'Raises an error of an outcome without a customer.';

CREATE AGGREGATE custseg.cuped_test(value float8, covariate float8, is_treatment bool) (
    SFUNC = custseg_private.cuped_accum,
    STYPE = bytea,
    SSPACE = 512,
    FINALFUNC = custseg_private.cuped_test_final,
    COMBINEFUNC = custseg_private.paired_arms_combine,
    PARALLEL = SAFE
);

COMMENT ON AGGREGATE custseg.cuped_test(float8, float8, bool) IS 'Tests whether two arms have the same mean of a value, less what a covariate from before the experiment tells of it (CUPED).
topic: experiments 15
example: SELECT (custseg.cuped_test(monetary, frequency, id % 2 = 0)).* FROM customers';

-- return and budget

CREATE FUNCTION custseg.roi(
    n float8,
    effect float8,
    standard_error float8 DEFAULT NULL,
    margin float8 DEFAULT 1,
    fixed_cost float8 DEFAULT 0,
    cost_per_customer float8 DEFAULT 0,
    n_periods int DEFAULT 1,
    rate float8 DEFAULT 0,
    decay float8 DEFAULT 0,
    confidence float8 DEFAULT 0.95,
    OUT incremental_margin float8,
    OUT cost float8,
    OUT profit float8,
    OUT roi float8,
    OUT low float8,
    OUT high float8,
    OUT break_even_effect float8,
    OUT payback_periods int,
    OUT annuity float8,
    OUT p_pays float8
)
AS 'MODULE_PATHNAME', 'custseg_roi'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg.roi IS 'Computes the return of a campaign from the effect of an experiment, with its interval, the effect that breaks even, and when it has paid back.
topic: budget 1
example: SELECT * FROM custseg.roi(40000, 0.8, 0.2, margin => 0.35, fixed_cost => 20000, cost_per_customer => 0.5, n_periods => 12)';

CREATE FUNCTION custseg.campaign_roi(
    source text,
    options jsonb DEFAULT '{}',
    OUT campaign text,
    OUT segment int,
    OUT name text,
    OUT n bigint,
    OUT incremental_margin float8,
    OUT cost float8,
    OUT profit float8,
    OUT roi float8,
    OUT low float8,
    OUT high float8,
    OUT break_even_effect float8,
    OUT payback_periods int,
    OUT annuity float8,
    OUT p_pays float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_campaign_roi'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.campaign_roi IS 'Computes the return of a campaign in each segment, and in all together, from rows with customers, effects and standard errors.
topic: budget 2
example: SELECT * FROM custseg.campaign_roi(''SELECT segment, count(*) AS n, 0.8 AS effect, 0.2 AS standard_error FROM customers WHERE segment IS NOT NULL GROUP BY segment'', ''{"margin": 0.35, "fixed_cost": 40, "n_periods": 12}'')';

CREATE FUNCTION custseg.what_if(
    model text,
    baseline text,
    scenarios jsonb,
    options jsonb DEFAULT '{}',
    OUT scenario text,
    OUT segment int,
    OUT name text,
    OUT baseline_value float8,
    OUT scenario_value float8,
    OUT change float8,
    OUT change_share float8,
    OUT cost float8,
    OUT net_change float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_what_if'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.what_if IS 'Computes what each segment, and all together, are worth under scenarios: more customers, more orders, another price, a season, less churn.
topic: budget 3
example: SELECT * FROM custseg.what_if(''shop'', ''SELECT segment, count(*) AS n, 0.25 AS orders, 60 AS average_order, 0.4 AS margin, 0.03 AS churn FROM customers WHERE segment IS NOT NULL GROUP BY segment'', ''[{"name": "dearer", "price": 0.05, "elasticity": -1.5}, {"name": "launch", "orders": 0.1, "cost": 500}]'')';

CREATE FUNCTION custseg.tornado(
    model text,
    baseline text,
    levers jsonb,
    options jsonb DEFAULT '{}',
    OUT lever text,
    OUT low_input float8,
    OUT high_input float8,
    OUT low_change float8,
    OUT high_change float8,
    OUT swing float8,
    OUT baseline_value float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_tornado'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.tornado IS 'Computes how much each assumption matters for what the segments are worth, one lever at a time, the widest swing first.
topic: budget 4
example: SELECT * FROM custseg.tornado(''shop'', ''SELECT segment, count(*) AS n, 0.25 AS orders, 60 AS average_order, 0.4 AS margin, 0.03 AS churn FROM customers WHERE segment IS NOT NULL GROUP BY segment'', ''{"n": [-0.1, 0.2], "churn": [-0.01, 0.01]}'')';

CREATE FUNCTION custseg.response_curve(
    source text,
    spend text,
    response text,
    by_segment text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT segment int,
    OUT name text,
    OUT curve text,
    OUT a float8,
    OUT b float8,
    OUT c float8,
    OUT a_error float8,
    OUT b_error float8,
    OUT c_error float8,
    OUT intercept float8,
    OUT intercept_error float8,
    OUT n bigint,
    OUT rss float8,
    OUT r2 float8,
    OUT aic float8,
    OUT chosen bool,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_response_curve'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.response_curve IS 'Fits curves of response to what was spent and what came of it, by segment, and says which explains the rows best, or that they do not tell.
topic: budget 5
example: SELECT * FROM custseg.response_curve(''SELECT 10 * i AS spent, 200 * (1 - exp(-i / 9.0)) + i % 3 AS revenue FROM generate_series(1, 30) i'', ''spent'', ''revenue'')';

CREATE FUNCTION custseg.allocate_budget(
    curves text,
    budget float8,
    options jsonb DEFAULT '{}',
    OUT segment int,
    OUT name text,
    OUT curve text,
    OUT n_units int,
    OUT spend float8,
    OUT budget_share float8,
    OUT response float8,
    OUT marginal_return float8,
    OUT last_unit_return float8,
    OUT next_unit_return float8,
    OUT continuous_spend float8,
    OUT proportional_spend float8,
    OUT equal_spend float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_allocate_budget'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.allocate_budget IS 'Divides a budget between segments so that their responses to spending add up to the most, in whole units, within bounds, also where responses are S-shaped or points.
topic: budget 6
example: SELECT * FROM custseg.allocate_budget(''SELECT i AS segment, ''''exp'''' AS curve, 900 AS a, 300 * i AS b FROM generate_series(1, 3) i'', 1000)';

CREATE FUNCTION custseg.budget_summary(
    curves text,
    budget float8,
    options jsonb DEFAULT '{}',
    OUT split text,
    OUT spend float8,
    OUT response float8,
    OUT profit float8,
    OUT average_return float8,
    OUT marginal_return float8,
    OUT share_of_best float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_budget_summary'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.budget_summary IS 'Compares the best split of a budget in whole units with that of any amounts, with one in proportion to the responses, and with equal parts.
topic: budget 7
example: SELECT * FROM custseg.budget_summary(''SELECT i AS segment, ''''exp'''' AS curve, 900 AS a, 300 * i AS b FROM generate_series(1, 3) i'', 1000)';

-- who is in a segment

CREATE FUNCTION custseg.segment_profile(
    model text,
    source text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT column_name text,
    OUT kind text,
    OUT is_feature bool,
    OUT level text,
    OUT n bigint,
    OUT null_share float8,
    OUT share float8,
    OUT mean float8,
    OUT median float8,
    OUT standard_deviation float8,
    OUT minimum float8,
    OUT first_quartile float8,
    OUT third_quartile float8,
    OUT maximum float8,
    OUT percentile float8,
    OUT overall_mean float8,
    OUT difference float8,
    OUT ratio float8,
    OUT rank int
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_segment_profile'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION custseg.segment_profile IS 'Describes the customers of each segment: the columns of a source, which may be features or not, summarized by segment and ranked by their distance from all customers.
topic: segments 3
example: SELECT * FROM custseg.segment_profile(''shop'', ''customers'')';

CREATE FUNCTION custseg.segment_summary(
    model text,
    source text DEFAULT NULL,
    value text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT n bigint,
    OUT share float8,
    OUT n_overridden bigint,
    OUT total_value float8,
    OUT value_share float8,
    OUT value_per_customer float8,
    OUT description text,
    OUT suggested_name text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_segment_summary'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.segment_summary IS 'Summarizes each segment: its size, its share of a value, a sentence about what distinguishes it, and a suggested name.
topic: segments 1
example: SELECT * FROM custseg.segment_summary(''shop'')';

CREATE FUNCTION custseg.feature_importance(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT rank int,
    OUT feature text,
    OUT kind text,
    OUT importance float8,
    OUT importance_error float8,
    OUT eta_squared float8,
    OUT cramers_v float8,
    OUT n bigint,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_feature_importance'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.feature_importance IS 'Tells which features determine the segment: the share of customers who change segment when a feature is shuffled, and how much the segments differ in the feature.
topic: segments 4
example: SELECT * FROM custseg.feature_importance(''shop'')';

CREATE FUNCTION custseg.split_stability(
    model text,
    source text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT column_name text,
    OUT level text,
    OUT n_a bigint,
    OUT n_b bigint,
    OUT value_a float8,
    OUT value_b float8,
    OUT relative_gap float8,
    OUT standard_gap float8,
    OUT expected_gap float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_split_stability'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg.split_stability IS 'Tells how well the means and shares of each segment are known, by what two random halves of the customers tell of them, and how many more customers it takes.
topic: segments 6
example: SELECT * FROM custseg.split_stability(''shop'')';

CREATE FUNCTION custseg.boxplot(
    model text,
    source text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT column_name text,
    OUT n bigint,
    OUT minimum float8,
    OUT low_whisker float8,
    OUT first_quartile float8,
    OUT median float8,
    OUT third_quartile float8,
    OUT high_whisker float8,
    OUT maximum float8,
    OUT mean float8,
    OUT n_outliers bigint
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_boxplot'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg.boxplot IS 'Returns data for box plots: quartiles, whiskers and outliers of each numeric column in each segment.
topic: segments 9
example: SELECT * FROM custseg.boxplot(''shop'')';

CREATE FUNCTION custseg.radar(
    model text,
    source text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT column_name text,
    OUT level text,
    OUT segment_mean float8,
    OUT scaled float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_radar'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg.radar IS 'Returns data for a radar chart: one axis for each numeric column or level, on which each segment has a position between 0 and 1.
topic: segments 10
example: SELECT * FROM custseg.radar(''shop'')';

CREATE FUNCTION custseg.heatmap(
    model text,
    source text DEFAULT NULL,
    columns text[] DEFAULT NULL,
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT column_name text,
    OUT level text,
    OUT segment_mean float8,
    OUT overall_mean float8,
    OUT difference float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_heatmap'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg.heatmap IS 'Returns data for a heat map: how far each segment is from all customers in each numeric column or level, in standard deviations.
topic: segments 11
example: SELECT * FROM custseg.heatmap(''shop'')';

-- rules
--
CREATE FUNCTION custseg.rules(
    model text,
    version int DEFAULT NULL,
    OUT rule int,
    OUT segment int,
    OUT name text,
    OUT condition text,
    OUT scores text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_rules'
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 20;

COMMENT ON FUNCTION custseg.rules IS 'Lists the rules of a rule model in words, in the order in which they are tried: the first rule that holds decides. The scores that a rule speaks of are told with their cut points.
topic: rules 1
example: SELECT * FROM custseg.rules(''value'')';

CREATE FUNCTION custseg.rule_options(
    model text,
    version int
) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH asked AS (
        SELECT v.options, v.parameters FROM custseg.model_version v
        WHERE v.model = rule_options.model AND v.version = rule_options.version
    ), entry AS (
        SELECT e.entry, e.position, pg_catalog.row_number() OVER (PARTITION BY e.entry ? 'when' ORDER BY e.position) AS rule
        FROM asked, LATERAL pg_catalog.jsonb_array_elements(asked.options -> 'segments') WITH ORDINALITY e (entry, position)
    ), numbered AS (
        SELECT e.entry ->> 'name' AS name, (asked.parameters -> 'rules' ->> (e.rule - 1)::int)::int AS segment
        FROM entry e, asked WHERE e.entry ? 'when'
        UNION
        SELECT asked.options ->> 'else', (asked.parameters -> 'rules' ->> -1)::int FROM asked
    ), named AS (
        SELECT DISTINCT n.name AS was, s.name FROM numbered n
        JOIN custseg.segment s ON s.model = rule_options.model AND s.version = rule_options.version AND s.segment = n.segment
    )
    SELECT asked.options || pg_catalog.jsonb_build_object(
        'segments', (SELECT pg_catalog.jsonb_agg(e.entry || pg_catalog.jsonb_build_object('name', n.name) ORDER BY e.position)
                     FROM entry e JOIN named n ON n.was = e.entry ->> 'name'),
        'else', (SELECT n.name FROM named n WHERE n.was = asked.options ->> 'else'))
    FROM asked;
END;

COMMENT ON FUNCTION custseg.rule_options IS 'Returns the options with which a version of a rule model was trained, with the present names of its segments, to change and train again.
topic: rules 4
example: SELECT custseg.rule_options(''value'', 1)';

CREATE FUNCTION custseg.recalibrate(
    model text,
    source text DEFAULT NULL,
    OUT version int,
    OUT segment int,
    OUT name text,
    OUT condition text,
    OUT n_before bigint,
    OUT n_after bigint,
    OUT moved_out bigint,
    OUT moved_in bigint
) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 20
AS $$
#variable_conflict use_column
DECLARE
    was custseg.model_version;
    candidate int;
BEGIN
    IF recalibrate.model IS NULL THEN
        RAISE EXCEPTION '"model" must not be NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    -- an error unless there is a deployed version of rules that the caller may use
    PERFORM FROM custseg.rules(recalibrate.model);
    SELECT v.* INTO STRICT was FROM custseg.model m
    JOIN custseg.model_version v ON v.model OPERATOR(pg_catalog.=) m.name AND v.version OPERATOR(pg_catalog.=) m.deployed_version
    WHERE m.name OPERATOR(pg_catalog.=) recalibrate.model;
    SELECT t.version INTO candidate FROM custseg.retrain(was.model, source, deploy => false) t;
    RETURN QUERY
    WITH pair AS MATERIALIZED (
        SELECT c.* FROM custseg.compare_versions_segments(was.model, was.version, candidate, source) c
    )
    SELECT candidate, s.segment, s.name, r.condition, m.n_before, m.n_after, m.moved_out, m.moved_in
    FROM custseg.segment s
    LEFT JOIN LATERAL (
        SELECT pg_catalog.string_agg(r.condition, '; or ' ORDER BY r.rule) AS condition
        FROM custseg.rules(was.model, candidate) r WHERE r.segment OPERATOR(pg_catalog.=) s.segment) r ON true
    LEFT JOIN LATERAL (
        SELECT coalesce(pg_catalog.sum(p.n) FILTER (WHERE p.segment_a OPERATOR(pg_catalog.=) s.segment), 0)::bigint AS n_before,
               coalesce(pg_catalog.sum(p.n) FILTER (WHERE p.segment_b OPERATOR(pg_catalog.=) s.segment), 0)::bigint AS n_after,
               coalesce(pg_catalog.sum(p.n) FILTER (WHERE p.segment_a OPERATOR(pg_catalog.=) s.segment AND p.moved), 0)::bigint AS moved_out,
               coalesce(pg_catalog.sum(p.n) FILTER (WHERE p.segment_b OPERATOR(pg_catalog.=) s.segment AND p.moved), 0)::bigint AS moved_in
        FROM pair p) m ON true
    WHERE s.model OPERATOR(pg_catalog.=) was.model AND s.version OPERATOR(pg_catalog.=) candidate
    ORDER BY s.segment;
END $$;

COMMENT ON FUNCTION custseg.recalibrate IS 'Trains a rule model again with its percentiles fitted to the present customers. The new version is not deployed, and the result shows for each segment how many customers it would move.
topic: rules 2
example: SELECT * FROM custseg.recalibrate(''value'')';

CREATE FUNCTION custseg.optimise_thresholds(
    model text,
    source text DEFAULT NULL,
    outcome text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT recommendation text,
    OUT reason text,
    OUT changes text[],
    OUT n_training bigint,
    OUT training_before float8,
    OUT training_after float8,
    OUT n_test bigint,
    OUT test_before float8,
    OUT test_after float8,
    OUT gain_low float8,
    OUT gain_high float8,
    OUT train_options jsonb
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_optimise_thresholds'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1;

COMMENT ON FUNCTION custseg.optimise_thresholds IS 'Finds borders of a rule model that separate the segments better in an outcome, or in all features; they are fitted on one half of the customers and judged on the other half.
topic: rules 3
example: SELECT * FROM custseg.optimise_thresholds(''value'')';


-- surrogate trees

CREATE FUNCTION custseg.surrogate(
    model text,
    source text DEFAULT NULL,
    features text[] DEFAULT NULL,
    max_depth int DEFAULT 4,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT leaf int,
    OUT condition text,
    OUT description text,
    OUT segment int,
    OUT name text,
    OUT n bigint,
    OUT coverage float8,
    OUT purity float8,
    OUT fidelity float8,
    OUT balanced_fidelity float8,
    OUT validated_fidelity float8,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_surrogate'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.surrogate IS 'Describes the segments of a model as rules: those of a small decision tree that imitates the model, with the number of rows that each rule covers and how often it is right.
topic: segments 7
example: SELECT * FROM custseg.surrogate(''shop'')';

CREATE FUNCTION custseg.surrogate_of_column(
    source text,
    target text,
    features text[] DEFAULT NULL,
    max_depth int DEFAULT 4,
    options jsonb DEFAULT '{}',
    OUT leaf int,
    OUT condition text,
    OUT description text,
    OUT segment int,
    OUT name text,
    OUT n bigint,
    OUT coverage float8,
    OUT purity float8,
    OUT fidelity float8,
    OUT balanced_fidelity float8,
    OUT validated_fidelity float8,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_surrogate_of_column'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.surrogate_of_column IS 'Describes the values of a column as rules: those of a small decision tree that predicts the values from other columns.
topic: segments 8
example: SELECT * FROM custseg.surrogate_of_column(''customers'', ''channel'', ''{recency,frequency,monetary}'')';

CREATE FUNCTION custseg.tree_rules(
    model text,
    version int DEFAULT NULL,
    OUT leaf int,
    OUT condition text,
    OUT description text,
    OUT segment int,
    OUT name text,
    OUT weight float8,
    OUT coverage float8,
    OUT purity float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_tree_rules'
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 10;

COMMENT ON FUNCTION custseg.tree_rules IS 'Lists the rules of a tree model, with the training rows of each rule.
topic: trees 1
example: SELECT * FROM custseg.tree_rules(''tree'')';

CREATE FUNCTION custseg.decision_path(
    model text,
    customer "any",
    version int DEFAULT NULL,
    OUT step int,
    OUT condition text,
    OUT feature text,
    OUT value text,
    OUT segment int,
    OUT name text,
    OUT weight float8,
    OUT coverage float8,
    OUT purity float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_decision_path'
LANGUAGE C STABLE PARALLEL SAFE COST 100 ROWS 5;

COMMENT ON FUNCTION custseg.decision_path IS 'Shows the path of a customer through a tree model: one question for each step, and the training rows that remain.
topic: trees 2
example: SELECT * FROM custseg.decision_path(''tree'', ''{"recency": 10, "frequency": 5, "monetary": 200}'')';

-- actions

CREATE FUNCTION custseg.set_action(model text, segment int, action jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_set_action'
LANGUAGE C;

COMMENT ON FUNCTION custseg.set_action IS 'Defines the action for the customers of a segment by a json object with columns of segment_action as keys. A given key replaces the present value, and null removes it.
topic: actions 1
example: SELECT custseg.set_action(''shop'', 1, ''{"channel": "email", "offer": "early access", "perk": "gift", "perk_capacity": 100}'')';

CREATE FUNCTION custseg.override_segment(
    model text,
    customer "any",
    segment int,
    reason text,
    until timestamptz DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_override_segment'
LANGUAGE C;

COMMENT ON FUNCTION custseg.override_segment IS 'Puts a customer, named by id, in a segment whatever the model says, for a given reason, forever or until a given time. Replaces an earlier override or exclusion of the customer.
topic: actions 3
example: SELECT custseg.override_segment(''shop'', 7, 2, ''key account'')';

CREATE FUNCTION custseg.exclude(
    model text,
    customer "any",
    reason text,
    until timestamptz DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_exclude'
LANGUAGE C;

COMMENT ON FUNCTION custseg.exclude IS 'Excludes a customer, named by id, from all segments of a model, or with model NULL of all models of the caller, for a given reason, forever or until a given time. Replaces an earlier override or exclusion of the customer.
topic: actions 4
example: SELECT custseg.exclude(''shop'', 8, ''objected to profiling'')';

CREATE FUNCTION custseg.end_override(model text, customer "any") RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_end_override'
LANGUAGE C;

COMMENT ON FUNCTION custseg.end_override IS 'Lets the model decide again for a customer who was overridden or excluded, or with model NULL for one who was excluded from all models of the caller. Returns false when there was nothing to end.
topic: actions 5
example: SELECT custseg.end_override(''shop'', 7)';

CREATE FUNCTION custseg.forget_customer(
    customer "any",
    OUT kind text,
    OUT model text,
    OUT experiment text,
    OUT version int,
    OUT n bigint,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_forget_customer'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;

COMMENT ON FUNCTION custseg.forget_customer IS 'Deletes what custseg keeps of a customer for the models of the caller: enrolments, outcomes and decisions; counts and an objection that is in force stay, and versions that keep values of rows are listed.
topic: actions 16
example: SELECT * FROM custseg.forget_customer(7)';

CREATE FUNCTION custseg.set_budget_shares(
    model text,
    curves text,
    budget float8,
    options jsonb DEFAULT '{}',
    OUT segment int,
    OUT budget_share float8
) RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT b.segment, b.budget_share
    FROM custseg.allocate_budget(set_budget_shares.curves, set_budget_shares.budget, set_budget_shares.options) AS b
    CROSS JOIN LATERAL custseg.set_action(set_budget_shares.model, b.segment, pg_catalog.jsonb_build_object('budget_share', b.budget_share)) AS s;
END;

COMMENT ON FUNCTION custseg.set_budget_shares IS 'Divides a budget as allocate_budget() does, and writes the share of each segment to the playbook, as set_action() would.
topic: budget 8
example: SELECT * FROM custseg.set_budget_shares(''shop'', ''SELECT segment, ''''exp'''' AS curve, count(*) AS a, 300 AS b FROM customers WHERE segment IS NOT NULL GROUP BY segment'', 1000)';

CREATE FUNCTION custseg.recommendations(
    model text,
    customer "any",
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT assigned_by text,
    OUT override_reason text,
    OUT description text,
    OUT tone text,
    OUT channel text,
    OUT offer text,
    OUT contact_frequency text,
    OUT products text[],
    OUT tactics text[],
    OUT primary_kpi text,
    OUT guardrail_kpi text,
    OUT perk text
) RETURNS record
AS 'MODULE_PATHNAME', 'custseg_recommendations'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.recommendations IS 'Returns the segment of one customer, with overrides honoured, and the action that set_action() keeps for the segment.
topic: actions 2
example: SELECT r.* FROM customers c, custseg.recommendations(''shop'', c) r WHERE c.id = 7';

CREATE FUNCTION custseg_private.count_words(n numeric) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_char(round(n), 'FM999,999,999,999,999,999,990');
END;

COMMENT ON FUNCTION custseg_private.count_words IS 'Returns a whole number as people read it, with commas.';

CREATE FUNCTION custseg_private.capacity_of(
    model text,
    version int,
    counts jsonb,
    OUT segment int,
    OUT name text,
    OUT n bigint,
    OUT n_overridden bigint,
    OUT n_excluded bigint,
    OUT perk text,
    OUT perk_capacity bigint,
    OUT excess bigint,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH counts AS (
        SELECT c.*
        FROM pg_catalog.jsonb_to_recordset(capacity_of.counts) AS c (segment int, n bigint, n_overridden bigint, n_excluded bigint)
    ), places AS (
        SELECT v.segment, v.name
        FROM custseg.segment AS v
        WHERE v.model = capacity_of.model
            AND v.version = coalesce(
                capacity_of.version,
                (SELECT m.deployed_version FROM custseg.model AS m WHERE m.name = capacity_of.model))
        UNION
        SELECT NULL, NULL WHERE EXISTS (SELECT FROM counts AS c WHERE c.segment IS NULL)
    )
    SELECT p.segment, p.name,
        coalesce(c.n, 0), coalesce(c.n_overridden, 0), coalesce(c.n_excluded, 0),
        a.perk, a.perk_capacity,
        GREATEST(coalesce(c.n, 0) - a.perk_capacity, 0),
        CASE
            WHEN a.perk_capacity IS NULL THEN 'no limit'
            WHEN coalesce(c.n, 0) > a.perk_capacity THEN 'over capacity'
            ELSE 'ok'
        END,
        CASE
            WHEN p.segment IS NULL THEN pg_catalog.concat(
                CASE c.n WHEN 1 THEN '1 customer is' ELSE pg_catalog.format('%s customers are', custseg_private.count_words(c.n)) END,
                ' in no segment',
                CASE c.n_excluded WHEN 0 THEN '' WHEN c.n THEN ', excluded by hand' ELSE pg_catalog.format(', %s of them excluded by hand', custseg_private.count_words(c.n_excluded)) END)
            WHEN a.perk_capacity IS NULL AND a.perk IS NULL THEN 'no perk is promised'
            WHEN a.perk_capacity IS NULL THEN 'the perk has no capacity set'
            WHEN coalesce(c.n, 0) > a.perk_capacity THEN pg_catalog.format('%s promised "%s", but only %s can have it', CASE c.n WHEN 1 THEN '1 customer is' ELSE pg_catalog.format('%s customers are', custseg_private.count_words(c.n)) END, a.perk, custseg_private.count_words(a.perk_capacity))
            ELSE pg_catalog.format('%s of %s are taken', custseg_private.count_words(coalesce(c.n, 0)), custseg_private.count_words(a.perk_capacity))
        END
    FROM places AS p
    LEFT JOIN counts AS c ON c.segment IS NOT DISTINCT FROM p.segment
    LEFT JOIN custseg.segment_action AS a ON a.model = capacity_of.model AND a.segment = p.segment
    ORDER BY p.segment NULLS LAST;
END;

COMMENT ON FUNCTION custseg_private.capacity_of IS 'Returns the rows of capacity_check() for customers that have been counted by segment, as objects of segment (null for none), n, n_overridden and n_excluded.';

CREATE FUNCTION custseg.capacity_check(
    model text,
    source text DEFAULT NULL,
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT n bigint,
    OUT n_overridden bigint,
    OUT n_excluded bigint,
    OUT perk text,
    OUT perk_capacity bigint,
    OUT excess bigint,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000 ROWS 10
BEGIN ATOMIC
    WITH counts AS MATERIALIZED (
        SELECT s.segment,
            pg_catalog.count(*) AS n,
            pg_catalog.count(*) FILTER (WHERE s.assigned_by = 'override') AS n_overridden,
            pg_catalog.count(*) FILTER (WHERE s.assigned_by = 'exclusion') AS n_excluded
        FROM custseg.score(capacity_check.model, capacity_check.source, capacity_check.version) AS s
        GROUP BY s.segment
    )
    SELECT r.*
    FROM custseg_private.capacity_of(capacity_check.model, capacity_check.version, (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c)) FROM counts AS c)) AS r;
END;

COMMENT ON FUNCTION custseg.capacity_check IS 'Compares the customers of a source in each segment, with overrides honoured, with the capacity of the perk that the segment is promised; one more row is for the customers in no segment.
topic: actions 6
example: SELECT * FROM custseg.capacity_check(''shop'')';

-- journeys

CREATE FUNCTION custseg.journey(
    source text,
    customer text,
    "time" text,
    step text,
    model text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT kind text,
    OUT from_step text,
    OUT to_step text,
    OUT is_loop bool,
    OUT n bigint,
    OUT n_from bigint,
    OUT n_undecided bigint,
    OUT share float8,
    OUT low float8,
    OUT high float8,
    OUT median_days float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_journey'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION custseg.journey IS 'Tells how customers go from step to step, by segment when a model is given: first steps, moves with their share and median time, those after which nothing comes within a horizon, and returns; rows that a Sankey diagram can draw.
topic: journeys 1
example: SELECT * FROM custseg.journey(''orders'', ''customer'', ''at'', ''product'', ''shop'')';

CREATE FUNCTION custseg.funnel(
    source text,
    customer text,
    "time" text,
    step text,
    steps text[],
    model text DEFAULT NULL,
    within interval DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT "position" int,
    OUT step_name text,
    OUT n bigint,
    OUT n_undecided bigint,
    OUT share float8,
    OUT low float8,
    OUT high float8,
    OUT step_share float8,
    OUT step_low float8,
    OUT step_high float8,
    OUT median_days float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_funnel'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION custseg.funnel IS 'Counts the customers who go through given steps in order, within a length of time from the first, by segment when a model is given: the share of those who began and of those at the step before, with intervals, and the median time.
topic: journeys 2
example: SELECT * FROM custseg.funnel(''orders'', ''customer'', ''at'', ''product'', ''{product 1,product 2}'', ''shop'', ''90 days'')';

CREATE FUNCTION custseg.paths(
    source text,
    customer text,
    "time" text,
    step text,
    model text DEFAULT NULL,
    top int DEFAULT 10,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT "position" int,
    OUT path text[],
    OUT n bigint,
    OUT share float8,
    OUT low float8,
    OUT high float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_paths'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION custseg.paths IS 'Lists the most frequent sequences of steps with which customers begin, by segment when a model is given, with how many customers each has.
topic: journeys 3
example: SELECT * FROM custseg.paths(''orders'', ''customer'', ''at'', ''product'', ''shop'', 5)';

CREATE FUNCTION custseg.touchpoints(
    source text,
    customer text,
    "time" text,
    step text,
    model text DEFAULT NULL,
    before text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT step_name text,
    OUT n bigint,
    OUT n_from bigint,
    OUT share float8,
    OUT low float8,
    OUT high float8,
    OUT n_first bigint,
    OUT n_last bigint,
    OUT median_days float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_touchpoints'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION custseg.touchpoints IS 'Tells what customers did in a window before they first came to a step, such as a purchase, or else before they were lost, by segment when a model is given: how many had each step, for how many it was the first or the last, and how long before.
topic: journeys 4
example: SELECT * FROM custseg.touchpoints(''orders'', ''customer'', ''at'', ''product'', ''shop'', ''product 8'')';

-- products

CREATE FUNCTION custseg.frequent_itemsets(
    orders text,
    "order" text,
    product text,
    options jsonb DEFAULT '{}',
    OUT products text[],
    OUT size int,
    OUT n bigint,
    OUT support float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_frequent_itemsets'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1000;

COMMENT ON FUNCTION custseg.frequent_itemsets IS 'Finds all sets of up to four products that are together in at least a share of the orders, counted exactly, from lines of orders.
topic: products 1
example: SELECT * FROM custseg.frequent_itemsets(''orders'', ''customer'', ''product'', ''{"min_support": 0.05}'')';

CREATE FUNCTION custseg.basket_rules(
    orders text,
    "order" text,
    product text,
    options jsonb DEFAULT '{}',
    OUT antecedent text[],
    OUT consequent text,
    OUT size int,
    OUT n bigint,
    OUT n_antecedent bigint,
    OUT n_consequent bigint,
    OUT support float8,
    OUT confidence float8,
    OUT lift float8,
    OUT leverage float8,
    OUT conviction float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_basket_rules'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1000;

COMMENT ON FUNCTION custseg.basket_rules IS 'Finds which products are bought in the orders that have others, from lines of orders: rules with support, confidence, lift, leverage and conviction.
topic: products 2
example: SELECT * FROM custseg.basket_rules(''orders'', ''customer'', ''product'', ''{"min_support": 0.05}'')';

CREATE FUNCTION custseg.segment_affinity(
    model text,
    orders text,
    customer text,
    product text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT product text,
    OUT n bigint,
    OUT n_buyers bigint,
    OUT share float8,
    OUT share_all float8,
    OUT lift float8,
    OUT expected_buyers float8,
    OUT standardized_lift float8,
    OUT p_value float8,
    OUT p_adjusted float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_segment_affinity'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1000;

COMMENT ON FUNCTION custseg.segment_affinity IS 'Tells which products the customers of each segment buy more, less or never, against everyone and against customers who buy as many products: what to promote, and what they never buy.
topic: products 3
example: SELECT * FROM custseg.segment_affinity(''shop'', ''orders'', ''customer'', ''product'')';

CREATE FUNCTION custseg.set_products(
    model text,
    orders text,
    customer text,
    product text,
    source text DEFAULT NULL,
    most int DEFAULT 5,
    options jsonb DEFAULT '{}',
    OUT segment int,
    OUT name text,
    OUT products text[]
) RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH promoted AS (
        SELECT a.segment, a.name, a.product, row_number() OVER (PARTITION BY a.segment ORDER BY a.place) AS rank
        FROM custseg.segment_affinity(set_products.model, set_products.orders, set_products.customer, set_products.product, set_products.source, set_products.options)
            WITH ORDINALITY AS a (segment, name, product, n, n_buyers, share, share_all, lift, expected_buyers, standardized_lift, p_value, p_adjusted, rating, reason, place)
        WHERE a.rating = 'promote'
    ), chosen AS (
        SELECT p.segment, p.name, array_agg(p.product ORDER BY p.rank) AS products
        FROM promoted AS p
        WHERE p.rank <= set_products.most
        GROUP BY p.segment, p.name
    )
    SELECT c.segment, c.name, c.products
    FROM chosen AS c
    CROSS JOIN LATERAL custseg.set_action(set_products.model, c.segment, pg_catalog.jsonb_build_object('products', c.products)) AS s
    ORDER BY c.segment;
END;

COMMENT ON FUNCTION custseg.set_products IS 'Finds what to promote in each segment as segment_affinity() does, and writes the first products of each to the playbook, as set_action() would; a segment with nothing to promote keeps what it has.
topic: products 4
example: SELECT * FROM custseg.set_products(''shop'', ''orders'', ''customer'', ''product'')';

CREATE FUNCTION custseg.next_products(
    model text,
    orders text,
    customer text,
    product text,
    source text DEFAULT NULL,
    n int DEFAULT 10,
    ids text[] DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT id text,
    OUT segment int,
    OUT name text,
    OUT rank int,
    OUT product text,
    OUT basis text,
    OUT similarity float8,
    OUT because text,
    OUT share float8,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_next_products'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10000;

COMMENT ON FUNCTION custseg.next_products IS 'Recommends to each customer, or to those who are named by id, the products that go with what was bought, by the customers of the same segment; where that names too few, what is popular there. evaluate_next_products() tells whether it is worth it.
topic: products 5
example: SELECT * FROM custseg.next_products(''shop'', ''orders'', ''customer'', ''product'', n => 3, ids => ARRAY[''7''])';

CREATE FUNCTION custseg.evaluate_next_products(
    model text,
    orders text,
    customer text,
    product text,
    "time" text,
    source text DEFAULT NULL,
    n int DEFAULT 10,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT method text,
    OUT n_judged bigint,
    OUT n_hits bigint,
    OUT hit_rate float8,
    OUT low float8,
    OUT high float8,
    OUT recall float8,
    OUT difference float8,
    OUT difference_low float8,
    OUT difference_high float8,
    OUT p_value float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_evaluate_next_products'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 4;

COMMENT ON FUNCTION custseg.evaluate_next_products IS 'Holds out the last order of each customer, and tells how often next_products() names something that it brings, beside what is popular with everyone, what is popular in the segment, and what goes together with all customers.
topic: products 6
example: SELECT * FROM custseg.evaluate_next_products(''shop'', ''orders'', ''customer'', ''product'', ''at'')';
-- changes

CREATE FUNCTION custseg.record_change() RETURNS trigger
AS 'MODULE_PATHNAME', 'custseg_record_change'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.record_change IS 'Keeps what becomes of a row''s segment, as an AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW trigger (''model'', ''column''), which track_changes() creates.
topic: changes 2
example: CREATE TRIGGER record_change AFTER INSERT OR UPDATE OR DELETE ON customers FOR EACH ROW EXECUTE FUNCTION custseg.record_change(''shop'', ''segment'')';

CREATE FUNCTION custseg.track_changes(model text, "table" text, "column" text DEFAULT 'segment') RETURNS void
AS 'MODULE_PATHNAME', 'custseg_track_changes'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.track_changes IS 'Keeps from now on each change of a customer''s segment in a column of a table, whoever makes it; with NULL as the table no change of the model is kept any more.
topic: changes 1
example: SELECT custseg.track_changes(''shop'', ''customers'')';

CREATE FUNCTION custseg.create_consumer(name text, model text, reader name DEFAULT NULL, from_start bool DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_create_consumer'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.create_consumer IS 'Creates a consumer of the changes of a model that tracks them, for a role that is to read them: from now on, or from the first change that is kept.
topic: changes 3
example: SELECT custseg.create_consumer(''newsletter'', ''shop'')';

CREATE FUNCTION custseg.drop_consumer(consumer text) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_drop_consumer'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.drop_consumer IS 'Drops a consumer; changes are not kept for it any more.
topic: changes 6
example: SELECT custseg.drop_consumer(''campaigns'')';

CREATE FUNCTION custseg.changes(
    consumer text,
    n int DEFAULT 1000,
    OUT change_position bigint,
    OUT model text,
    OUT customer text,
    OUT from_segment int,
    OUT from_name text,
    OUT to_segment int,
    OUT to_name text,
    OUT version int,
    OUT at timestamptz,
    OUT cause text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_changes'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.changes IS 'Returns the next changes of customers'' segments that a consumer has not acknowledged, in the order in which they were committed. They are returned again until they are acknowledged.
topic: changes 4
example: SELECT * FROM custseg.changes(''campaigns'', 100)';

CREATE FUNCTION custseg.acknowledge(consumer text, change_position bigint) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_acknowledge'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.acknowledge IS 'Notes that a consumer has acted on all changes up to a position, which are not returned to it again. An earlier position changes nothing.
topic: changes 5
example: SELECT custseg.acknowledge(''campaigns'', 0)';

CREATE FUNCTION custseg_private.consumer_lag(consumer text, OUT n bigint, OUT oldest_at timestamptz)
AS 'MODULE_PATHNAME', 'custseg_consumer_lag'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg_private.consumer_lag IS 'Returns how many changes a consumer has not acknowledged, and the time of the oldest of them.';

CREATE FUNCTION custseg.forget_changes(model text, keep_days int) RETURNS bigint
AS 'MODULE_PATHNAME', 'custseg_forget_changes'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.forget_changes IS 'Deletes changes that are older than so many days and that every consumer has acknowledged, and returns how many.
topic: changes 7
example: SELECT custseg.forget_changes(''shop'', 90)';

-- what segments do, month by month

CREATE FUNCTION custseg.segment_kpis(
    model text,
    orders text,
    customer text,
    "time" text,
    amount text,
    source text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS SETOF custseg.segment_kpis_result
AS 'MODULE_PATHNAME', 'custseg_segment_kpis'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 100;

COMMENT ON FUNCTION custseg.segment_kpis IS 'Tells what the customers of each segment did in each month, from lines of orders: revenue, orders, buyers, conversion, average order, retention, who is new and who is lost.
topic: value 50
example: SELECT * FROM custseg.segment_kpis(''shop'', ''orders'', ''customer'', ''at'', ''amount'')';

CREATE FUNCTION custseg_private.percent(share float8) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT pg_catalog.concat(pg_catalog.round((share * 100)::numeric, 1), ' %');
END;

COMMENT ON FUNCTION custseg_private.percent IS 'Returns a share in words.';

CREATE FUNCTION custseg_private.variance_of(n bigint, total float8, squares float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    -- what is left of the squares is nothing but their rounding where it is this small a part of them
    SELECT CASE WHEN n > 1 THEN
        CASE WHEN squares - total * total / n > 1e-13 * squares THEN (squares - total * total / n) / (n - 1) ELSE 0 END END;
END;

COMMENT ON FUNCTION custseg_private.variance_of IS 'Returns the variance of numbers from their sum and the sum of their squares.';

CREATE FUNCTION custseg_private.kpi_options(options jsonb) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_kpi_options'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.kpi_options IS 'Checks the options of kpi_changes(), and fills in the defaults.';

CREATE FUNCTION custseg.kpi_changes(
    model text,
    for_month date DEFAULT NULL,
    options jsonb DEFAULT '{}',
    OUT month date,
    OUT segment int,
    OUT name text,
    OUT kpi text,
    OUT reference_month date,
    OUT reference float8,
    OUT kpi_value float8,
    OUT difference float8,
    OUT change float8,
    OUT change_others float8,
    OUT low float8,
    OUT high float8,
    OUT p_value float8,
    OUT p_adjusted float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 30
BEGIN ATOMIC
    WITH o AS (
        SELECT (o ->> 'fall')::float8 AS fall, (o ->> 'alpha')::float8 AS alpha
        FROM custseg_private.kpi_options(kpi_changes.options) AS o
    ), judged AS (
        SELECT coalesce(date_trunc('month', kpi_changes.for_month::timestamp)::date, max(k.month)) AS month
        FROM custseg.segment_kpi AS k
        WHERE k.model = kpi_changes.model
    ), reference AS (
        -- the season's, or else the month before
        SELECT max(k.month) FILTER (WHERE k.month = j.month - interval '1 year') AS season,
            max(k.month) FILTER (WHERE k.month = j.month - interval '1 month') AS before
        FROM judged AS j
        JOIN custseg.segment_kpi AS k ON k.model = kpi_changes.model
            AND k.month IN ((j.month - interval '1 year')::date, (j.month - interval '1 month')::date)
    ), sums AS (
        SELECT k.*, k.segment IS NULL AND k.name = 'total' AS is_total, k.month = j.month AS is_now
        FROM judged AS j
        CROSS JOIN reference AS r
        JOIN custseg.segment_kpi AS k ON k.model = kpi_changes.model AND k.month IN (j.month, coalesce(r.season, r.before))
    ), kpis AS (
        SELECT now.month, now.segment, now.name, total_before.month AS reference_month, k.*
        FROM sums AS now
        JOIN sums AS total_now ON total_now.is_total AND total_now.is_now
        LEFT JOIN sums AS before ON NOT before.is_now AND NOT before.is_total AND before.segment IS NOT DISTINCT FROM now.segment
        LEFT JOIN sums AS total_before ON total_before.is_total AND NOT total_before.is_now
        CROSS JOIN LATERAL (
            SELECT 'revenue' AS kpi, 1 AS position, before.revenue_per_customer AS reference, now.revenue_per_customer AS kpi_value,
                (total_before.revenue - before.revenue) / nullif(total_before.n - before.n, 0) AS others_before,
                (total_now.revenue - now.revenue) / nullif(total_now.n - now.n, 0) AS others_now,
                w.difference, w.low, w.high, w.p_value
            FROM custseg.welch_test(
                nullif(before.n, 0), before.revenue_per_customer,
                coalesce(custseg_private.variance_of(before.n, before.revenue, before.revenue_squares), 0),
                nullif(now.n, 0), now.revenue_per_customer,
                coalesce(custseg_private.variance_of(now.n, now.revenue, now.revenue_squares), 0)) AS w
            WHERE now.revenue IS NOT NULL
            UNION ALL
            SELECT 'orders', 2, before.orders_per_customer, now.orders_per_customer,
                (total_before.n_orders - before.n_orders) / nullif(total_before.n - before.n, 0)::float8,
                (total_now.n_orders - now.n_orders) / nullif(total_now.n - now.n, 0)::float8,
                w.difference, w.low, w.high, w.p_value
            FROM custseg.welch_test(
                nullif(before.n, 0), before.orders_per_customer,
                coalesce(custseg_private.variance_of(before.n, before.n_orders, before.orders_squares), 0),
                nullif(now.n, 0), now.orders_per_customer,
                coalesce(custseg_private.variance_of(now.n, now.n_orders, now.orders_squares), 0)) AS w
            UNION ALL
            SELECT 'conversion', 3, before.conversion, now.conversion,
                (total_before.n_buyers - before.n_buyers) / nullif(total_before.n - before.n, 0)::float8,
                (total_now.n_buyers - now.n_buyers) / nullif(total_now.n - now.n, 0)::float8,
                t.difference, t.low, t.high, t.p_value
            FROM custseg.proportion_test(before.n_buyers, before.n, now.n_buyers, now.n) AS t
            UNION ALL
            SELECT 'retention', 4, before.retention, now.retention,
                (total_before.n_retained - before.n_retained) / nullif(total_before.n_buyers_before - before.n_buyers_before, 0)::float8,
                (total_now.n_retained - now.n_retained) / nullif(total_now.n_buyers_before - now.n_buyers_before, 0)::float8,
                t.difference, t.low, t.high, t.p_value
            FROM custseg.proportion_test(before.n_retained, before.n_buyers_before, now.n_retained, now.n_buyers_before) AS t
        ) AS k
        WHERE now.is_now AND NOT now.is_total
    ), adjusted AS (
        SELECT u.*
        FROM (
            SELECT custseg.benjamini_hochberg(array_agg(k.p_value ORDER BY k.p_value)) AS p_adjusted,
                array_agg(k.p_value ORDER BY k.p_value) AS p_values
            FROM kpis AS k
            WHERE k.p_value IS NOT NULL
        ) AS a, LATERAL (SELECT DISTINCT u.p_value, u.p_adjusted FROM unnest(a.p_values, a.p_adjusted) AS u (p_value, p_adjusted)) AS u
    ), changes AS (
        SELECT k.*, a.p_adjusted, k.difference / nullif(abs(k.reference), 0) AS change,
            (k.others_now - k.others_before) / nullif(abs(k.others_before), 0) AS change_others
        FROM kpis AS k
        LEFT JOIN adjusted AS a ON a.p_value = k.p_value
    )
    SELECT c.month, c.segment, c.name, c.kpi, c.reference_month, c.reference, c.kpi_value, c.difference, c.change, c.change_others,
        c.low, c.high, c.p_value, c.p_adjusted, r.rating,
        concat_ws('; ',
            CASE
                WHEN c.reference_month IS NULL THEN 'no month before it is recorded'
                WHEN c.change IS NULL THEN 'there is nothing to compare with'
                ELSE format('%s %s %s than in %s', c.kpi, custseg_private.percent(abs(c.change)),
                    CASE WHEN c.change < 0 THEN 'lower' ELSE 'higher' END, to_char(c.reference_month, 'YYYY-MM'))
            END,
            CASE WHEN r.rating = 'ok' AND c.change <= -o.fall / 2 THEN format('chance may explain that (adjusted p %s)', round(c.p_adjusted::numeric, 3)) END,
            CASE WHEN c.change_others IS NOT NULL AND r.rating IN ('watch', 'degraded') THEN format('those of all others %s %s',
                custseg_private.percent(abs(c.change_others)), CASE WHEN c.change_others < 0 THEN 'lower' ELSE 'higher' END) END)
    FROM changes AS c
    CROSS JOIN o
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN c.p_adjusted IS NULL OR c.change IS NULL THEN 'insufficient data'
            WHEN c.p_adjusted < o.alpha AND c.change <= -o.fall THEN 'degraded'
            WHEN c.p_adjusted < o.alpha AND c.change <= -o.fall / 2 THEN 'watch'
            ELSE 'ok'
        END AS rating
    ) AS r
    ORDER BY c.segment NULLS LAST, c.position;
END;

COMMENT ON FUNCTION custseg.kpi_changes IS 'Compares what each segment did in a month that record_kpis() has kept with the same month of the year before, or else the month before: a fall counts that chance does not explain and that is large enough.
topic: value 52
example: SELECT * FROM custseg.kpi_changes(''shop'')';

CREATE FUNCTION custseg.record_kpis(
    model text,
    orders text,
    customer text,
    "time" text,
    amount text,
    source text DEFAULT NULL,
    as_of timestamptz DEFAULT NULL,
    keep_days int DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL
) RETURNS SETOF custseg.segment_kpi
AS 'MODULE_PATHNAME', 'custseg_record_kpis'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.record_kpis IS 'Keeps what segment_kpis() tells of the last month that is over in segment_kpi, returns what is kept, and opens and closes alerts of what is degraded in two months running. The view kpi_history compares the months.
topic: value 51
example: SELECT * FROM custseg.record_kpis(''shop'', ''orders'', ''customer'', ''at'', ''amount'')';

-- It runs as the owner of the tables, and fails for everybody else.
CREATE FUNCTION custseg_private.record_kpi_alerts(model text, version int, limits jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    causes jsonb;
    present record;
    event record;
BEGIN
    SELECT k.month, max(k.run) AS run INTO present
    FROM custseg.segment_kpi k
    WHERE k.model = record_kpi_alerts.model
    GROUP BY k.month
    ORDER BY k.month DESC
    LIMIT 1;
    SELECT coalesce(jsonb_agg(jsonb_build_object(
            'subject', format('%s, %s', coalesce('segment ' || c.segment, 'no segment'), c.kpi),
            'rating', c.rating, 'before', b.rating, 'message', left(format('%s: %s', c.name, c.reason), 1000))), '[]')
    INTO causes
    FROM custseg.kpi_changes(record_kpi_alerts.model, present.month, limits) c
    LEFT JOIN custseg.kpi_changes(record_kpi_alerts.model, (present.month - interval '1 month')::date, limits) b
        ON b.segment IS NOT DISTINCT FROM c.segment AND b.kpi = c.kpi;

    UPDATE custseg.alert a
    SET message = c.message, version = record_kpi_alerts.version, last_seen = now(), last_run = present.run, n_seen = a.n_seen + 1
    FROM jsonb_to_recordset(causes) c (subject text, rating text, message text)
    WHERE a.model = record_kpi_alerts.model AND a.kind = 'kpi' AND a.closed_at IS NULL
        AND a.subject = c.subject AND c.rating = 'degraded' AND a.last_run <> present.run;

    FOR event IN
        WITH opened AS (
            INSERT INTO custseg.alert
                (model, kind, subject, severity, message, version, first_seen, last_seen, n_seen, first_run, last_run)
            SELECT record_kpi_alerts.model, 'kpi', c.subject, 'critical', c.message, record_kpi_alerts.version, now(), now(), 1, present.run, present.run
            FROM jsonb_to_recordset(causes) c (subject text, rating text, before text, message text)
            WHERE c.rating = 'degraded' AND c.before = 'degraded'
                AND NOT EXISTS (
                    SELECT FROM custseg.alert a
                    WHERE a.model = record_kpi_alerts.model AND a.kind = 'kpi' AND a.closed_at IS NULL AND a.subject = c.subject
                )
            RETURNING alert.*
        ),
        closed AS (
            UPDATE custseg.alert a
            SET closed_at = now(), closed_run = present.run
            WHERE a.model = record_kpi_alerts.model AND a.kind = 'kpi' AND a.closed_at IS NULL
                -- where nothing can be said, nothing is well
                AND NOT EXISTS (
                    SELECT FROM jsonb_to_recordset(causes) c (subject text, rating text)
                    WHERE c.subject = a.subject AND c.rating IN ('degraded', 'insufficient data')
                )
            RETURNING a.*
        )
        SELECT 'opened' AS what, o.* FROM opened o
        UNION ALL
        SELECT 'closed', c.* FROM closed c
        ORDER BY id
    LOOP
        PERFORM pg_notify('custseg_alert', jsonb_build_object(
            'event', event.what, 'alert', event.id, 'run', present.run, 'model', event.model, 'version', event.version,
            'kind', event.kind, 'subject', event.subject, 'severity', event.severity, 'message', event.message,
            'first_seen', event.first_seen, 'n_seen', event.n_seen)::text);
    END LOOP;
END $$;

COMMENT ON FUNCTION custseg_private.record_kpi_alerts IS 'Opens alerts of what is degraded in the last two months that are kept, and closes those of what is well again.';

REVOKE EXECUTE ON FUNCTION custseg_private.record_kpi_alerts FROM public;

-- before and after, without a control

CREATE FUNCTION custseg_private.panel_options(options jsonb) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_panel_options'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.panel_options IS 'Checks the options of difference_in_differences(), and fills in the defaults.';

CREATE FUNCTION custseg_private.panel(
    source text,
    customer text,
    treated text,
    period text,
    value text,
    start text,
    OUT customer_id text,
    OUT is_treated bool,
    OUT number int,
    OUT name text,
    OUT is_after bool,
    OUT amount float8
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_panel'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg_private.panel IS 'Sums up values of customers by period, which are read as the caller.';

CREATE FUNCTION custseg.difference_in_differences(
    source text,
    customer text,
    treated text,
    period text,
    value text,
    start text,
    options jsonb DEFAULT '{}',
    OUT contrast text,
    OUT periods_before text,
    OUT periods_after text,
    OUT n_control bigint,
    OUT n_treatment bigint,
    OUT mean_control float8,
    OUT mean_treatment float8,
    OUT difference float8,
    OUT standard_error float8,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT p_adjusted float8,
    OUT low float8,
    OUT high float8,
    OUT rating text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000 ROWS 2
BEGIN ATOMIC
    WITH panel AS MATERIALIZED (
        SELECT p.*
        FROM custseg_private.panel(difference_in_differences.source, difference_in_differences.customer, difference_in_differences.treated,
            difference_in_differences.period, difference_in_differences.value, difference_in_differences.start) AS p
    ), periods AS MATERIALIZED (
        SELECT DISTINCT p.number, p.name, p.is_after FROM panel AS p
    ), blocks AS (
        -- a placebo is the change from one block of the periods before the start to the next
        SELECT t.number, t.name, ntile((custseg_private.panel_options(difference_in_differences.options) ->> 'placebos')::int + 1) OVER (ORDER BY t.number) AS block
        FROM periods AS t
        WHERE NOT t.is_after
    ), contrasted AS (
        SELECT 0 AS position, t.number, t.name, t.is_after
        FROM periods AS t
        UNION ALL
        SELECT g, b.number, b.name, b.block > g
        FROM blocks AS b
        CROSS JOIN generate_series(1, (SELECT max(b.block) FROM blocks AS b) - 1) AS g
        WHERE b.block IN (g, g + 1)
    ), weights AS MATERIALIZED (
        SELECT c.*, CASE WHEN c.is_after THEN 1 ELSE -1 END / (count(*) OVER (PARTITION BY c.position, c.is_after))::float8 AS weight
        FROM contrasted AS c
    ), contrasts AS (
        SELECT w.position,
            concat_ws(' to ', (array_agg(w.name ORDER BY w.number) FILTER (WHERE NOT w.is_after))[1],
                nullif((array_agg(w.name ORDER BY w.number DESC) FILTER (WHERE NOT w.is_after))[1], (array_agg(w.name ORDER BY w.number) FILTER (WHERE NOT w.is_after))[1])) AS before,
            concat_ws(' to ', (array_agg(w.name ORDER BY w.number) FILTER (WHERE w.is_after))[1],
                nullif((array_agg(w.name ORDER BY w.number DESC) FILTER (WHERE w.is_after))[1], (array_agg(w.name ORDER BY w.number) FILTER (WHERE w.is_after))[1])) AS after
        FROM weights AS w
        GROUP BY w.position
    ), changes AS (
        -- who has no row in a period had nothing in it
        SELECT c.position, p.customer_id, p.is_treated, coalesce(sum(p.amount * w.weight), 0) AS change
        FROM panel AS p
        CROSS JOIN contrasts AS c
        LEFT JOIN weights AS w ON w.position = c.position AND w.number = p.number
        GROUP BY c.position, p.customer_id, p.is_treated
    ), tests AS (
        SELECT c.position, custseg.welch_test(c.change, c.is_treated) AS t
        FROM changes AS c
        GROUP BY c.position
    ), holm AS (
        SELECT a.positions[i] AS position, a.adjusted[i] AS p_adjusted
        FROM (
            SELECT array_agg(t.position ORDER BY t.position) AS positions,
                custseg.holm(array_agg((t.t).p_value ORDER BY t.position)) AS adjusted
            FROM tests AS t
            WHERE t.position > 0 AND (t.t).p_value IS NOT NULL
        ) AS a, generate_subscripts(a.positions, 1) AS i
    ), judged AS (
        SELECT t.position, t.t, h.p_adjusted,
            CASE WHEN t.position > 0 THEN h.p_adjusted ELSE (SELECT min(m.p_adjusted) FROM holm AS m) END AS p_placebo
        FROM tests AS t
        LEFT JOIN holm AS h ON h.position = t.position
    )
    SELECT CASE j.position WHEN 0 THEN 'effect' ELSE 'placebo' END, c.before, c.after,
        (j.t).n_control, (j.t).n_treatment, (j.t).mean_control, (j.t).mean_treatment, (j.t).difference, (j.t).standard_error,
        (j.t).statistic, (j.t).df, (j.t).p_value, j.p_adjusted, (j.t).low, (j.t).high,
        CASE WHEN j.p_placebo IS NULL THEN 'not tested' WHEN j.p_placebo < 0.05 THEN 'not credible' ELSE 'credible' END,
        CASE
            WHEN j.p_placebo IS NULL AND j.position = 0 THEN 'whether customers moved alike before the start cannot be tested'
            WHEN j.p_placebo IS NULL THEN 'no change varies'
            WHEN j.p_placebo < 0.05 THEN 'customers who were to be treated moved otherwise than the others already before the start'
            ELSE 'before the start customers moved alike, as far as can be seen'
        END
    FROM judged AS j
    JOIN contrasts AS c ON c.position = j.position
    ORDER BY j.position;
END;

COMMENT ON FUNCTION custseg.difference_in_differences IS 'Compares how customers changed who were treated from some period on with how others changed, where no lots were drawn, and tells whether both moved alike before (placebo).
topic: value 53
example: SELECT * FROM custseg.difference_in_differences(''SELECT customer, customer % 2 = 0 AS member, date_trunc(''''month'''', at) AS month, amount FROM orders'', ''customer'', ''member'', ''month'', ''amount'', start => ''2025-08-01'')';

-- surveys

CREATE FUNCTION custseg_private.survey_options(options jsonb) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_survey_options'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.survey_options IS 'Checks the options of validate_survey() and its like, and fills in the defaults.';

CREATE FUNCTION custseg_private.survey_answers(
    model text,
    answers text,
    options jsonb,
    version int,
    OUT customer text,
    OUT stated text,
    OUT satisfaction float8,
    OUT perk text,
    OUT need text,
    OUT asks_need bool
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_survey_answers'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg_private.survey_answers IS 'Reads the answers of a survey, as the caller.';

CREATE FUNCTION custseg_private.survey_segments(
    model text,
    version int,
    OUT segment int,
    OUT name text,
    OUT perk text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH v AS MATERIALIZED (
        SELECT survey_segments.model AS model, v AS version
        FROM custseg_private.require_version(survey_segments.model, survey_segments.version) AS v
    )
    SELECT s.segment, s.name, a.perk
    FROM v
    -- from the left, so that it is looked for whatever else is empty; not by the argument: where PostgreSQL plans for one
    -- that is NULL, it would leave out v, which looks at it
    LEFT JOIN custseg.segment AS s ON s.model = v.model AND s.version = v.version
    LEFT JOIN custseg.segment_action AS a ON a.model = s.model AND a.segment = s.segment;
END;

COMMENT ON FUNCTION custseg_private.survey_segments IS 'Returns the segments of a version, and the perk that the playbook promises each.';

-- Everybody who is placed, and what who answered said: an answer of somebody who is not placed has no segment.
CREATE FUNCTION custseg_private.survey(
    model text,
    answers text,
    options jsonb,
    version int,
    OUT segment int,
    OUT has_answered bool,
    OUT stated text,
    OUT stated_segment int,
    OUT is_satisfied bool,
    OUT perk text,
    OUT need text,
    OUT asks_need bool
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000
BEGIN ATOMIC
    WITH o AS MATERIALIZED (
        SELECT custseg_private.survey_options(survey.options) AS o
    ), given AS MATERIALIZED (
        SELECT a.*, pg_catalog.count(*) OVER (PARTITION BY a.customer) AS times
        FROM custseg_private.survey_answers(survey.model, survey.answers, survey.options, survey.version) AS a
    ), placed AS MATERIALIZED (
        SELECT s.id, s.segment
        FROM custseg.score(survey.model, (SELECT o.o ->> 'customers' FROM o), survey.version) AS s
    ), places AS (
        SELECT p.id, pg_catalog.count(*) AS times
        FROM placed AS p
        WHERE p.id IN (SELECT g.customer FROM given AS g)
        GROUP BY p.id
    ), answered AS MATERIALIZED (
        SELECT g.*,
            CASE WHEN g.stated IS NOT NULL THEN coalesce(
                (SELECT s.segment FROM custseg_private.survey_segments(survey.model, survey.version) AS s
                    WHERE g.stated IN (s.segment::text, s.name)
                    -- a segment may have the number of another as its name
                    ORDER BY g.stated = s.segment::text DESC
                    LIMIT 1),
                -1) END AS stated_segment
        FROM given AS g
        LEFT JOIN places AS p ON p.id = g.customer
        WHERE custseg_private.require_once(g.customer, g.times, 'the answers')
            AND custseg_private.require_once(p.id, p.times, 'the customers')
    )
    SELECT p.segment, a.customer IS NOT NULL, a.stated, a.stated_segment,
        a.satisfaction >= ((SELECT o.o ->> 'satisfied_from' FROM o))::float8,
        a.perk, a.need, a.asks_need
    FROM placed AS p
    FULL JOIN answered AS a ON a.customer = p.id;
END;

COMMENT ON FUNCTION custseg_private.survey IS 'Returns a row for everybody who is placed or answered, with the segment and the answers.';

CREATE FUNCTION custseg_private.gate_verdict(low float8, high float8, threshold float8) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN threshold IS NULL THEN NULL
        WHEN low > threshold THEN 'pass'
        WHEN high < threshold THEN 'fail'
        ELSE 'unclear'
    END;
END;

COMMENT ON FUNCTION custseg_private.gate_verdict IS 'Judges a share by its interval: pass where all of it is above a threshold, fail where all of it is below, else unclear.';

CREATE FUNCTION custseg.validate_survey(
    model text,
    answers text,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT measure text,
    OUT segment int,
    OUT name text,
    OUT answer text,
    OUT n bigint,
    OUT n_yes bigint,
    OUT share float8,
    OUT low float8,
    OUT high float8,
    OUT effective_n float8,
    OUT threshold float8,
    OUT verdict text,
    OUT kappa float8,
    OUT kappa_low float8,
    OUT kappa_high float8,
    OUT statistic float8,
    OUT df float8,
    OUT p_value float8,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000 ROWS 20
BEGIN ATOMIC
    WITH o AS MATERIALIZED (
        SELECT (o ->> 'accuracy_above')::float8 AS accuracy,
            (o ->> 'satisfaction_above')::float8 AS satisfaction,
            (o ->> 'confidence')::float8 AS confidence
        FROM custseg_private.survey_options(validate_survey.options) AS o
    ), people AS MATERIALIZED (
        SELECT p.*
        FROM custseg_private.survey(validate_survey.model, validate_survey.answers, validate_survey.options, validate_survey.version) AS p
    ), segments AS MATERIALIZED (
        SELECT s.segment, s.name, s.perk, pg_catalog.count(p.segment) AS population,
            pg_catalog.count(*) FILTER (WHERE p.has_answered) AS n_answered
        FROM custseg_private.survey_segments(validate_survey.model, validate_survey.version) AS s
        LEFT JOIN people AS p ON p.segment = s.segment
        GROUP BY s.segment, s.name, s.perk
    ), votes AS (
        SELECT p.segment, v.measure, v.vote
        FROM people AS p
        JOIN segments AS s ON s.segment = p.segment
        CROSS JOIN LATERAL (VALUES
            ('accuracy', p.stated_segment = p.segment),
            ('satisfaction', p.is_satisfied),
            ('perk', CASE WHEN s.perk IS NOT NULL THEN p.perk = s.perk END),
            ('missing need', CASE WHEN p.asks_need THEN coalesce(pg_catalog.btrim(p.need), '') <> '' END)
        ) AS v (measure, vote)
        WHERE p.has_answered AND v.vote IS NOT NULL
        UNION ALL
        SELECT p.segment, 'response', p.has_answered
        FROM people AS p
        WHERE p.segment IS NOT NULL
    ), counts AS (
        SELECT v.measure, v.segment, pg_catalog.count(*) AS n, pg_catalog.count(*) FILTER (WHERE v.vote) AS n_yes
        FROM votes AS v
        GROUP BY v.measure, v.segment
    ), measures AS (
        SELECT m.measure, m.position, m.threshold
        FROM o CROSS JOIN LATERAL (VALUES
            ('accuracy', 1, o.accuracy), ('satisfaction', 2, o.satisfaction), ('perk', 3, NULL),
            ('missing need', 4, NULL), ('response', 6, NULL)
        ) AS m (measure, position, threshold)
        WHERE m.measure IN (SELECT c.measure FROM counts AS c)
    ), cells AS (
        SELECT m.measure, m.position, m.threshold, s.segment, s.name, s.perk, s.population,
            coalesce(c.n, 0) AS n, coalesce(c.n_yes, 0) AS n_yes
        FROM measures AS m
        CROSS JOIN segments AS s
        LEFT JOIN counts AS c ON c.measure = m.measure AND c.segment = s.segment
        -- no perk is promised there, so none can be preferred
        WHERE m.measure <> 'perk' OR s.perk IS NOT NULL
    ), preferred AS (
        SELECT DISTINCT ON (f.segment) f.segment, f.perk, f.n, pg_catalog.sum(f.n) OVER (PARTITION BY f.segment) AS of
        FROM (
            SELECT p.segment, p.perk, pg_catalog.count(*) AS n
            FROM people AS p
            WHERE p.has_answered AND p.segment IS NOT NULL AND p.perk IS NOT NULL
            GROUP BY p.segment, p.perk
        ) AS f
        ORDER BY f.segment, f.n DESC, f.perk
    ), totals AS (
        -- an answer weighs as many customers as it stands for; those of a response are themselves all there are
        SELECT c.measure, c.position, c.threshold,
            pg_catalog.sum(c.n)::bigint AS n, pg_catalog.sum(c.n_yes)::bigint AS n_yes,
            (pg_catalog.sum(c.population::numeric * c.n_yes / c.n) / pg_catalog.sum(c.population))::float8 AS share,
            (pg_catalog.sum(c.population)::numeric ^ 2 / pg_catalog.sum(c.population::numeric ^ 2 / c.n))::float8 AS effective_n
        FROM cells AS c
        WHERE c.n > 0
        GROUP BY c.measure, c.position, c.threshold
    ), needs AS (
        SELECT pg_catalog.btrim(p.need) AS need, pg_catalog.count(*) AS n
        FROM people AS p
        WHERE p.has_answered AND p.segment IS NOT NULL AND p.asks_need AND pg_catalog.btrim(p.need) <> ''
        GROUP BY 1
        ORDER BY 2 DESC, 1
        LIMIT 100
    ), kappa AS (
        SELECT k.*
        FROM (
            SELECT custseg.cohens_kappa(p.segment, p.stated_segment) AS k
            FROM people AS p
            WHERE p.has_answered AND p.segment IS NOT NULL AND p.stated_segment IS NOT NULL
        ) AS a, LATERAL (SELECT (a.k).kappa, (a.k).low, (a.k).high) AS k
    ), response AS (
        SELECT t.*
        FROM (
            SELECT custseg.chi_square_test(p.has_answered::text, p.segment::text) AS t
            FROM people AS p
            WHERE p.segment IS NOT NULL
        ) AS a, LATERAL (SELECT (a.t).statistic, (a.t).df, (a.t).p_value) AS t
    ), lines AS (
        SELECT c.position, c.measure, c.segment, c.name,
            CASE c.measure WHEN 'perk' THEN f.perk END AS answer,
            c.n, c.n_yes, w.share, w.low, w.high, NULL::float8 AS effective_n, c.threshold,
            CASE WHEN c.n = 0 THEN 'no answers'
                WHEN c.measure = 'perk' THEN pg_catalog.format('%s of %s prefer "%s" most; "%s" is promised, which %s prefer', f.n, f.of, f.perk, c.perk, c.n_yes)
            END AS reason
        FROM cells AS c
        CROSS JOIN o
        LEFT JOIN preferred AS f ON f.segment = c.segment
        LEFT JOIN LATERAL custseg.wilson_interval(c.n_yes, nullif(c.n, 0), o.confidence) AS w ON true
        UNION ALL
        SELECT t.position, t.measure, NULL, 'total', NULL, t.n, t.n_yes, t.share, w.low, w.high,
            CASE WHEN t.measure <> 'response' THEN t.effective_n END, t.threshold,
            CASE t.measure
                WHEN 'accuracy' THEN 'customers who would be in the segment that they are in'
                WHEN 'satisfaction' THEN 'customers who are satisfied'
                WHEN 'perk' THEN 'customers who prefer the perk that their segment is promised'
                WHEN 'missing need' THEN 'customers who miss something'
                ELSE CASE WHEN r.p_value < 0.05 THEN 'who answers depends on the segment, so that the other totals are weighted'
                    ELSE 'segments answer alike' END
            END
            || coalesce((
                SELECT '; no answers of ' || pg_catalog.string_agg(c.name, ', ' ORDER BY c.segment)
                FROM cells AS c WHERE c.measure = t.measure AND c.n = 0 AND c.population > 0 AND t.measure <> 'response'), '')
            || coalesce((
                SELECT pg_catalog.format('; answers of customers who are in no segment: %s', pg_catalog.count(*))
                FROM people AS p WHERE t.measure = 'response' AND p.has_answered AND p.segment IS NULL HAVING pg_catalog.count(*) > 0), '')
        FROM totals AS t
        CROSS JOIN o
        CROSS JOIN response AS r
        CROSS JOIN LATERAL custseg.wilson_interval(t.share * t.effective_n, t.effective_n, o.confidence) AS w
        UNION ALL
        SELECT 5, 'missing need', NULL, 'total', d.need, t.n, d.n, w.share, w.low, w.high, NULL, NULL, NULL
        FROM needs AS d
        JOIN totals AS t ON t.measure = 'missing need'
        CROSS JOIN o
        CROSS JOIN LATERAL custseg.wilson_interval(d.n, t.n, o.confidence) AS w
    )
    SELECT l.measure, l.segment, l.name, l.answer, l.n, l.n_yes, l.share, l.low, l.high, l.effective_n, l.threshold,
        CASE WHEN l.threshold IS NOT NULL THEN coalesce(custseg_private.gate_verdict(l.low, l.high, l.threshold), 'unclear') END,
        k.kappa, k.low, k.high, r.statistic, r.df, r.p_value,
        CASE WHEN l.threshold IS NULL OR l.n = 0 THEN l.reason ELSE pg_catalog.concat_ws(': ', l.reason,
            pg_catalog.format('%s, between %s and %s, against %s', custseg_private.percent(l.share),
                custseg_private.percent(l.low), custseg_private.percent(l.high), custseg_private.percent(l.threshold))) END
    FROM lines AS l
    LEFT JOIN kappa AS k ON l.measure = 'accuracy' AND l.segment IS NULL
    LEFT JOIN response AS r ON l.measure = 'response' AND l.segment IS NULL
    ORDER BY l.position, l.segment NULLS LAST, l.n_yes DESC, l.answer;
END;

COMMENT ON FUNCTION custseg.validate_survey IS 'Judges segments by a survey: how many customers would be in the segment that they are in, how many are satisfied, prefer the perk of their segment, miss something, and who answered; totals are weighted for that.
topic: actions 10
example: SELECT * FROM custseg.validate_survey(''shop'', ''SELECT id, segment, 1 + id % 5 AS satisfaction FROM customers WHERE id % 3 = 0'', ''{"customer": "id"}'')';

CREATE FUNCTION custseg.survey_confusion(
    model text,
    answers text,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT segment int,
    OUT name text,
    OUT stated_segment int,
    OUT stated_name text,
    OUT n bigint,
    OUT share float8
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000 ROWS 50
BEGIN ATOMIC
    SELECT p.segment, s.name, nullif(p.stated_segment, -1), coalesce(t.name, p.stated), pg_catalog.count(*),
        pg_catalog.count(*) / pg_catalog.sum(pg_catalog.count(*)) OVER (PARTITION BY p.segment)::float8
    FROM custseg_private.survey(survey_confusion.model, survey_confusion.answers, survey_confusion.options, survey_confusion.version) AS p
    JOIN custseg_private.survey_segments(survey_confusion.model, survey_confusion.version) AS s ON s.segment = p.segment
    LEFT JOIN custseg_private.survey_segments(survey_confusion.model, survey_confusion.version) AS t ON t.segment = p.stated_segment
    WHERE p.stated_segment IS NOT NULL
    GROUP BY p.segment, s.name, 3, 4
    ORDER BY p.segment, 3 NULLS LAST, 4;
END;

COMMENT ON FUNCTION custseg.survey_confusion IS 'Counts the customers of each segment by the segment in which they say they would be.
topic: actions 11
example: SELECT * FROM custseg.survey_confusion(''shop'', ''SELECT id, 1 + id % 3 AS segment FROM customers WHERE id % 3 = 0'', ''{"customer": "id"}'')';

CREATE FUNCTION custseg.set_condition(
    model text,
    condition text,
    state text,
    reason text,
    evidence text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_set_condition'
LANGUAGE C;

COMMENT ON FUNCTION custseg.set_condition IS 'Keeps what somebody has found about whether a model may be acted on (pass, fail or unclear), with a reason, for go_no_go(); a NULL state takes the condition away.
topic: actions 13
example: SELECT custseg.set_condition(''shop'', ''privacy'', ''pass'', ''reviewed by the data protection officer'')';

CREATE FUNCTION custseg.record_survey(
    model text,
    answers text,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT condition text,
    OUT state text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE COST 1000 ROWS 2
BEGIN ATOMIC
    SELECT c.condition, v.verdict, v.reason
    FROM custseg.validate_survey(record_survey.model, record_survey.answers, record_survey.options, record_survey.version) AS v
    CROSS JOIN LATERAL (SELECT 'survey ' || v.measure AS condition) AS c
    CROSS JOIN LATERAL custseg.set_condition(record_survey.model, c.condition, v.verdict, v.reason, format('%s %s', custseg_private.count_words(v.n), CASE v.n WHEN 1 THEN 'answer' ELSE 'answers' END)) AS s
    WHERE v.segment IS NULL AND v.verdict IS NOT NULL;
END;

COMMENT ON FUNCTION custseg.record_survey IS 'Keeps what validate_survey() says of all segments together, accuracy and satisfaction, as conditions for go_no_go().
topic: actions 12
example: SELECT * FROM custseg.record_survey(''shop'', ''SELECT id, segment, 1 + id % 5 AS satisfaction FROM customers WHERE id % 3 = 0'', ''{"customer": "id"}'')';

CREATE FUNCTION custseg_private.gate_options(model text, options jsonb) RETURNS jsonb
AS 'MODULE_PATHNAME', 'custseg_gate_options'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.gate_options IS 'Checks the model and the options of go_no_go(), and fills in the defaults.';

CREATE FUNCTION custseg_private.scoring_latency(model text, version int) RETURNS float8
AS 'MODULE_PATHNAME', 'custseg_scoring_latency'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.scoring_latency IS 'Measures the milliseconds within which 95 of 100 customers are placed.';

-- people like others

CREATE FUNCTION custseg.similar_customers(
    model text,
    source text,
    customer "any",
    n int DEFAULT 10,
    version int DEFAULT NULL,
    OUT id text,
    OUT distance float8,
    OUT segment int,
    OUT name text,
    OUT shared text[],
    OUT different text[],
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_similar_customers'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 10;

COMMENT ON FUNCTION custseg.similar_customers IS 'Returns the customers of a source who are nearest to one of them in model space, the nearest first, with the features that the two share and those in which they differ. Customers who are excluded are left out.
topic: people 1
example: SELECT * FROM custseg.similar_customers(''shop'', ''customers'', 7, 5)';

CREATE FUNCTION custseg.lookalikes(
    model text,
    source text,
    seeds text,
    n int DEFAULT 1000,
    method text DEFAULT 'nearest',
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT id text,
    OUT distance float8,
    OUT probability float8,
    OUT segment int,
    OUT name text,
    OUT nearest_seed text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_lookalikes'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 1000;

COMMENT ON FUNCTION custseg.lookalikes IS 'Returns an audience: the customers of a source who are most like those of a list, the seeds, by the distance to the nearest seeds or by the probability of a logistic regression. A NOTICE, or a WARNING where it is not shown that the audience is better than random picks, says what seeds that are held out show. Customers who are excluded are left out.
topic: people 4
example: SELECT * FROM custseg.lookalikes(''shop'', ''customers'', ''SELECT id FROM customers ORDER BY monetary DESC LIMIT 100'', 50)';

CREATE FUNCTION custseg.lookalike_lift(
    model text,
    source text,
    seeds text,
    n int DEFAULT 1000,
    method text DEFAULT 'nearest',
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT n_seeds bigint,
    OUT n_unmatched bigint,
    OUT n_excluded bigint,
    OUT n_candidates bigint,
    OUT n_audience bigint,
    OUT n_held_out bigint,
    OUT found float8,
    OUT lift float8,
    OUT low float8,
    OUT high float8,
    OUT auc float8,
    OUT auc_low float8,
    OUT auc_high float8,
    OUT origin jsonb,
    OUT rating text,
    OUT reason text
)
AS 'MODULE_PATHNAME', 'custseg_lookalike_lift'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000;

COMMENT ON FUNCTION custseg.lookalike_lift IS 'Tells how much better than random picks an audience of lookalikes() is: a fifth of the seeds is held out and looked for among the first so many customers that the other seeds find. Tells the segments that the audience comes from, too.
topic: people 5
example: SELECT n_seeds, lift, low, high, rating, reason FROM custseg.lookalike_lift(''shop'', ''customers'', ''SELECT id FROM customers ORDER BY monetary DESC LIMIT 100'', 50)';

-- sub-segments

CREATE FUNCTION custseg_private.path_counts(model text, source text, OUT segment_path text, OUT n bigint) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_path_counts'
LANGUAGE C STABLE PARALLEL UNSAFE COST 1000 ROWS 50;

COMMENT ON FUNCTION custseg_private.path_counts IS 'Counts the customers of a source by path; a path of NULL stands for those who are placed nowhere.';

-- A name's own slashes are told from those between names, as predict_path() does it.
CREATE FUNCTION custseg_private.segment_paths(model text DEFAULT NULL) RETURNS TABLE (
    root text,
    segment_path text,
    parent_path text,
    depth int,
    segment_model text,
    version int,
    segment int,
    name text,
    names text,
    n bigint,
    share float8,
    is_stale bool,
    place int[]
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE tree AS (
        SELECT m.name AS root, s.segment::text AS segment_path, NULL::text AS parent_path, 1 AS depth, s.model, s.version, s.segment,
            s.name, replace(replace(s.name, '\', '\\'), '/', '\/') AS names, s.n, s.share, ARRAY[s.segment] AS place
        FROM custseg.model m
        JOIN custseg.segment s ON s.model = m.name AND s.version = m.deployed_version
        WHERE CASE WHEN segment_paths.model IS NULL THEN NOT EXISTS (SELECT FROM custseg.model_within w WHERE w.model = m.name)
            ELSE m.name = segment_paths.model END
        UNION ALL
        SELECT t.root, t.segment_path || '.' || s.segment, t.segment_path, t.depth + 1, s.model, s.version, s.segment,
            s.name, t.names || ' / ' || replace(replace(s.name, '\', '\\'), '/', '\/'), s.n, s.share, t.place || s.segment
        FROM tree t
        JOIN custseg.model_within w ON w.parent_model = t.model AND w.segment = t.segment
        JOIN custseg.model m ON m.name = w.model AND m.deployed_version = w.version
        JOIN custseg.segment s ON s.model = m.name AND s.version = m.deployed_version
    )
    SELECT t.root, t.segment_path, t.parent_path, t.depth, t.model, t.version, t.segment, t.name, t.names, t.n, t.share,
        t.depth > 1 AND custseg_private.stale_reason(t.model, t.version) IS NOT NULL, t.place
    FROM tree t;
END;

COMMENT ON FUNCTION custseg_private.segment_paths IS 'Lists the segments of a model and those within them, or of all models that are within none.';

CREATE FUNCTION custseg.path_sizes(
    model text,
    source text DEFAULT NULL,
    OUT segment_path text,
    OUT parent_path text,
    OUT depth int,
    OUT segment_model text,
    OUT segment int,
    OUT name text,
    OUT names text,
    OUT n bigint,
    OUT share float8,
    OUT share_of_parent float8,
    OUT n_undivided bigint,
    OUT is_stale bool
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH counts AS MATERIALIZED (
        SELECT c.segment_path, c.n FROM custseg_private.path_counts(path_sizes.model, path_sizes.source) c
    ),
    -- a model that has no segments is an error
    tree AS MATERIALIZED (
        SELECT p.*
        FROM custseg_private.segment_paths(path_sizes.model) p
        WHERE CASE WHEN path_sizes.model IS NOT NULL THEN custseg_private.require_version(path_sizes.model, NULL) > 0 END
    ),
    sizes AS (
        SELECT t.*,
            (SELECT coalesce(sum(c.n), 0)::bigint FROM counts c WHERE c.segment_path = t.segment_path OR starts_with(c.segment_path, t.segment_path || '.')) AS counted,
            CASE WHEN EXISTS (SELECT FROM tree u WHERE u.parent_path = t.segment_path)
                THEN coalesce((SELECT c.n FROM counts c WHERE c.segment_path = t.segment_path), 0) END AS undivided
        FROM tree t
    )
    SELECT s.segment_path, s.parent_path, s.depth, s.segment_model, s.segment, s.name, s.names, s.counted,
        s.counted / nullif((SELECT sum(c.n) FROM counts c WHERE c.segment_path IS NOT NULL), 0)::float8,
        s.counted / nullif(coalesce(p.counted, (SELECT sum(c.n) FROM counts c WHERE c.segment_path IS NOT NULL)), 0)::float8,
        s.undivided, s.is_stale
    FROM sizes s
    LEFT JOIN sizes p ON p.segment_path = s.parent_path
    ORDER BY s.place;
END;

COMMENT ON FUNCTION custseg.path_sizes IS 'Counts the customers of a source in the segments of a model and in those within them: those of a segment are those of the segments within it, and those whom the model within cannot place.
topic: people 3
example: SELECT segment_path, names, n FROM custseg.path_sizes(''shop'')';

CREATE VIEW custseg.segment_tree WITH (security_invoker = true) AS
SELECT p.root, p.segment_path, p.parent_path, p.depth, p.segment_model AS model, p.version, p.segment, p.name, p.names, p.n, p.share, p.is_stale
FROM custseg_private.segment_paths() p
ORDER BY p.root COLLATE "C", p.place;

COMMENT ON VIEW custseg.segment_tree IS 'Segments of the deployed versions, with the segments within them, to drill down: path_sizes() counts the customers of today.';
COMMENT ON COLUMN custseg.segment_tree.root IS 'Model that is within no segment of another, at which paths begin.';
COMMENT ON COLUMN custseg.segment_tree.segment_path IS 'Numbers of the segments from the root down, such as 2.3, as predict_path() gives them.';
COMMENT ON COLUMN custseg.segment_tree.parent_path IS 'Path of the segment that this one is within; NULL at the root.';
COMMENT ON COLUMN custseg.segment_tree.depth IS 'Depth: 1 for the segments of the root.';
COMMENT ON COLUMN custseg.segment_tree.model IS 'Model that the segment is of.';
COMMENT ON COLUMN custseg.segment_tree.version IS 'Its deployed version.';
COMMENT ON COLUMN custseg.segment_tree.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.segment_tree.name IS 'Name of the segment.';
COMMENT ON COLUMN custseg.segment_tree.names IS 'Names from the root down, with " / " between them; a slash or a backslash of a name has a backslash before it.';
COMMENT ON COLUMN custseg.segment_tree.n IS 'Training rows in the segment.';
COMMENT ON COLUMN custseg.segment_tree.share IS 'Share of the training rows of the segment''s model, 0 to 1.';
COMMENT ON COLUMN custseg.segment_tree.is_stale IS 'Whether another version of a model above has been deployed since the segment''s version was trained.';

-- views

CREATE VIEW custseg.models WITH (security_invoker = true) AS
SELECT
    m.name,
    custseg_private.role_name(m.owner, m.owner_oid, m.owner_cluster) AS owner,
    m.deployed_version,
    m.last_version,
    m.kind,
    v.algorithm,
    v.source,
    v.n_rows,
    v.n_skipped,
    v.n_segments,
    (v.metrics ->> 'inertia')::float8 AS inertia,
    (v.metrics ->> 'silhouette')::float8 AS silhouette,
    (v.metrics ->> 'between_share')::float8 AS between_share,
    (v.metrics ->> 'mean_distance')::float8 AS mean_distance,
    v.iterations,
    v.converged,
    v.milliseconds,
    v.trained_at,
    v.trained_by,
    d.deployed_at,
    d.deployed_by,
    d.reason,
    w.parent_model,
    w.segment AS parent_segment,
    CASE WHEN w.parent_model IS NOT NULL THEN custseg_private.stale_reason(m.name, m.deployed_version) IS NOT NULL END AS is_stale
FROM custseg.model m
LEFT JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
LEFT JOIN custseg.model_within w ON w.model = m.name AND w.version = m.deployed_version
LEFT JOIN LATERAL (
    SELECT p.deployed_at, p.deployed_by, p.reason
    FROM custseg.deployment p
    WHERE p.model = m.name
    ORDER BY p.id DESC
    LIMIT 1
) d ON true;

COMMENT ON VIEW custseg.models IS 'One row for each model, with the measures of its deployed version.';
COMMENT ON COLUMN custseg.models.name IS 'Name of the model.';
COMMENT ON COLUMN custseg.models.algorithm IS 'Algorithm of the deployed version; NULL, like all columns that follow, when none is deployed.';
COMMENT ON COLUMN custseg.models.parent_model IS 'Model within a segment of which the deployed version is; NULL when it is of all customers.';
COMMENT ON COLUMN custseg.models.parent_segment IS 'Number of that segment.';
COMMENT ON COLUMN custseg.models.is_stale IS 'Whether another version of the parent, or of a model above it, has been deployed since the deployed version was trained; NULL without a parent.';
COMMENT ON COLUMN custseg.models.inertia IS 'Sum over the training rows of weight times squared distance to the center of the row''s segment, in model space.';
COMMENT ON COLUMN custseg.models.silhouette IS 'Mean silhouette width in training, -1 to 1.';
COMMENT ON COLUMN custseg.models.between_share IS 'The value 1 - inertia / total sum of squares, 0 to 1.';
COMMENT ON COLUMN custseg.models.mean_distance IS 'Mean distance of the training rows to the centers of their segments, in model space.';

CREATE VIEW custseg.training_choose_k WITH (security_invoker = true) AS
SELECT v.model, v.version, r.k, r.inertia, r.silhouette, r.calinski_harabasz, r.davies_bouldin, r.gap, r.gap_se, r.bic, r.smallest_share, r.largest_share, r.votes, r.recommended, r.reason
FROM custseg.model_version v
CROSS JOIN LATERAL jsonb_to_recordset(nullif(v.diagnostics -> 'choose_k', 'null')) r (k int, inertia float8, silhouette float8, calinski_harabasz float8, davies_bouldin float8, gap float8, gap_se float8, bic float8, smallest_share float8, largest_share float8, votes int, recommended bool, reason text);

COMMENT ON VIEW custseg.training_choose_k IS 'Numbers of segments that the training tried where it chose the number itself: the columns of choose_k().';
COMMENT ON COLUMN custseg.training_choose_k.k IS 'Number of segments.';
COMMENT ON COLUMN custseg.training_choose_k.inertia IS 'Sum of weight times squared distance to the own center, in model space.';
COMMENT ON COLUMN custseg.training_choose_k.silhouette IS 'Mean silhouette width, -1 to 1; more is better.';
COMMENT ON COLUMN custseg.training_choose_k.calinski_harabasz IS 'Dispersion between the segments over that within; more is better.';
COMMENT ON COLUMN custseg.training_choose_k.davies_bouldin IS 'Width of the segments over their distance; less is better.';
COMMENT ON COLUMN custseg.training_choose_k.gap IS 'Gap statistic; NULL, since training does without it.';
COMMENT ON COLUMN custseg.training_choose_k.gap_se IS 'Standard error of the gap statistic; likewise.';
COMMENT ON COLUMN custseg.training_choose_k.bic IS 'Bayesian information criterion, where the algorithm has a likelihood; less is better.';
COMMENT ON COLUMN custseg.training_choose_k.smallest_share IS 'Share of the rows in the smallest segment, 0 to 1.';
COMMENT ON COLUMN custseg.training_choose_k.largest_share IS 'Share of the rows in the largest segment, 0 to 1.';
COMMENT ON COLUMN custseg.training_choose_k.votes IS 'Number of indices whose choice this is.';
COMMENT ON COLUMN custseg.training_choose_k.recommended IS 'Whether the training took this number.';
COMMENT ON COLUMN custseg.training_choose_k.reason IS 'Reason of the choice, or the indices that prefer this number; NULL when none does.';

CREATE VIEW custseg.training_merges WITH (security_invoker = true) AS
SELECT v.model, v.version, r.step, r.cluster_a, r.cluster_b, r.height, r.n
FROM custseg.model_version v
CROSS JOIN LATERAL jsonb_to_recordset(nullif(v.diagnostics -> 'merges', 'null')) r (step int, cluster_a int, cluster_b int, height float8, n bigint);

COMMENT ON VIEW custseg.training_merges IS 'The 200 highest merges of the tree that hierarchical cut, as dendrogram() shows them, and of the tree of clusters that hdbscan chose from.';
COMMENT ON COLUMN custseg.training_merges.step IS 'Number of the merge, from 1 for the lowest of the tree; the last one leaves one cluster.';
COMMENT ON COLUMN custseg.training_merges.cluster_a IS 'First of the two clusters that merge; the merge of step s makes the cluster with the number of the last step + s.';
COMMENT ON COLUMN custseg.training_merges.cluster_b IS 'Second of the two clusters.';
COMMENT ON COLUMN custseg.training_merges.height IS 'Distance of the two clusters, in model space.';
COMMENT ON COLUMN custseg.training_merges.n IS 'Rows in the merged cluster.';

CREATE VIEW custseg.training_k_distance WITH (security_invoker = true) AS
SELECT v.model, v.version, r.n, r.share, r.distance, r.knee
FROM custseg.model_version v
CROSS JOIN LATERAL jsonb_to_recordset(nullif(v.diagnostics -> 'k_distance', 'null')) r (n bigint, share float8, distance float8, knee bool);

COMMENT ON VIEW custseg.training_k_distance IS 'Points of the curve that dbscan read eps from where eps was not given, as k_distance() shows it.';
COMMENT ON COLUMN custseg.training_k_distance.n IS 'Rows of the curve that have min_samples rows within this distance.';
COMMENT ON COLUMN custseg.training_k_distance.share IS 'The same as a share of the rows of the curve, 0 to 1.';
COMMENT ON COLUMN custseg.training_k_distance.distance IS 'Distance to the row that is the last of the min_samples nearest, in model space.';
COMMENT ON COLUMN custseg.training_k_distance.knee IS 'Whether this is the knee of the curve.';

CREATE VIEW custseg.training_scree WITH (security_invoker = true) AS
SELECT v.model, v.version, r.component, r.eigenvalue, r.variance_share, r.cumulative_share
FROM custseg.model_version v
CROSS JOIN LATERAL jsonb_to_recordset(nullif(v.diagnostics -> 'scree', 'null')) r (component text, eigenvalue float8, variance_share float8, cumulative_share float8);

COMMENT ON VIEW custseg.training_scree IS 'How the variance of the prepared features is spread over principal components: the columns of pca() without loadings, of the components that pca in prep kept, or of all, from a sample of at most 5,000 rows.';
COMMENT ON COLUMN custseg.training_scree.component IS 'Name of the component, PC1 for the largest.';
COMMENT ON COLUMN custseg.training_scree.eigenvalue IS 'Variance of the component.';
COMMENT ON COLUMN custseg.training_scree.variance_share IS 'Share of the variance of all columns, 0 to 1.';
COMMENT ON COLUMN custseg.training_scree.cumulative_share IS 'Share with the components before it, 0 to 1.';

CREATE FUNCTION custseg_private.counted(model text, segment int, counted_in text, resegment timestamptz, run bigint) RETURNS bigint
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN counted.resegment IS NOT NULL THEN (
            SELECT coalesce(sum(g.n), 0)::bigint
            FROM custseg.migration g
            WHERE g.model = counted.model AND g.run_at = counted.resegment AND g.source = counted.counted_in
                AND g.to_segment = counted.segment)
        WHEN counted.run IS NOT NULL THEN (
            SELECT t.n
            FROM custseg.monitor_segment t
            WHERE t.model = counted.model AND t.run = counted.run AND t.segment = counted.segment)
    END;
END;

COMMENT ON FUNCTION custseg_private.counted IS 'Returns the number of customers in a segment that the given run counted.';

CREATE VIEW custseg.segments WITH (security_invoker = true) AS
SELECT
    s.model,
    s.version,
    s.version IS NOT DISTINCT FROM m.deployed_version AS deployed,
    s.segment,
    s.name,
    s.description,
    s.rank,
    s.n AS n_trained,
    s.share AS training_share,
    c.n,
    c.n / nullif(sum(c.n) OVER (PARTITION BY s.model, s.version), 0)::float8 AS share,
    l.counted_at,
    l.counted_by,
    l.counted_in,
    s.mean_distance,
    s.spread,
    s.profile
FROM custseg.segment s
JOIN custseg.model m ON m.name = s.model
-- the last time that all customers of a source were counted with the version
LEFT JOIN (
    SELECT DISTINCT ON (c.model, c.version) c.*
    FROM (
        SELECT
            g.model,
            g.version,
            g.finished_at AS counted_at,
            'resegment' AS counted_by,
            g.source AS counted_in,
            g.run_at AS resegment,
            NULL::bigint AS run
        FROM custseg.migration g
        WHERE g.finished_at IS NOT NULL AND g.condition IS NULL
        UNION ALL
        SELECT t.model, t.version, r.finished_at, 'monitor', r.source, NULL, r.id
        FROM custseg.monitor_segment t
        JOIN custseg.monitor_run r ON r.id = t.run
        WHERE t.segment IS NULL AND t.n IS NOT NULL
    ) c
    ORDER BY c.model, c.version, c.counted_at DESC
) l ON l.model = s.model AND l.version = s.version
CROSS JOIN LATERAL (SELECT custseg_private.counted(l.model, s.segment, l.counted_in, l.resegment, l.run) AS n) c
ORDER BY s.model, s.version, s.segment;

COMMENT ON VIEW custseg.segments IS 'One row for each segment of every version; the column deployed says which version is in use.';
COMMENT ON COLUMN custseg.segments.version IS 'Version of the model.';
COMMENT ON COLUMN custseg.segments.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.segments.name IS 'Name of the segment.';
COMMENT ON COLUMN custseg.segments.deployed IS 'Whether the version is the one that scoring uses.';
COMMENT ON COLUMN custseg.segments.n_trained IS 'Training rows in the segment.';
COMMENT ON COLUMN custseg.segments.training_share IS 'Share of the training rows, 0 to 1.';
COMMENT ON COLUMN custseg.segments.n IS 'Customers in the segment when they were counted last; NULL, like share and the columns that begin with counted, when they never were.';
COMMENT ON COLUMN custseg.segments.share IS 'Share of the customers in all segments then, 0 to 1.';
COMMENT ON COLUMN custseg.segments.counted_at IS 'Time at which they were counted.';
COMMENT ON COLUMN custseg.segments.counted_by IS 'What counted them: resegment (a run over the whole table) or monitor.';
COMMENT ON COLUMN custseg.segments.counted_in IS 'Table, or source of monitor(), in which they were counted.';

CREATE VIEW custseg.segment_profile WITH (security_invoker = true) AS
WITH layout AS (
    SELECT
        f.*,
        CASE f.kind WHEN 'categorical' THEN jsonb_array_length(f.prep -> 'levels') ELSE 1 END AS width,
        sum(CASE f.kind WHEN 'categorical' THEN jsonb_array_length(f.prep -> 'levels') ELSE 1 END)
            OVER (PARTITION BY f.model, f.version ORDER BY f.position) AS last
    FROM custseg.feature f
    JOIN custseg.model m ON m.name = f.model AND m.deployed_version = f.version
)
SELECT
    s.model,
    s.version,
    s.segment,
    s.name,
    s.rank AS segment_rank,
    l.name AS feature,
    l.kind,
    CASE l.kind WHEN 'categorical' THEN coalesce(e.level ->> 'level', '(null)') END AS level,
    CASE l.kind WHEN 'categorical' THEN e.value END AS share,
    CASE WHEN l.kind <> 'categorical' THEN e.value END AS mean,
    e.overall_mean,
    CASE l.kind
        WHEN 'categorical' THEN (e.value - e.overall_mean) / nullif(sqrt(e.overall_mean * (1 - e.overall_mean)), 0)
        ELSE (e.value - e.overall_mean) / nullif(l.standard_deviation, 0)
    END AS difference
FROM custseg.segment s
JOIN layout l ON l.model = s.model AND l.version = s.version
CROSS JOIN generate_series(1, l.width) i
CROSS JOIN LATERAL (
    SELECT
        l.prep -> 'levels' -> (i - 1) AS level,
        s.profile_values[l.last - l.width + i] AS value,
        CASE l.kind
            WHEN 'categorical' THEN (l.prep -> 'levels' -> (i - 1) ->> 'count')::float8 / l.n
            ELSE (l.prep ->> 'mean')::float8
        END AS overall_mean
) e
ORDER BY s.model, s.segment, l.position, i;

COMMENT ON VIEW custseg.segment_profile IS 'How the segments of deployed versions differed in training, for each feature and level; the function of the same name gives the same columns for any source.';
COMMENT ON COLUMN custseg.segment_profile.level IS 'Level of a category, where (null) stands for a missing value; NULL for numeric features.';
COMMENT ON COLUMN custseg.segment_profile.share IS 'Share of the level in the segment, 0 to 1; NULL for numeric features.';
COMMENT ON COLUMN custseg.segment_profile.mean IS 'Mean of the feature in the segment, in the feature''s own units (times in days since 1970-01-01); NULL for levels.';
COMMENT ON COLUMN custseg.segment_profile.overall_mean IS 'Mean of the feature, or share of the level, over all training rows.';
COMMENT ON COLUMN custseg.segment_profile.difference IS 'Difference from overall_mean, in standard deviations of all training rows; NULL where nothing varies.';
COMMENT ON COLUMN custseg.segment_profile.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.segment_profile.name IS 'Name of the segment.';
COMMENT ON COLUMN custseg.segment_profile.segment_rank IS 'Rank of the segment by value, 1 for the highest; NULL when there is none.';
COMMENT ON COLUMN custseg.segment_profile.feature IS 'Feature of the model.';
COMMENT ON COLUMN custseg.segment_profile.kind IS 'Kind of the feature: numeric, boolean, time or categorical.';

CREATE VIEW custseg.drift_history WITH (security_invoker = true) AS
SELECT f.*
FROM custseg.monitor_feature f;

COMMENT ON VIEW custseg.drift_history IS 'How each feature compared with training in each run of monitor().';

CREATE VIEW custseg.size_history WITH (security_invoker = true) AS
SELECT s.*
FROM custseg.monitor_segment s;

COMMENT ON VIEW custseg.size_history IS 'Size of each segment in each run of monitor(); the row with segment NULL is the total.';

CREATE VIEW custseg.open_alerts WITH (security_invoker = true) AS
SELECT
    a.id AS alert,
    a.model,
    a.kind,
    a.subject,
    a.severity,
    a.message,
    a.version,
    a.first_seen,
    a.last_seen,
    a.n_seen
FROM custseg.alert a
WHERE a.closed_at IS NULL;

COMMENT ON VIEW custseg.open_alerts IS 'Open alerts: the problems that the last runs of monitor() found.';
COMMENT ON COLUMN custseg.open_alerts.alert IS 'Number of the alert (id in the table alert).';

CREATE VIEW custseg.model_health WITH (security_invoker = true) AS
SELECT
    m.name AS model,
    m.deployed_version,
    v.trained_at,
    now() - v.trained_at AS age,
    l.started_at AS last_run_at,
    l.status AS last_status,
    l.error AS last_error,
    c.started_at AS last_checked_at,
    c.n,
    c.verdict,
    c.verdict_reasons,
    c.retrain,
    c.urgency,
    a.open_alerts,
    a.critical_alerts
FROM custseg.model m
LEFT JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
LEFT JOIN LATERAL (
    SELECT r.started_at, r.status, r.error
    FROM custseg.monitor_run r
    WHERE r.model = m.name
    ORDER BY r.id DESC
    LIMIT 1
) l ON true
LEFT JOIN LATERAL (
    SELECT r.started_at, r.n, r.verdict, r.verdict_reasons, r.retrain, r.urgency
    FROM custseg.monitor_run r
    WHERE r.model = m.name AND r.status <> 'skipped'
    ORDER BY r.id DESC
    LIMIT 1
) c ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS open_alerts, count(*) FILTER (WHERE o.severity = 'critical') AS critical_alerts
    FROM custseg.alert o
    WHERE o.model = m.name AND o.closed_at IS NULL
) a;

COMMENT ON VIEW custseg.model_health IS 'One row for each model: the age of its deployed version, and the result of the last run of monitor().';
COMMENT ON COLUMN custseg.model_health.last_status IS 'Status of the last run; NULL when the model was never watched.';
COMMENT ON COLUMN custseg.model_health.last_checked_at IS 'Start of the last run that was not skipped, to which the columns that follow belong.';
COMMENT ON COLUMN custseg.model_health.verdict IS 'Worst verdict of that run.';
COMMENT ON COLUMN custseg.model_health.verdict_reasons IS 'What that run found watched, drifted or broken, and why.';
COMMENT ON COLUMN custseg.model_health.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.model_health.age IS 'Time since the deployed version was trained; NULL when none is deployed.';
COMMENT ON COLUMN custseg.model_health.last_run_at IS 'Start of the last run; NULL when the model was never watched.';
COMMENT ON COLUMN custseg.model_health.last_error IS 'Reason why the last run failed or was skipped; NULL otherwise.';
COMMENT ON COLUMN custseg.model_health.n IS 'Rows of the source.';
COMMENT ON COLUMN custseg.model_health.open_alerts IS 'Alerts of the model that are open.';
COMMENT ON COLUMN custseg.model_health.critical_alerts IS 'Open alerts whose severity is critical.';

CREATE VIEW custseg.playbook WITH (security_invoker = true) AS
SELECT s.model, s.segment, s.name, s.rank, s.n_trained, s.training_share, s.n, s.share, s.counted_at, s.counted_by, s.counted_in,
    coalesce(a.description, s.description) AS description,
    a.tone, a.channel, a.offer, a.contact_frequency, a.products, a.tactics,
    a.primary_kpi, a.guardrail_kpi, a.budget_share, a.perk, a.perk_capacity,
    (SELECT count(*) FROM custseg.segment_override o
        WHERE o.model = s.model AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster) AND o.segment = s.segment AND o.ended_at IS NULL
            AND (o.until IS NULL OR o.until > now())) AS n_overridden,
    a.set_at, a.set_by
FROM custseg.model m
JOIN custseg.segments s ON s.model = m.name AND s.version = m.deployed_version
LEFT JOIN custseg.segment_action a ON a.model = s.model AND a.segment = s.segment;

COMMENT ON VIEW custseg.playbook IS 'The segments of each deployed version with their actions.';
COMMENT ON COLUMN custseg.playbook.n_trained IS 'Training rows in the segment.';
COMMENT ON COLUMN custseg.playbook.training_share IS 'Share of the training rows, 0 to 1.';
COMMENT ON COLUMN custseg.playbook.n IS 'Customers in the segment when they were counted last, to be set beside perk_capacity; NULL, like share and the columns that begin with counted, when they never were.';
COMMENT ON COLUMN custseg.playbook.n_overridden IS 'Number of customers who were put in the segment by hand.';
COMMENT ON COLUMN custseg.playbook.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.playbook.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.playbook.name IS 'Name of the segment.';
COMMENT ON COLUMN custseg.playbook.rank IS 'Rank of the segment by value, 1 for the highest; NULL when there is none.';
COMMENT ON COLUMN custseg.playbook.share IS 'Share of the customers in all segments then, 0 to 1.';
COMMENT ON COLUMN custseg.playbook.counted_by IS 'What counted them: resegment (a run over the whole table) or monitor.';
COMMENT ON COLUMN custseg.playbook.description IS 'Meaning of the segment for the business, or the description that name_segment() gave; NULL when there is none.';
COMMENT ON COLUMN custseg.playbook.channel IS 'Where to reach these customers; NULL, here and in all columns that follow, when nothing was set.';

CREATE VIEW custseg.kpi_history WITH (security_invoker = true) AS
SELECT k.model, k.version, c.month, c.segment, c.name, c.kpi, c.kpi_value, c.reference_month, c.reference, c.change, c.change_others,
    c.low, c.high, c.p_value, c.p_adjusted, c.rating, c.reason, k.run, k.run_at
FROM custseg.segment_kpi k
CROSS JOIN LATERAL custseg.kpi_changes(k.model, k.month) c
WHERE k.segment IS NULL AND k.name = 'total';

COMMENT ON VIEW custseg.kpi_history IS 'What each segment did in each month that record_kpis() has kept, beside the same month of the year before, or else the month before, with the rating of kpi_changes().';
COMMENT ON COLUMN custseg.kpi_history.segment IS 'Number of the segment; NULL for customers without a segment.';
COMMENT ON COLUMN custseg.kpi_history.name IS 'Name of the segment, or no segment.';
COMMENT ON COLUMN custseg.kpi_history.kpi IS 'What is compared: revenue and orders of a customer, conversion (share of the customers who bought) or retention (share of those who had bought in the month before).';
COMMENT ON COLUMN custseg.kpi_history.kpi_value IS 'Value of the month.';
COMMENT ON COLUMN custseg.kpi_history.reference_month IS 'Month that it is compared with; NULL when none is kept.';
COMMENT ON COLUMN custseg.kpi_history.reference IS 'Value of that month.';
COMMENT ON COLUMN custseg.kpi_history.change IS 'Difference, as a share of the reference.';
COMMENT ON COLUMN custseg.kpi_history.change_others IS 'The same change of all who are not in the segment.';
COMMENT ON COLUMN custseg.kpi_history.low IS 'Lower end of the interval of the difference.';
COMMENT ON COLUMN custseg.kpi_history.high IS 'Upper end of the interval of the difference.';
COMMENT ON COLUMN custseg.kpi_history.p_value IS 'Probability of such a difference, or a larger one, by chance.';
COMMENT ON COLUMN custseg.kpi_history.p_adjusted IS 'The p_value, adjusted for all segments and measures of the month (Benjamini-Hochberg).';
COMMENT ON COLUMN custseg.kpi_history.rating IS 'Rating: ok, watch, degraded or insufficient data.';
COMMENT ON COLUMN custseg.kpi_history.reason IS 'Explanation of the rating in words.';

CREATE VIEW custseg.value_at_risk WITH (security_invoker = true) AS
SELECT h.model, h.version, h.value_model, h.value_version, h.run, h.run_at, h.horizon, h.segment, h.name, h.n,
    1 - h.alive AS churn, h.value_sum, h.value_mean, h.value_at_risk, h.value_at_risk / h.n AS value_at_risk_mean,
    h.n_leaving, h.n_left, h.leaving_at_risk,
    a.description, a.tone, a.channel, a.offer, a.contact_frequency, a.products, a.tactics,
    a.primary_kpi, a.guardrail_kpi, a.budget_share, a.perk, a.perk_capacity
FROM custseg.segment_value_history h
JOIN custseg.segment_value_history t ON t.model = h.model AND t.run = h.run AND t.segment IS NULL AND t.name = 'total'
LEFT JOIN custseg.segment_action a ON a.model = h.model AND a.segment = h.segment
WHERE h.segment IS NOT NULL AND h.n > 0
    AND h.run = (SELECT max(l.run) FROM custseg.segment_value_history l WHERE l.model = h.model AND l.value_model = h.value_model)
    -- leaving: of what they would be worth, more is at risk than of all customers'
    AND h.value_at_risk * t.value_sum > t.value_at_risk * h.value_sum
    -- and valuable: more is at risk with one of them than with a customer on average
    AND h.value_at_risk * t.n > t.value_at_risk * h.n;

COMMENT ON VIEW custseg.value_at_risk IS 'Segments whose customers leave, yet are valuable, in the last run of record_segment_value() for each two models: of what they would be worth, a larger part is at risk than of all customers, and more with each of them than with a customer on average. Beside them, what to do.';
COMMENT ON COLUMN custseg.value_at_risk.model IS 'Name of the model of the segments.';
COMMENT ON COLUMN custseg.value_at_risk.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.value_at_risk.churn IS 'Share of the customers who have left, as expected.';
COMMENT ON COLUMN custseg.value_at_risk.value_at_risk IS 'What the customers who have left would be worth if they had not.';
COMMENT ON COLUMN custseg.value_at_risk.value_at_risk_mean IS 'The same for each customer of the segment.';
COMMENT ON COLUMN custseg.value_at_risk.n_leaving IS 'Customers of whom nobody knows whether they have left.';
COMMENT ON COLUMN custseg.value_at_risk.n_left IS 'Customers who have probably left.';
COMMENT ON COLUMN custseg.value_at_risk.leaving_at_risk IS 'Part of value_at_risk that comes from the customers of n_leaving.';
COMMENT ON COLUMN custseg.value_at_risk.channel IS 'Where to reach these customers; NULL, here and in all columns that follow, when nothing was set.';

CREATE VIEW custseg.experiment_gain WITH (security_invoker = true) AS
SELECT r.model, r.experiment, r.look, x.position, r.metric, r.variant, r.n_treatment AS n, r.difference,
    r.difference * r.n_treatment AS gain, r.low * r.n_treatment AS low, r.high * r.n_treatment AS high
FROM custseg.experiment e
JOIN custseg.experiment_metric x ON x.experiment = e.experiment AND x.kind = 'mean'
JOIN custseg.experiment_look_metric r ON r.experiment = e.experiment AND r.metric = x.metric AND r.segment IS NULL
    AND r.look = coalesce(e.decided_look, (SELECT max(l.look) FROM custseg.experiment_look l WHERE l.experiment = e.experiment));

COMMENT ON VIEW custseg.experiment_gain IS 'What each variant of an experiment has brought in all: for each metric that is a mean, such as revenue, its effect times the customers who got the variant, by the look that decided, or else by the last one.';
COMMENT ON COLUMN custseg.experiment_gain.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.experiment_gain.experiment IS 'Name of the experiment.';
COMMENT ON COLUMN custseg.experiment_gain.look IS 'Number of the look.';
COMMENT ON COLUMN custseg.experiment_gain.position IS 'Position of the metric in the plan, from 1.';
COMMENT ON COLUMN custseg.experiment_gain.variant IS 'Variant that is compared with the control.';
COMMENT ON COLUMN custseg.experiment_gain.n IS 'Customers of the variant who were analysed.';
COMMENT ON COLUMN custseg.experiment_gain.difference IS 'Effect on a customer: mean of the variant less that of the control.';
COMMENT ON COLUMN custseg.experiment_gain.gain IS 'What the variant has brought in all: the effect times the customers. Of a metric with a cap, amounts count up to the cap.';
COMMENT ON COLUMN custseg.experiment_gain.low IS 'Lower end of the interval of the gain.';
COMMENT ON COLUMN custseg.experiment_gain.high IS 'Upper end of the interval of the gain.';

CREATE VIEW custseg.overrides WITH (security_invoker = true) AS
SELECT o.model, o.owner, o.customer, o.kind, o.segment, s.name, o.reason, o.until, o.made_at, o.made_by
FROM custseg.segment_override o
LEFT JOIN custseg.model m ON m.name = o.model AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)
LEFT JOIN custseg.segment s
    ON s.model = m.name AND s.version = m.deployed_version AND s.segment = o.segment
WHERE o.ended_at IS NULL AND (o.until IS NULL OR o.until > now());

COMMENT ON VIEW custseg.overrides IS 'Overrides and exclusions that are in force; the table segment_override keeps the ended ones, too.';
COMMENT ON COLUMN custseg.overrides.model IS 'Name of the model, which may have been dropped since; NULL for all models of the owner.';
COMMENT ON COLUMN custseg.overrides.owner IS 'Role whose models the decision is for.';
COMMENT ON COLUMN custseg.overrides.segment IS 'Number of the segment; NULL when the customer is excluded from all segments.';
COMMENT ON COLUMN custseg.overrides.name IS 'Name of the segment in the deployed version; NULL when the customer is excluded or the version lacks the segment.';

CREATE VIEW custseg.consumers WITH (security_invoker = true) AS
SELECT c.consumer, c.model, custseg_private.role_name(c.reader, c.reader_oid, c.reader_cluster) AS reader, c.change_position,
    l.n, l.oldest_at, c.acknowledged_at, c.created_at, c.created_by
FROM custseg.change_consumer c
CROSS JOIN LATERAL custseg_private.consumer_lag(c.consumer) l;

COMMENT ON VIEW custseg.consumers IS 'Those who act on changes, with what each has yet to do.';
COMMENT ON COLUMN custseg.consumers.reader IS 'Role that may read and acknowledge.';
COMMENT ON COLUMN custseg.consumers.n IS 'Changes that the consumer has not acknowledged.';
COMMENT ON COLUMN custseg.consumers.oldest_at IS 'Time of the oldest of them; NULL when there is none.';

-- gates

CREATE FUNCTION custseg.go_no_go(
    model text,
    options jsonb DEFAULT '{}',
    OUT condition text,
    OUT kind text,
    OUT state text,
    OUT evidence text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 1000 ROWS 10
BEGIN ATOMIC
    WITH o AS MATERIALIZED (
        SELECT go_no_go.model AS model, (o ->> 'monitor_days')::int AS monitor_days, (o ->> 'latency')::float8 AS latency
        FROM custseg_private.gate_options(go_no_go.model, go_no_go.options) AS o
    ), m AS (
        SELECT o.*, m.deployed_version AS version,
            (SELECT max(d.deployed_at) FROM custseg.deployment d WHERE d.model = m.name AND d.version = m.deployed_version) AS deployed_at
        FROM o
        -- from the left, so that it is looked for whatever a role can see; not by the argument: where PostgreSQL plans for
        -- one that is NULL, it would leave out o, which looks at it
        LEFT JOIN custseg.model m ON m.name = o.model
    ), alerts AS (
        SELECT count(*) AS n, count(*) FILTER (WHERE a.severity = 'critical') AS n_critical,
            string_agg(a.message, '; ' ORDER BY a.id) FILTER (WHERE a.severity = 'critical') AS messages
        FROM custseg.alert a
        WHERE a.model = go_no_go.model AND a.closed_at IS NULL
    ), run AS (
        SELECT r.started_at, r.status, r.error, r.version
        FROM custseg.monitor_run r
        WHERE r.model = go_no_go.model AND r.status <> 'skipped'
        ORDER BY r.id DESC
        LIMIT 1
    ), latency AS (
        SELECT custseg_private.scoring_latency(go_no_go.model, m.version) AS milliseconds
        FROM m
        WHERE m.version IS NOT NULL
    ), trial AS (
        SELECT e.experiment, e.status, e.decision, e.decision_reason, e.version
        FROM custseg.experiment e
        WHERE e.model = go_no_go.model
        ORDER BY e.decided_at DESC NULLS LAST, e.created_at DESC
        LIMIT 1
    ), places AS (
        SELECT p.segment, p.name, p.set_at, p.perk, p.perk_capacity, p.n, p.counted_at
        FROM custseg.playbook p
        -- nobody acts on noise
        WHERE p.model = go_no_go.model AND p.segment > 0
    ), operations AS (
        SELECT count(*) AS n, count(*) FILTER (WHERE p.set_at IS NULL) AS n_without,
            string_agg(p.name, ', ' ORDER BY p.segment) FILTER (WHERE p.set_at IS NULL) AS without,
            count(p.perk_capacity) AS n_limited,
            count(*) FILTER (WHERE p.perk_capacity IS NOT NULL AND p.n IS NULL) AS n_uncounted,
            string_agg(format('%s (%s customers, %s)', p.name, custseg_private.count_words(p.n), CASE p.perk_capacity WHEN 1 THEN '1 place' ELSE custseg_private.count_words(p.perk_capacity) || ' places' END), ', ' ORDER BY p.segment) FILTER (WHERE p.n > p.perk_capacity) AS full_up,
            max(p.counted_at) AS counted_at
        FROM places p
    )
    SELECT c.condition, c.kind, c.state, c.evidence, c.reason
    FROM (
        SELECT 1 AS position, 'deployed' AS condition, 'technical' AS kind,
            CASE WHEN m.version IS NULL THEN 'fail' ELSE 'pass' END AS state,
            CASE WHEN m.version IS NOT NULL THEN format('version %s, deployed %s', m.version, to_char(m.deployed_at, 'YYYY-MM-DD')) END AS evidence,
            CASE WHEN m.version IS NULL THEN 'no version is deployed' ELSE 'a version is deployed' END AS reason
        FROM m
        UNION ALL
        SELECT 2, 'alerts', 'technical', CASE WHEN a.n_critical > 0 THEN 'fail' ELSE 'pass' END,
            format('%s open, %s critical', a.n, a.n_critical), coalesce(left(a.messages, 1000), 'no critical alert is open')
        FROM m, alerts a
        UNION ALL
        SELECT 3, 'monitor', 'technical',
            CASE
                WHEN r.started_at IS NULL OR r.started_at < now() - make_interval(days => m.monitor_days) OR r.version IS DISTINCT FROM m.version THEN 'unclear'
                WHEN r.status = 'ok' THEN 'pass'
                ELSE 'fail'
            END,
            CASE WHEN r.started_at IS NOT NULL THEN format('%s on %s, of version %s', r.status, to_char(r.started_at, 'YYYY-MM-DD'), r.version) END,
            CASE
                WHEN r.started_at IS NULL THEN 'monitor() never looked at the model'
                WHEN r.started_at < now() - make_interval(days => m.monitor_days) THEN format('monitor() has not looked at the model for %s days', m.monitor_days)
                WHEN r.version IS DISTINCT FROM m.version THEN 'monitor() has not looked at the version that is deployed'
                WHEN r.status = 'ok' THEN 'the last run of monitor() went through'
                ELSE left(r.error, 1000)
            END
        FROM m LEFT JOIN run r ON true
        UNION ALL
        SELECT 4, 'latency', 'technical',
            CASE WHEN l.milliseconds IS NULL THEN 'unclear' WHEN l.milliseconds < m.latency THEN 'pass' ELSE 'fail' END,
            round(l.milliseconds::numeric, 4) || ' ms',
            CASE WHEN l.milliseconds IS NULL THEN 'nobody can be placed' ELSE format('95 of 100 customers are placed within that time, against %s ms', m.latency) END
        FROM m LEFT JOIN latency l ON true
        UNION ALL
        SELECT 5, 'experiment', 'experiment',
            CASE t.decision WHEN 'launch' THEN 'pass' WHEN 'stop' THEN 'fail' ELSE 'unclear' END,
            t.experiment || ': ' || coalesce(t.decision, t.status),
            CASE WHEN t.experiment IS NULL THEN 'no experiment has shown that acting on the segments pays'
                ELSE coalesce(t.decision_reason, 'the experiment has not decided') END
        FROM m LEFT JOIN trial t ON true
        UNION ALL
        SELECT s.position, s.condition, 'survey', coalesce(g.state, 'unclear'), coalesce(g.evidence || ', ', '') || 'set by ' || g.set_by || ' on ' || to_char(g.set_at, 'YYYY-MM-DD'),
            coalesce(g.reason, 'no survey has been recorded')
        FROM m
        CROSS JOIN (VALUES (6, 'survey accuracy'), (7, 'survey satisfaction')) s (position, condition)
        LEFT JOIN custseg.gate_condition g ON g.model = go_no_go.model AND g.condition = s.condition
        UNION ALL
        SELECT 8, 'actions', 'operational', CASE WHEN p.n = 0 THEN 'unclear' WHEN p.n_without > 0 THEN 'fail' ELSE 'pass' END,
            format('%s of %s segments', p.n - p.n_without, p.n),
            CASE WHEN p.n = 0 THEN 'no version is deployed' WHEN p.n_without > 0 THEN 'no action is set for ' || p.without ELSE 'every segment has an action' END
        FROM m, operations p
        UNION ALL
        SELECT 9, 'capacity', 'operational',
            CASE WHEN p.full_up IS NOT NULL THEN 'fail' WHEN p.n_uncounted > 0 OR p.n = 0 THEN 'unclear' ELSE 'pass' END,
            format('perks with a limit: %s%s', p.n_limited, coalesce(', counted ' || to_char(p.counted_at, 'YYYY-MM-DD'), '')),
            CASE
                WHEN p.full_up IS NOT NULL THEN 'there are more customers than the perk has places: ' || p.full_up
                WHEN p.n = 0 THEN 'no version is deployed'
                WHEN p.n_uncounted > 0 THEN 'the customers have not been counted: resegment() and monitor() do'
                ELSE 'every perk has places for all customers of its segment'
            END
        FROM m, operations p
        UNION ALL
        SELECT 10, g.condition, 'other', g.state, coalesce(g.evidence || ', ', '') || 'set by ' || g.set_by || ' on ' || to_char(g.set_at, 'YYYY-MM-DD'), g.reason
        FROM custseg.gate_condition g
        WHERE g.model = go_no_go.model AND g.condition NOT IN ('survey accuracy', 'survey satisfaction')
    ) c
    ORDER BY c.position, c.condition;
END;

COMMENT ON FUNCTION custseg.go_no_go IS 'Lists what has to hold before a model is acted on, technical, experimental, of surveys and operational, and whether it does: pass, fail or unclear, with evidence and reason.
topic: actions 14
example: SELECT * FROM custseg.go_no_go(''shop'')';

CREATE FUNCTION custseg.decide(model text, reason text, options jsonb DEFAULT '{}') RETURNS custseg.gate_decision
AS 'MODULE_PATHNAME', 'custseg_decide'
LANGUAGE C;

COMMENT ON FUNCTION custseg.decide IS 'Decides by the conditions of go_no_go(): go when all pass, no-go when one fails, else hold; and keeps the decision with a reason and all that was known in gate_decision.
topic: actions 15
example: SELECT * FROM custseg.decide(''shop'', ''spring campaign'')';

-- what changed

CREATE FUNCTION custseg_private.require_owner(model text) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_require_owner'
LANGUAGE C STABLE PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.require_owner IS 'Returns true when the current role owns the model, and raises an error otherwise.';

CREATE FUNCTION custseg_private.day_words(at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_char(at, 'FMDD FMMonth YYYY');
END;

COMMENT ON FUNCTION custseg_private.day_words IS 'Returns the day of a time as people write it.';

CREATE FUNCTION custseg_private.more_words(difference float8, "before" float8, less text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN difference IS NULL THEN NULL
        WHEN round(difference::numeric) = 0 THEN 'as before'
        ELSE concat(custseg_private.count_words(abs(difference)::numeric), ' ', CASE WHEN difference > 0 THEN 'more' ELSE less END, ' than before',
            CASE WHEN "before" > 0 AND abs(difference) / "before" >= 0.01 THEN format(' (%s %%)', round((abs(difference) / "before" * 100)::numeric)) END)
    END;
END;

COMMENT ON FUNCTION custseg_private.more_words IS 'Returns a difference in words.';

CREATE FUNCTION custseg_private.action_words(cause text, from_segment int, to_segment int, version int, earlier_version int, deployed_at timestamptz, decided_kind text, decided_by name, decided_reason text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN decided_kind = 'exclusion' AND to_segment IS NULL THEN format('%s has excluded the customer: %s', decided_by, decided_reason)
        WHEN decided_kind = 'override' THEN format('%s has put the customer there by hand: %s', decided_by, decided_reason)
        WHEN cause = 'delete' THEN 'the customer''s row was deleted'
        WHEN cause = 'insert' THEN 'the customer is new'
        WHEN from_segment IS NULL AND earlier_version IS NULL THEN 'the customer was placed for the first time'
        WHEN version <> earlier_version THEN concat(format('version %s of the model is in use', version), ', since ' || custseg_private.day_words(deployed_at))
        WHEN cause = 'resegment' THEN 'what is known of the customer had changed when all were placed again'
        ELSE 'the customer''s row was changed'
    END;
END;

COMMENT ON FUNCTION custseg_private.action_words IS 'Returns in words why a customer has moved.';

CREATE FUNCTION custseg_private.customer_history(
    model text,
    customer text,
    OUT at timestamptz,
    OUT kind text,
    OUT from_segment int,
    OUT from_name text,
    OUT to_segment int,
    OUT to_name text,
    OUT version int,
    OUT cause text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH decision AS (
        SELECT o.id, o.kind, o.segment, o.reason, o.made_at, o.made_by, coalesce(o.ended_at, o.until) AS ended_at, o.ended_by
        FROM custseg.segment_override o
        JOIN custseg.model m ON m.name = customer_history.model AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)
        WHERE coalesce(o.model = customer_history.model, true) AND o.customer = customer_history.customer
    ), change AS (
        SELECT c.*, lag(c.version) OVER (ORDER BY c.at, c.transaction_number, c.number) AS earlier_version
        FROM custseg.segment_change c
        WHERE c.model = customer_history.model AND c.customer = customer_history.customer
    ), line AS (
        SELECT c.at, 'change' AS kind, c.from_segment, c.to_segment, c.version, c.cause,
            custseg_private.action_words(c.cause, c.from_segment, c.to_segment, c.version, c.earlier_version,
                (SELECT max(d.deployed_at) FROM custseg.deployment d WHERE d.model = c.model AND d.version = c.version AND d.deployed_at <= c.at),
                x.kind, x.made_by, x.reason) AS reason, c.transaction_number AS place, c.number
        FROM change c
        LEFT JOIN LATERAL (
            SELECT d.kind, d.made_by, d.reason
            FROM decision d
            WHERE d.made_at <= c.at AND coalesce(d.ended_at > c.at, true) AND d.segment IS NOT DISTINCT FROM c.to_segment
            ORDER BY d.id DESC
            LIMIT 1
        ) x ON c.cause <> 'delete'
        UNION ALL
        SELECT d.made_at, d.kind, NULL, d.segment, NULL, NULL, format('%s: %s', d.made_by, d.reason), 0, d.id::int
        FROM decision d
        UNION ALL
        SELECT d.ended_at, 'end of ' || d.kind, d.segment, NULL, NULL, NULL, coalesce(format('%s has ended it', d.ended_by), 'it has expired'), 0, d.id::int
        FROM decision d
        WHERE d.ended_at <= now()
    )
    SELECT l.at, l.kind, l.from_segment, f.name, l.to_segment, t.name, l.version, l.cause, l.reason
    FROM line l
    LEFT JOIN custseg_private.segment_names(customer_history.model) f ON f.segment = l.from_segment
    LEFT JOIN custseg_private.segment_names(customer_history.model) t ON t.segment = l.to_segment
    ORDER BY l.at, l.place, l.number;
END;

COMMENT ON FUNCTION custseg_private.customer_history IS 'Returns the changes and decisions of one customer, by the text of the id, in the order of time.';

CREATE FUNCTION custseg.segment_history(
    model text,
    customer "any",
    OUT at timestamptz,
    OUT kind text,
    OUT from_segment int,
    OUT from_name text,
    OUT to_segment int,
    OUT to_name text,
    OUT version int,
    OUT cause text,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_segment_history'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.segment_history IS 'Returns the segments of one customer over time with the reason of each change, and the decisions that were made by hand; for the owner of a model that tracks changes.
topic: changes 12
example: SELECT * FROM custseg.segment_history(''shop'', 7)';

-- The last time that customers were counted, not after a time if it can be, and how many there were, and what they were worth, in each segment.
CREATE FUNCTION custseg_private.counted_before(
    model text,
    since timestamptz,
    needs_value bool,
    OUT counted_at timestamptz,
    OUT segment int,
    OUT n bigint,
    OUT total_value float8
) RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH counts AS (
        SELECT 'resegment' AS how, max(g.finished_at) AS at, g.run_at, g.source, NULL::bigint AS run, NULL::int AS version
        FROM custseg.migration g
        WHERE g.model = counted_before.model AND g.finished_at IS NOT NULL AND g.condition IS NULL
            AND (NOT needs_value OR g.value_column IS NOT NULL)
        GROUP BY g.run_at, g.source
        UNION ALL
        SELECT 'monitor', r.finished_at, NULL, NULL, r.id, NULL
        FROM custseg.monitor_run r
        JOIN custseg.monitor_segment s ON s.model = r.model AND s.run = r.id AND s.segment IS NULL AND s.n IS NOT NULL
        WHERE r.model = counted_before.model AND NOT needs_value
        UNION ALL
        SELECT 'publish', p.published_at, p.published_at, NULL, NULL, NULL
        FROM custseg.report p
        WHERE p.model = counted_before.model AND p.part = 'summary'
            AND (NOT needs_value OR p.body @? '$[*].total_value ? (@ != null)')
        UNION ALL
        SELECT 'train', v.trained_at, NULL, NULL, NULL, v.version
        FROM custseg.model_version v
        WHERE v.model = counted_before.model AND NOT needs_value
    ), chosen AS (
        SELECT c.*
        FROM counts c
        -- the last one until then, of its day one that knows of decisions by hand, which monitor() leaves out; else the first one
        ORDER BY c.at <= since DESC, CASE WHEN c.at <= since THEN (c.at AT TIME ZONE 'UTC')::date END DESC NULLS LAST, c.at <= since AND c.how = 'monitor',
            CASE WHEN c.at <= since THEN c.at END DESC NULLS LAST, c.at, c.how
        LIMIT 1
    )
    SELECT c.at, g.to_segment, sum(g.n)::bigint, sum(g.total_value)
    FROM chosen c
    JOIN custseg.migration g ON g.model = counted_before.model AND g.run_at = c.run_at AND g.source = c.source
    WHERE c.how = 'resegment' AND g.to_segment IS NOT NULL
    GROUP BY c.at, g.to_segment
    UNION ALL
    SELECT c.at, s.segment, s.n, NULL
    FROM chosen c
    JOIN custseg.monitor_segment s ON s.model = counted_before.model AND s.run = c.run
    WHERE c.how = 'monitor' AND s.segment IS NOT NULL
    UNION ALL
    SELECT c.at, r.segment, r.n, r.total_value
    FROM chosen c
    JOIN custseg.report p ON p.model = counted_before.model AND p.published_at = c.run_at AND p.part = 'summary'
    CROSS JOIN LATERAL jsonb_to_recordset(p.body) r (segment int, n bigint, total_value float8)
    WHERE c.how = 'publish' AND r.n IS NOT NULL
    UNION ALL
    SELECT c.at, s.segment, s.n, NULL
    FROM chosen c
    JOIN custseg.segment s ON s.model = counted_before.model AND s.version = c.version
    WHERE c.how = 'train';
END;

COMMENT ON FUNCTION custseg_private.counted_before IS 'Returns the sizes of segments, and what they were worth, as they were counted last before a time, or first after it.';

-- One check that does not find a lasting change, which may be small, is no sign that it is over: as many in a row are as have
-- found it, or another version, which has been trained anew.
CREATE FUNCTION custseg_private.trend_words(alert custseg.alert) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH since AS (
        SELECT f.run, f.p_adjusted < 0.05 AS has_found
        FROM custseg.monitor_feature f
        WHERE f.model = alert.model AND f.feature = alert.subject AND f.version = alert.version AND f.run >= alert.closed_run
    ), state AS (
        SELECT
            count(*) AS n_without,
            EXISTS (SELECT FROM custseg.monitor_run r WHERE r.model = alert.model AND r.id = alert.closed_run AND r.version <> alert.version) AS is_replaced
        FROM since s
        WHERE NOT s.has_found AND NOT EXISTS (SELECT FROM since l WHERE l.has_found AND l.run > s.run)
    )
    SELECT concat(
        CASE WHEN alert.closed_at IS NULL THEN 'Look at this: customers have' WHEN s.is_replaced OR s.n_without >= 3 THEN 'Over: customers had' ELSE 'Perhaps over: customers had' END,
        ' come to differ in ', alert.subject, ' from those of the training',
        CASE WHEN alert.message LIKE '%: a lasting change, perhaps a small one: %' THEN ', perhaps only a little' END,
        ': at least 3 checks in a row ', CASE WHEN alert.closed_at IS NULL THEN 'have' ELSE 'had' END, ' found it',
        CASE
            WHEN alert.closed_at IS NULL THEN ''
            WHEN s.is_replaced THEN '; another version is in use since then'
            WHEN s.n_without >= 3 THEN format(', and the last %s have not', s.n_without)
            WHEN s.n_without = 2 THEN ', the last 2 have not'
            WHEN s.n_without = 1 THEN ', the last one has not'
            ELSE ', not all since then have'
        END, '.')
    FROM state s;
END;

COMMENT ON FUNCTION custseg_private.trend_words IS 'Returns what is told of an alert of a trend in plain words: whether it is there, perhaps over or over.';

CREATE FUNCTION custseg.what_changed(
    model text,
    source text DEFAULT NULL,
    since timestamptz DEFAULT NULL,
    OUT section text,
    OUT subject text,
    OUT segment int,
    OUT "before" float8,
    OUT "after" float8,
    OUT difference float8,
    OUT unit text,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE COST 10000 ROWS 50
BEGIN ATOMIC
    WITH asked AS MATERIALIZED (
        SELECT m.name AS model, m.deployed_version AS version, coalesce(what_changed.since, now() - interval '1 month') AS since,
            p.presentation ->> 'value' AS value, coalesce(p.presentation ->> 'currency', '') AS currency
        FROM custseg.model m
        LEFT JOIN custseg.presentation p ON p.model = m.name
        WHERE m.name = what_changed.model AND custseg_private.check_model(what_changed.model)
    ), current_state AS MATERIALIZED (
        SELECT s.segment, s.name, s.n::float8 AS n, s.total_value
        FROM asked a
        CROSS JOIN LATERAL custseg.segment_summary(a.model, what_changed.source, a.value) s
    ), earlier AS MATERIALIZED (
        SELECT c.*
        FROM asked a
        CROSS JOIN LATERAL custseg_private.counted_before(a.model, a.since, false) c
    ), earlier_value AS MATERIALIZED (
        SELECT c.*
        FROM asked a
        CROSS JOIN LATERAL custseg_private.counted_before(a.model, a.since, true) c
        WHERE a.value IS NOT NULL
    ), names AS MATERIALIZED (
        SELECT * FROM custseg_private.segment_names(what_changed.model)
    ), sizes AS (
        SELECT coalesce(c.segment, e.segment) AS segment, coalesce(c.name, s.name) AS name, e.n::float8 AS before, coalesce(c.n, 0) AS after,
            coalesce(c.n, 0) - coalesce(e.n, 0)::float8 AS difference, v.total_value AS value_before, c.total_value AS value_after
        FROM current_state c
        FULL JOIN earlier e ON e.segment = c.segment
        LEFT JOIN earlier_value v ON v.segment = coalesce(c.segment, e.segment)
        LEFT JOIN names s ON s.segment = coalesce(c.segment, e.segment)
    ), moves AS (
        SELECT g.from_segment, g.to_segment, sum(g.n)::float8 AS n, sum(g.total_value) AS total_value
        FROM asked a
        JOIN custseg.migration g ON g.model = a.model AND g.run_at >= a.since
        WHERE g.from_segment IS DISTINCT FROM g.to_segment
        GROUP BY g.from_segment, g.to_segment
    ), runs AS MATERIALIZED (
        SELECT r.*, row_number() OVER (PARTITION BY r.started_at >= a.since ORDER BY r.id DESC) AS place, r.started_at >= a.since AS is_new
        FROM asked a
        JOIN custseg.monitor_run r ON r.model = a.model AND r.status <> 'skipped'
    ), latest_run AS (
        SELECT * FROM runs WHERE is_new AND place = 1
    ), features AS (
        SELECT f.feature, f.verdict, f.psi, b.verdict AS verdict_before, b.psi AS psi_before
        FROM latest_run r
        JOIN custseg.monitor_feature f ON f.model = r.model AND f.run = r.id
        LEFT JOIN runs p ON NOT p.is_new AND p.place = 1
        LEFT JOIN custseg.monitor_feature b ON b.model = r.model AND b.run = p.id AND b.feature = f.feature AND b.version = f.version
    ), kpis AS (
        SELECT k.*
        FROM asked a
        CROSS JOIN LATERAL custseg.kpi_changes(a.model) k
        WHERE k.month + interval '1 month' > a.since AND k.rating IN ('watch', 'degraded')
    ), line AS (
        SELECT 1 AS part, 0 AS place, 'summary' AS section, a.model AS subject, NULL::int AS segment, e.n AS before, c.n AS after, c.n - e.n AS difference, 'customers' AS unit,
            concat(custseg_private.count_words(c.n::numeric), ' customers are in a segment now', ', ' || custseg_private.more_words(c.n - e.n, e.n, 'fewer'), '. ',
                'Before means ' || custseg_private.day_words(e.counted_at) || ', when they were counted.') AS reason
        FROM asked a
        CROSS JOIN (SELECT sum(s.n) AS n FROM current_state s WHERE s.segment > 0) c
        CROSS JOIN (SELECT sum(x.n)::float8 AS n, max(x.counted_at) AS counted_at FROM earlier x WHERE x.segment > 0) e
        UNION ALL
        SELECT 2, (row_number() OVER (ORDER BY abs(s.difference) DESC, s.segment))::int, 'size', s.name, s.segment, s.before, s.after, s.difference, 'customers',
            concat(s.name, ' has ', custseg_private.count_words(s.after::numeric), ' customers',
                CASE WHEN s.before IS NULL THEN '; there was no such segment before' ELSE ', ' || custseg_private.more_words(s.difference, s.before, 'fewer') END, '.')
        FROM sizes s
        WHERE s.segment IS NOT NULL
        UNION ALL
        SELECT 3, (row_number() OVER (ORDER BY abs(s.value_after - s.value_before) DESC NULLS LAST, s.segment))::int, 'value', s.name, s.segment, s.value_before, s.value_after,
            s.value_after - s.value_before, nullif(a.currency, ''),
            concat('The customers of ', s.name, ' are worth ', custseg_private.count_words(s.value_after::numeric), ' ' || nullif(a.currency, ''),
                ', ' || custseg_private.more_words(s.value_after - s.value_before, s.value_before, 'less'), '.')
        FROM asked a
        CROSS JOIN sizes s
        WHERE s.value_after IS NOT NULL
        UNION ALL
        SELECT 4, (row_number() OVER (ORDER BY abs(v.total_value) DESC NULLS LAST, v.n DESC, v.from_segment, v.to_segment))::int, 'move',
            concat(coalesce(f.name, 'no segment'), ' -> ', coalesce(t.name, 'no segment')), v.to_segment, NULL, v.n, v.n, 'customers',
            concat(custseg_private.count_words(v.n::numeric), CASE WHEN v.n = 1 THEN ' customer ' ELSE ' customers ' END,
                CASE
                    WHEN v.from_segment IS NULL THEN 'came to ' || coalesce(t.name, 'a segment that is gone')
                    WHEN v.to_segment IS NULL THEN 'of ' || coalesce(f.name, 'a segment that is gone') || CASE WHEN v.n = 1 THEN ' has' ELSE ' have' END || ' no segment any more'
                    ELSE 'went from ' || coalesce(f.name, 'a segment that is gone') || ' to ' || coalesce(t.name, 'a segment that is gone')
                END,
                ', worth ' || custseg_private.count_words(v.total_value::numeric) || coalesce(' ' || nullif(a.currency, ''), ''), '.')
        FROM asked a
        CROSS JOIN moves v
        LEFT JOIN names f ON f.segment = v.from_segment
        LEFT JOIN names t ON t.segment = v.to_segment
        UNION ALL
        SELECT 5, (row_number() OVER (ORDER BY f.verdict, f.psi DESC NULLS LAST, f.feature))::int, 'drift', f.feature, NULL, f.psi_before, f.psi, f.psi - f.psi_before, NULL,
            concat('The values of ', f.feature, ' are not what they were when the model was trained',
                CASE WHEN f.verdict_before IN ('watch', 'drifted') THEN ', as before' ELSE ', which is new' END, '.')
        FROM features f
        WHERE f.verdict IN ('watch', 'drifted')
        UNION ALL
        SELECT 5, 1000, 'drift', f.feature, NULL, f.psi_before, f.psi, f.psi - f.psi_before, NULL,
            concat('The values of ', f.feature, ' are again what they were when the model was trained.')
        FROM features f
        WHERE f.verdict = 'ok' AND f.verdict_before IN ('watch', 'drifted')
        UNION ALL
        SELECT 6, q.place::int, 'quality', coalesce(q.finding ->> 'name', a.model), NULL, NULL, NULL, NULL, NULL,
            concat('There is something wrong with the data of ', coalesce(q.finding ->> 'name', 'the customers'), ': ', q.finding ->> 'reason', '.')
        FROM asked a
        CROSS JOIN latest_run r
        CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(r.findings -> 'data_quality') = 'array' THEN r.findings -> 'data_quality' END) WITH ORDINALITY q (finding, place)
        UNION ALL
        SELECT 6, 1000, 'quality', a.model, NULL, NULL, NULL, NULL, NULL, 'Nobody has looked at the data since then: the checks have not run.'
        FROM asked a
        WHERE NOT EXISTS (SELECT FROM latest_run)
        UNION ALL
        SELECT 7, (row_number() OVER (ORDER BY k.rating, k.segment, k.kpi))::int, 'kpi', concat(k.name, ': ', k.kpi), k.segment, k.reference, k.kpi_value, k.difference, NULL,
            concat('In ', to_char(k.month, 'FMMonth YYYY'), ', ', CASE k.kpi WHEN 'conversion' THEN 'the share of buyers' WHEN 'retention' THEN 'the share of those who bought again'
                    WHEN 'revenue' THEN 'revenue a customer' WHEN 'orders' THEN 'orders a customer' ELSE k.kpi END, ' of ', k.name, ' fell by ',
                round(abs(k.change * 100)::numeric), ' % against ', to_char(k.reference_month, 'FMMonth YYYY'),
                CASE k.rating WHEN 'degraded' THEN ', more than chance explains' ELSE ', more than chance explains, but not by much' END, '.')
        FROM kpis k
        UNION ALL
        SELECT 8, (row_number() OVER (ORDER BY l.severity, l.id))::int, 'alert', l.subject, NULL, NULL, NULL, NULL, NULL,
            CASE l.kind
                WHEN 'trend' THEN custseg_private.trend_words(l)
                ELSE concat(CASE WHEN l.closed_at IS NULL THEN CASE l.severity WHEN 'critical' THEN 'Look at this first' ELSE 'Look at this' END ELSE 'Over' END, ': ',
                    -- measures are for the page of alerts
                    regexp_replace(l.message, ' \([^()]*\m(PSI|KS|p|V|chi-square|Cramer)\M[^()]*\)|: their PSI is [0-9.]+, above [0-9.]+', '', 'g'), '.')
            END
        FROM asked a
        JOIN custseg.alert l ON l.model = a.model AND (l.closed_at IS NULL AND l.last_seen >= a.since OR l.closed_at >= a.since)
        -- a lasting change that has become a large one is not over
        WHERE NOT (l.kind = 'trend' AND l.closed_at IS NOT NULL AND EXISTS (
            SELECT FROM custseg.alert d WHERE d.model = l.model AND d.kind = 'drift' AND d.subject = l.subject AND d.closed_at IS NULL))
        UNION ALL
        SELECT 9, (row_number() OVER (ORDER BY d.at, d.reason))::int, 'decision', d.subject, NULL, NULL, NULL, NULL, NULL, d.reason
        FROM asked a
        CROSS JOIN LATERAL (
            SELECT p.deployed_at AS at, 'version ' || p.version AS subject,
                concat('On ', custseg_private.day_words(p.deployed_at), ' ', p.deployed_by, CASE p.action WHEN 'rollback' THEN ' went back to version ' ELSE ' put version ' END, p.version, CASE p.action WHEN 'rollback' THEN '' ELSE ' in use' END, ': ' || p.reason, '.') AS reason
            FROM custseg.deployment p
            WHERE p.model = a.model AND p.deployed_at >= a.since
            UNION ALL
            SELECT g.decided_at, g.decision, concat('On ', custseg_private.day_words(g.decided_at), ' ', g.decided_by, ' decided ', g.decision, ': ', g.reason, '.')
            FROM custseg.gate_decision g
            WHERE g.model = a.model AND g.decided_at >= a.since
            UNION ALL
            SELECT e.decided_at, e.experiment, concat('The experiment ', e.experiment, ' has decided: ', e.decision, '.')
            FROM custseg.experiment e
            WHERE e.model = a.model AND e.decided_at >= a.since
            UNION ALL
            SELECT e.ended_at, e.experiment, concat(e.ended_by, ' ended the experiment ', e.experiment, ': ' || e.end_reason, '.')
            FROM custseg.experiment e
            WHERE e.model = a.model AND e.ended_at >= a.since
            UNION ALL
            SELECT max(o.made_at), o.kind, concat(count(*), CASE o.kind WHEN 'exclusion' THEN CASE WHEN count(*) = 1 THEN ' customer was' ELSE ' customers were' END || ' excluded by hand.'
                    ELSE CASE WHEN count(*) = 1 THEN ' customer was' ELSE ' customers were' END || ' put in a segment by hand.' END)
            FROM custseg.segment_override o
            JOIN custseg.model m ON m.name = a.model AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)
            WHERE coalesce(o.model = a.model, true) AND o.made_at >= a.since
            GROUP BY o.kind
        ) d
    )
    SELECT l.section, l.subject, l.segment, l.before, l.after, l.difference, l.unit, regexp_replace(l.reason, '([.!?])\.$', '\1')
    FROM line l
    ORDER BY l.part, l.place, l.segment, l.subject;
END;

COMMENT ON FUNCTION custseg.what_changed IS 'Tells what has changed since a time, by default for a month: sizes and value of segments, who moved and what they are worth, data and measures that are not as they were, alerts and decisions; each with a sentence in plain words.
topic: changes 10
example: SELECT section, subject, difference, reason FROM custseg.what_changed(''shop'', ''customers'')';

CREATE FUNCTION custseg.what_changed_text(model text, source text DEFAULT NULL, since timestamptz DEFAULT NULL, most int DEFAULT 5) RETURNS text
LANGUAGE sql STABLE PARALLEL UNSAFE COST 10000
BEGIN ATOMIC
    WITH line AS (
        SELECT w.section, w.reason, w.place, row_number() OVER (PARTITION BY w.section ORDER BY w.place) AS number, count(*) OVER (PARTITION BY w.section) AS n
        FROM custseg.what_changed(what_changed_text.model, what_changed_text.source, what_changed_text.since) WITH ORDINALITY w (section, subject, segment, before, after, difference, unit, reason, place)
        -- what has not changed is left out of a mail
        WHERE NOT (w.section IN ('size', 'value') AND coalesce(round(w.difference::numeric) = 0, true))
    )
    SELECT concat('What has changed for ', what_changed_text.model, E'\n', string_agg(p.body, '' ORDER BY p.place))
    FROM (
        SELECT min(l.place) AS place, concat(E'\n', h.heading || E'\n', string_agg(l.reason, E'\n' ORDER BY l.place) FILTER (WHERE l.number <= greatest(what_changed_text.most, 1)),
            CASE WHEN max(l.n) > greatest(what_changed_text.most, 1) THEN format(E'\nAnd %s more.', max(l.n) - greatest(what_changed_text.most, 1)) END, E'\n') AS body
        FROM line l
        LEFT JOIN (VALUES ('size', 'How many there are'), ('value', 'What they are worth'), ('move', 'Who has moved'), ('drift', 'Customers are not as they were'), ('quality', 'The data'),
                ('kpi', 'What they did'), ('alert', 'Alerts'), ('decision', 'What was decided')) h (section, heading) ON h.section = l.section
        GROUP BY l.section, h.heading
    ) p;
END;

COMMENT ON FUNCTION custseg.what_changed_text IS 'Writes what what_changed() tells as the text of a mail: at most so many sentences of each kind, the most important first, without what has stayed as it was.
topic: changes 11
example: SELECT custseg.what_changed_text(''shop'', ''customers'')';

-- governance

CREATE FUNCTION custseg.set_column_note(model text, source text, "column" text, note jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'custseg_set_column_note'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION custseg.set_column_note IS 'Keeps what a column means: meaning, source_system, unit, range, update_cadence and owner, for a model or for a relation; what is not given stays, null removes, and NULL as the note takes all away.
topic: governance 1
example: SELECT custseg.set_column_note(''shop'', NULL, ''recency'', ''{"meaning": "Days since the last order", "unit": "days"}'')';

CREATE FUNCTION custseg.data_dictionary(
    model text,
    OUT column_name text,
    OUT type text,
    OUT kind text,
    OUT is_feature bool,
    OUT meaning text,
    OUT source_system text,
    OUT unit text,
    OUT range text,
    OUT update_cadence text,
    OUT steward text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL SAFE ROWS 20
BEGIN ATOMIC
    WITH m AS (
        SELECT m.name, m.deployed_version, v.source, v.search_path
        FROM custseg.model m
        LEFT JOIN custseg.model_version v ON v.model = m.name AND v.version = m.deployed_version
        WHERE m.name = data_dictionary.model
    ), feature AS (
        SELECT f.name AS column_name, f.type, f.kind, f.position
        FROM m
        JOIN custseg.feature f ON f.model = m.name AND f.version = m.deployed_version
    ), relation_note AS (
        SELECT n.*
        FROM m
        -- a source that is a relation, in the first schema that has a note of one of its name; a query is none
        JOIN custseg.column_note n ON n.source = coalesce((
            SELECT c.source
            FROM unnest(string_to_array(m.search_path, ', ')) WITH ORDINALITY p (schema, place)
            JOIN custseg.column_note c ON c.source = p.schema || '.' || m.source
            ORDER BY p.place
            LIMIT 1), m.source)
    ), model_note AS (
        SELECT n.*
        FROM custseg.column_note n
        WHERE n.model = data_dictionary.model
    ), shown AS (
        SELECT e.key AS column_name, e.value
        FROM custseg.presentation p
        CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(p.presentation -> 'columns') = 'object' THEN p.presentation -> 'columns' END) e
        WHERE p.model = data_dictionary.model
    )
    SELECT c.column_name, f.type, f.kind, f.column_name IS NOT NULL,
        coalesce(n.meaning, r.meaning, s.value ->> 'description', s.value ->> 'label'), coalesce(n.source_system, r.source_system), coalesce(n.unit, r.unit, s.value ->> 'unit'),
        coalesce(n.range, r.range), coalesce(n.update_cadence, r.update_cadence), coalesce(n.steward, r.steward)
    FROM (SELECT column_name FROM feature UNION SELECT column_name FROM model_note UNION SELECT column_name FROM relation_note UNION SELECT column_name FROM shown) c
    LEFT JOIN feature f ON f.column_name = c.column_name
    LEFT JOIN model_note n ON n.column_name = c.column_name
    LEFT JOIN relation_note r ON r.column_name = c.column_name
    LEFT JOIN shown s ON s.column_name = c.column_name
    ORDER BY f.position NULLS LAST, c.column_name;
END;

COMMENT ON FUNCTION custseg.data_dictionary IS 'Lists the columns of a model with what is known of their meaning: the notes of the model, else those of the relation that it was trained on, else the presentation.
topic: governance 2
example: SELECT * FROM custseg.data_dictionary(''shop'')';

CREATE FUNCTION custseg_private.described_presentation(model text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH p AS (
        SELECT (SELECT t.presentation FROM custseg.presentation t WHERE t.model = described_presentation.model) AS presentation
    ), note AS (
        SELECT d.column_name, jsonb_strip_nulls(jsonb_build_object('description', nullif(d.meaning, p.presentation -> 'columns' -> d.column_name ->> 'label'), 'unit', d.unit,
            'source_system', d.source_system, 'range', d.range, 'update_cadence', d.update_cadence, 'owner', d.steward)) AS facts
        FROM p
        CROSS JOIN custseg.data_dictionary(described_presentation.model) d
    )
    SELECT CASE WHEN n.columns IS NULL THEN p.presentation ELSE coalesce(p.presentation, '{}') || jsonb_build_object('columns', coalesce(p.presentation -> 'columns', '{}') || n.columns) END
    FROM p
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(n.column_name, coalesce(p.presentation -> 'columns' -> n.column_name, '{}') || n.facts) AS columns
        FROM note n
        WHERE n.facts <> '{}'
    ) n;
END;

COMMENT ON FUNCTION custseg_private.described_presentation IS 'Returns the presentation of a model with what is noted of its columns, as pages and reports show it; NULL when there is neither.';

CREATE FUNCTION custseg.personal_data(
    model text,
    OUT kind text,
    OUT version int,
    OUT n bigint,
    OUT is_named bool,
    OUT reason text,
    OUT remedy text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE ROWS 30
BEGIN ATOMIC
    WITH v AS MATERIALIZED (
        SELECT v.*
        FROM custseg.model_version v
        WHERE v.model = personal_data.model AND custseg_private.require_owner(personal_data.model)
    )
    SELECT p.kind, p.version, p.n, p.is_named, p.reason, p.remedy
    FROM (
        SELECT 1 AS part, 'override' AS kind, NULL::int AS version, count(*) AS n, true AS is_named,
            'decisions by hand, with the ids of customers: they say who is placed where, and who objected' AS reason, 'forget_customer() deletes them, but for an objection that is in force; end_override() ends it' AS remedy
        FROM custseg.segment_override o
        JOIN custseg.model m ON m.name = personal_data.model AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)
        WHERE coalesce(o.model = personal_data.model, true)
        UNION ALL
        SELECT 2, 'change', NULL, count(*), true, 'changes of segments, with the ids of customers: those who act on them read them', 'forget_customer(); forget_changes() deletes old ones'
        FROM custseg.segment_change c
        WHERE c.model = personal_data.model
        UNION ALL
        SELECT 3, 'enrolment', NULL, count(*), true, 'who is in an experiment, with the ids of customers: their results are compared', 'forget_customer(), drop_experiment()'
        FROM custseg.enrolment n
        JOIN custseg.experiment e ON e.experiment = n.experiment
        WHERE e.model = personal_data.model
        UNION ALL
        SELECT 4, 'outcome', o.version, count(*), bool_or(o.customer IS NOT NULL), 'what came of customers beside what was predicted of them: it shows whether predictions hold', 'forget_customer(), drop_model() with the version'
        FROM custseg.outcome o
        WHERE o.model = personal_data.model
        GROUP BY o.version
        UNION ALL
        SELECT 5, 'donors', v.version, CASE WHEN jsonb_typeof(v.donors) = 'array' THEN jsonb_array_length(v.donors) END, false,
            'rows of the training, scaled: missing values are filled in from the most similar of them', 'train again without impute => knn, or without the customer, and drop the version'
        FROM v
        WHERE v.donors IS NOT NULL
        UNION ALL
        SELECT 6, CASE v.algorithm WHEN 'kmedoids' THEN 'medoids' ELSE 'core points' END, v.version,
            CASE WHEN v.algorithm = 'kmedoids' THEN v.n_segments WHEN v.points IS NOT NULL THEN coalesce(array_length(v.points, 1), 0)
                WHEN jsonb_typeof(p.points) = 'array' THEN jsonb_array_length(p.points) END, false,
            CASE v.algorithm WHEN 'kmedoids' THEN 'rows of the training: each segment is represented by a customer' ELSE 'rows of the training: a customer belongs to the segment of those who are near' END,
            'train again without the customer, or by another algorithm, and drop the version'
        FROM v
        CROSS JOIN LATERAL (SELECT v.parameters -> CASE v.algorithm WHEN 'dbscan' THEN 'core_points' ELSE 'points' END) p (points)
        WHERE v.algorithm IN ('kmedoids', 'dbscan', 'hdbscan')
        UNION ALL
        SELECT 7, 'extremes', v.version, count(f.minimum) + count(f.maximum), false,
            'the smallest and the largest value of each feature, which are those of single customers: drift and quality are measured against them', 'train on a source whose values are capped, and drop the version'
        FROM v
        JOIN custseg.feature f ON f.model = v.model AND f.version = v.version
        GROUP BY v.version
        HAVING count(f.minimum) > 0
        UNION ALL
        SELECT 8, 'values', v.version, sum(cardinality(f.quantiles)), false,
            'values of single customers in order, by feature: at most 1,001, all of them where there were fewer, from which drift is measured', 'train on more customers, and drop the version'
        FROM v
        JOIN custseg.feature f ON f.model = v.model AND f.version = v.version
        WHERE f.quantiles IS NOT NULL
        GROUP BY v.version
        UNION ALL
        SELECT 9, 'rare levels', v.version, count(*), false, 'levels of categories that one customer of the training has: scoring and drift need the list', 'merge rare levels in the source, and drop the version'
        FROM v
        JOIN custseg.feature f ON f.model = v.model AND f.version = v.version
        CROSS JOIN LATERAL unnest(f.level_counts) l (n)
        WHERE l.n = 1
        GROUP BY v.version
        UNION ALL
        SELECT 10, 'small segments', v.version, count(*), false, 'segments of one training row, whose profile is that customer', 'train with fewer segments, and drop the version'
        FROM v
        JOIN custseg.segment s ON s.model = v.model AND s.version = v.version
        WHERE s.n = 1
        GROUP BY v.version
        UNION ALL
        SELECT 11, 'tree', v.version, NULL, false, 'borders between values of customers, and leaves that may hold few of them', 'train with larger leaves (min_samples_leaf or min_child_weight), and drop the version'
        FROM v
        WHERE v.algorithm IN ('tree', 'forest', 'xgboost')
        UNION ALL
        SELECT 12, 'diagnostics', v.version, jsonb_array_length(v.diagnostics -> d.part), false, 'points of a curve over rows of the training, which pages draw', 'drop the version'
        FROM v
        CROSS JOIN (VALUES ('merges'), ('k_distance')) d (part)
        WHERE jsonb_typeof(v.diagnostics -> d.part) = 'array'
        UNION ALL
        SELECT 13, 'source', v.version, NULL, false, 'the text of the query that the version was trained on, which may name customers in its conditions', 'train on a view, and drop the version'
        FROM v
        WHERE v.source ~* '^\s*(select|with|values|table)\M'
        UNION ALL
        SELECT 14, 'published points', max(p.version), sum(CASE WHEN jsonb_typeof(p.body -> 'points') = 'array' THEN jsonb_array_length(p.body -> 'points') ELSE 0 END), false,
            'points of single customers, without ids, in publications: pages draw them', 'publish() thins old publications; drop the model''s, or publish with a larger min_group'
        FROM custseg.report p
        WHERE p.model = personal_data.model AND p.part = 'projection' AND custseg_private.require_owner(personal_data.model)
        HAVING count(*) > 0
        UNION ALL
        SELECT 15, 'rare moves', NULL, count(*), false, 'moves of a single customer, with the value where one was summed', 'resegment() with keep_days deletes old runs'
        FROM custseg.migration g
        WHERE g.model = personal_data.model AND g.n = 1
    ) p
    WHERE coalesce(p.n > 0, true) AND custseg_private.require_owner(personal_data.model)
    ORDER BY p.part, p.version;
END;

COMMENT ON FUNCTION custseg.personal_data IS 'Lists what a model keeps of single customers: rows that name them and values that are those of one, by version, with the reason why it is kept and how to be rid of it; for the owner of the model.
topic: governance 3
example: SELECT kind, version, n, reason FROM custseg.personal_data(''shop'')';

CREATE VIEW custseg.audit WITH (security_invoker = true) AS
SELECT a.at, a.made_by, a.action, a.model, a.version, a.subject, a.reason
FROM (
    SELECT v.trained_at AS at, v.trained_by AS made_by, 'train' AS action, v.model, v.version, v.algorithm AS subject, NULL::text AS reason FROM custseg.model_version v
    UNION ALL
    SELECT d.deployed_at, d.deployed_by, d.action, d.model, d.version, NULL, d.reason FROM custseg.deployment d
    UNION ALL
    SELECT g.granted_at, g.granted_by, 'grant', g.model, NULL, custseg_private.role_name(g.grantee, g.grantee_oid, g.grantee_cluster)::text, NULL FROM custseg.model_grant g
    UNION ALL
    SELECT o.made_at, o.made_by, CASE o.kind WHEN 'exclusion' THEN 'exclude' ELSE 'override_segment' END, o.model, NULL, o.customer, o.reason FROM custseg.segment_override o
    UNION ALL
    SELECT o.ended_at, o.ended_by, 'end_override', o.model, NULL, o.customer, NULL FROM custseg.segment_override o WHERE o.ended_by IS NOT NULL
    UNION ALL
    SELECT s.set_at, s.set_by, 'set_action', s.model, NULL, s.segment::text, NULL FROM custseg.segment_action s
    UNION ALL
    SELECT p.set_at, p.set_by, 'set_presentation', p.model, NULL, NULL, NULL FROM custseg.presentation p
    UNION ALL
    SELECT c.set_at, c.set_by, 'set_condition', c.model, NULL, c.condition, c.reason FROM custseg.gate_condition c
    UNION ALL
    SELECT g.decided_at, g.decided_by, 'decide', g.model, g.version, g.decision, g.reason FROM custseg.gate_decision g
    UNION ALL
    SELECT e.created_at, e.created_by, 'create_experiment', e.model, e.version, e.experiment, NULL FROM custseg.experiment e
    UNION ALL
    SELECT e.ended_at, e.ended_by, 'end_experiment', e.model, e.version, e.experiment, e.end_reason FROM custseg.experiment e WHERE e.ended_at IS NOT NULL
    UNION ALL
    SELECT b.enrolled_at, b.enrolled_by, 'enroll', b.model, NULL, b.experiment, NULL FROM custseg.enrolment_batch b
    UNION ALL
    SELECT l.looked_at, l.looked_by, 'look', l.model, NULL, l.experiment, l.reason FROM custseg.experiment_look l
    UNION ALL
    SELECT r.recorded_at, r.recorded_by, 'record_outcomes', r.model, r.version, r.source, r.reason FROM custseg.outcome_run r
    UNION ALL
    SELECT DISTINCT g.run_at, g.run_by, 'resegment', g.model, g.version, g.source, NULL FROM custseg.migration g
    UNION ALL
    SELECT f.tracked_at, f.tracked_by, 'track_changes', f.model, NULL, f.source, NULL FROM custseg.change_feed f
    UNION ALL
    SELECT c.created_at, c.created_by, 'create_consumer', c.model, NULL, c.consumer, NULL FROM custseg.change_consumer c
    UNION ALL
    SELECT n.set_at, n.set_by, 'set_column_note', n.model, NULL, concat(n.source || '.', n.column_name), NULL FROM custseg.column_note n
    UNION ALL
    SELECT e.at, custseg_private.role_name(e.made_by, e.made_by_oid, e.made_by_cluster), e.action, e.model, e.version, e.subject, NULL FROM custseg.audit_event e
) a;

COMMENT ON VIEW custseg.audit IS 'Who did what, and when: who trained, deployed, granted and revoked, overrode, excluded and forgot, published, enrolled, decided and dropped; of the models that the current role may use, and of those that it has dropped.';
COMMENT ON COLUMN custseg.audit.at IS 'Time of the event.';
COMMENT ON COLUMN custseg.audit.made_by IS 'Role that did it.';
COMMENT ON COLUMN custseg.audit.action IS 'The function that was called, or train, deploy, rollback, grant and revoke.';
COMMENT ON COLUMN custseg.audit.model IS 'Name of the model; NULL where it is about none, or about one that was dropped.';
COMMENT ON COLUMN custseg.audit.version IS 'Version of the model; NULL where it is about none.';
COMMENT ON COLUMN custseg.audit.subject IS 'What it was done to: a role, a customer, a segment, an experiment, a source, a model that was dropped.';
COMMENT ON COLUMN custseg.audit.reason IS 'Reason that was given; NULL without one.';

-- publications
--
-- What is read of the source comes as rows of the functions that tell it; what the tables keep is added to it.
-- Groups with fewer customers than min_group say nothing of their customers but how many these are.

CREATE FUNCTION custseg_private.source_parts(
    model text,
    source text,
    options jsonb,
    version int,
    OUT part text,
    OUT body jsonb,
    OUT milliseconds float8,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_source_parts'
LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 20;

COMMENT ON FUNCTION custseg_private.source_parts IS 'Returns the parts of a publication that are made of a source, which is read once; counts and hidden are no parts, but what others are made of.';

CREATE FUNCTION custseg_private.hide_rows(body jsonb, hidden int[], shown text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(
            CASE WHEN EXISTS (SELECT FROM unnest(hidden) h (segment) WHERE h.segment IS NOT DISTINCT FROM (r.row ->> 'segment')::int)
                THEN (SELECT jsonb_object_agg(m.key, CASE WHEN m.key = ANY (shown) THEN m.value ELSE 'null' END) FROM jsonb_each(r.row) m) || '{"is_small": true}'
                ELSE r.row
            END ORDER BY r.position)
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position);
END;

COMMENT ON FUNCTION custseg_private.hide_rows IS 'Returns rows of which those of hidden segments (NULL stands for all customers) have null in all but the members that are shown, and the member is_small.';

-- A segment of many can have few customers of whom a column is known: its mean would tell of them.  So nothing is told
-- of the column by segment, and nothing at all where it is known of few altogether.
CREATE FUNCTION custseg_private.rare_columns(profile jsonb, hidden int[], min_group int) RETURNS TABLE (column_name text, is_rare_of_all bool)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT g.column_name, bool_or(g.is_all)
    FROM (
        SELECT r.row ->> 'column_name' AS column_name, r.row -> 'segment' = 'null' AS is_all
        FROM jsonb_array_elements(profile) r (row)
        WHERE r.row ->> 'kind' <> 'categorical'
        GROUP BY r.row ->> 'column_name', r.row -> 'segment' = 'null', CASE WHEN (r.row ->> 'segment')::int = ANY (hidden) THEN NULL ELSE r.row ->> 'segment' END
        HAVING round(sum((r.row ->> 'n')::numeric * (1 - (r.row ->> 'null_share')::numeric))) BETWEEN 1 AND min_group - 1
    ) g
    GROUP BY g.column_name;
END;

COMMENT ON FUNCTION custseg_private.rare_columns IS 'Returns the columns of which a segment, or those hidden together, have fewer values than min_group, and whether all customers have no more.';

CREATE FUNCTION custseg_private.hide_columns(body jsonb, rare jsonb, shown text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(
            CASE WHEN rare ? (r.row ->> 'column_name') AND (r.row -> 'segment' <> 'null' OR (rare ->> (r.row ->> 'column_name'))::bool)
                THEN (SELECT jsonb_object_agg(m.key, CASE WHEN m.key = ANY (shown) THEN m.value ELSE 'null' END) FROM jsonb_each(r.row) m) || '{"is_small": true}'
                ELSE r.row
            END ORDER BY r.position)
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position);
END;

COMMENT ON FUNCTION custseg_private.hide_columns IS 'Returns rows of which those of rare columns, an object with whether they are so of all customers, have null in all but the members that are shown, and the member is_small.';

CREATE FUNCTION custseg_private.common_rows(body jsonb, min_group int) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT coalesce(jsonb_agg(r.row ORDER BY r.position), '[]')
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position)
    WHERE (r.row ->> 'n')::bigint >= min_group;
END;

COMMENT ON FUNCTION custseg_private.common_rows IS 'Returns rows that are of min_group customers or more.';

-- A level that training has not seen is told where it has min_group customers, as level_share tells it.
CREATE FUNCTION custseg_private.quality_rows(body jsonb, level_share jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(r.row || CASE WHEN jsonb_typeof(r.row -> 'unseen_levels') = 'array'
            THEN jsonb_build_object('unseen_levels', (
                SELECT coalesce(jsonb_agg(l.level ORDER BY l.position), '[]')
                FROM jsonb_array_elements(r.row -> 'unseen_levels') WITH ORDINALITY l (level, position)
                WHERE level_share @> jsonb_build_array(jsonb_build_object('column_name', r.row -> 'name', 'level', l.level))))
            ELSE '{}'
        END ORDER BY r.position)
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position);
END;

COMMENT ON FUNCTION custseg_private.quality_rows IS 'Returns the rows of the part quality, without levels of few customers.';

CREATE FUNCTION custseg_private.significant(x float8, digits int) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
BEGIN ATOMIC
    SELECT CASE WHEN x = 0 THEN 0 ELSE round(x::numeric, digits - 1 - floor(log(abs(x)::numeric))::int)::float8 END;
END;

COMMENT ON FUNCTION custseg_private.significant IS 'Rounds a number to so many significant digits.';

-- With all other segments known to the last digit, a statistic of all of them tells of the hidden ones.
CREATE FUNCTION custseg_private.round_statistics(part text, body jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(r.row || CASE part
            WHEN 'importance' THEN jsonb_build_object(
                'eta_squared', round((r.row ->> 'eta_squared')::numeric, 2),
                'cramers_v', round((r.row ->> 'cramers_v')::numeric, 2))
            ELSE jsonb_build_object(
                'statistic', NULL,
                'df_within', NULL,
                'p_value', custseg_private.significant((r.row ->> 'p_value')::float8, 2),
                'p_adjusted', custseg_private.significant((r.row ->> 'p_adjusted')::float8, 2),
                'effect', round((r.row ->> 'effect')::numeric, 2))
        END ORDER BY r.position)
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position);
END;

COMMENT ON FUNCTION custseg_private.round_statistics IS 'Rounds the statistics of the parts importance and test, for segments that are hidden.';

-- What tells who a customer is has values of single customers only, and so have levels of few; a mean of all rows tells
-- of the few that are in no segment.
CREATE FUNCTION custseg_private.description_rows(body jsonb, key jsonb, min_group int, hides_means bool) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(r.row ||
            CASE WHEN key ? (r.row ->> 'column_name') OR (r.row ->> 'n')::bigint < min_group
                THEN '{"mean": null, "standard_deviation": null, "minimum": null, "first_quartile": null, "median": null, "third_quartile": null, "maximum": null,
                    "skewness": null, "kurtosis": null, "jarque_bera": null, "jarque_bera_p_value": null, "top_levels": null}'
                WHEN hides_means
                THEN '{"mean": null, "standard_deviation": null, "skewness": null, "kurtosis": null, "jarque_bera": null, "jarque_bera_p_value": null}'
                ELSE '{}'
            END::jsonb ||
            CASE WHEN jsonb_typeof(r.row -> 'top_levels') = 'array' AND NOT key ? (r.row ->> 'column_name')
                THEN jsonb_build_object('top_levels', (
                    SELECT coalesce(jsonb_agg(t.level ORDER BY t.position), '[]')
                    FROM jsonb_array_elements(r.row -> 'top_levels') WITH ORDINALITY t (level, position)
                    WHERE (t.level ->> 'n')::bigint >= min_group))
                ELSE '{}'
            END ORDER BY r.position)
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position);
END;

COMMENT ON FUNCTION custseg_private.description_rows IS 'Returns the rows of the part description, without what tells of single customers.';

-- The steps of the curve are so many that each has min_group customers.
CREATE FUNCTION custseg_private.lorenz_rows(concentration jsonb, min_group int) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(jsonb_build_object('customer_share', i / 100.0::float8, 'value_share', concentration -> 'lorenz' -> i) ORDER BY i)
    FROM (
        SELECT min(w) AS width
        FROM unnest('{1,2,4,5,10,20,25,50}'::int[]) w
        WHERE (concentration ->> 'n')::float8 * w / 100 >= min_group
    ) step
    CROSS JOIN generate_series(0, 100, step.width) i
    WHERE jsonb_typeof(concentration -> 'lorenz') = 'array';
END;

COMMENT ON FUNCTION custseg_private.lorenz_rows IS 'Returns the rows of the part lorenz, from a row of concentration().';

-- What moved is worth something to two segments: where a move is of few customers, nothing is said of the value of any
-- move from or to its segments, for sums of them are known.
CREATE FUNCTION custseg_private.migration_rows(model text, min_group int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH move AS MATERIALIZED (
        SELECT to_jsonb(g) AS row, g.n, g.from_segment, g.to_segment
        FROM custseg.migration(migration_rows.model) g
    )
    SELECT jsonb_agg(CASE WHEN EXISTS (
                SELECT
                FROM move f
                WHERE f.n < migration_rows.min_group
                    AND (f.from_segment IS NOT DISTINCT FROM m.from_segment OR f.to_segment IS NOT DISTINCT FROM m.to_segment))
            THEN m.row || '{"total_value": null, "is_small": true}'
            ELSE m.row
        END ORDER BY m.from_segment, m.to_segment)
    FROM move m;
END;

COMMENT ON FUNCTION custseg_private.migration_rows IS 'Returns the rows of the part migration.';

-- Segments are hidden as those of the source are, by the numbers of customers then.
CREATE FUNCTION custseg_private.value_rows(model text, min_group int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH kept AS (
        SELECT h.*
        FROM custseg.segment_value_history h
        WHERE h.model = value_rows.model AND h.run = (SELECT max(l.run) FROM custseg.segment_value_history l WHERE l.model = value_rows.model)
    ),
    ranked AS (
        SELECT k.position, k.n, min(k.n) OVER () AS smallest,
            row_number() OVER (ORDER BY k.n, k.position) AS rank,
            coalesce(sum(k.n) OVER (ORDER BY k.n, k.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS n_before
        FROM kept k
        WHERE k.n > 0 AND k.name <> 'total'
    )
    SELECT jsonb_agg(CASE
            WHEN k.n < min_group AND k.name = 'total'
                OR r.n < min_group OR r.smallest < min_group AND (r.rank <= 2 OR r.n_before < min_group)
                THEN (
                    SELECT jsonb_object_agg(m.key, CASE WHEN m.key IN (
                        'model', 'run', 'version', 'value_model', 'value_version', 'run_at', 'run_by', 'source', 'segment_source', 'as_of', 'horizon',
                        'discount', 'confidence', 'segment', 'name', 'n', 'share', 'position') THEN m.value ELSE 'null' END)
                    FROM jsonb_each(to_jsonb(k)) m
                ) || '{"is_small": true}'
            ELSE to_jsonb(k)
        END ORDER BY k.position)
    FROM kept k
    LEFT JOIN ranked r ON r.position = k.position;
END;

COMMENT ON FUNCTION custseg_private.value_rows IS 'Returns the rows of the part value.';

-- Where a cell is of few customers, nothing is told at all: rates and ratios tell the sums from which it would follow.
CREATE FUNCTION custseg_private.fairness_rows(model text, source text, attribute text, min_group int, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT CASE WHEN count(*) FILTER (WHERE f.n BETWEEN 1 AND fairness_rows.min_group - 1) = 0
        THEN jsonb_agg(to_jsonb(f) - 'ordinality' || jsonb_build_object('attribute', fairness_rows.attribute) ORDER BY f.ordinality) END
    FROM ROWS FROM (custseg.fairness(fairness_rows.model, fairness_rows.source, fairness_rows.attribute, '{}', fairness_rows.version)) WITH ORDINALITY f;
END;

COMMENT ON FUNCTION custseg_private.fairness_rows IS 'Returns the rows of the part fairness, those of fairness(); NULL where a group has few customers in a segment.';

-- Rows of hidden segments are left out: what their customers buy or do is nobody's business.
CREATE FUNCTION custseg_private.leave_out_rows(body jsonb, hidden int[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(r.row ORDER BY r.position)
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position)
    WHERE NOT EXISTS (SELECT FROM unnest(hidden) h (segment) WHERE h.segment IS NOT DISTINCT FROM (r.row ->> 'segment')::int);
END;

COMMENT ON FUNCTION custseg_private.leave_out_rows IS 'Returns rows without those of hidden segments (NULL stands for all customers).';

-- The more segments, the fewer rows of each.
CREATE FUNCTION custseg_private.rows_of_segment(model text, version int, most int) RETURNS int
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(2, least(most, 10 * most / greatest(v.n_segments, 1)))
    FROM custseg.model_version v
    WHERE v.model = rows_of_segment.model AND v.version = rows_of_segment.version;
END;

COMMENT ON FUNCTION custseg_private.rows_of_segment IS 'Returns how many rows a part of a publication has of each segment, where it cannot have all.';

CREATE FUNCTION custseg_private.affinity_rows(model text, products jsonb, source text, min_group int, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_agg(to_jsonb(a) - '{place,rank,is_promoted,p_value,reason}'::text[] || jsonb_build_object('product', left(a.product, 200)) ORDER BY a.segment, a.place)
    FROM (
        SELECT f.*, row_number() OVER (PARTITION BY f.segment, f.is_promoted ORDER BY CASE WHEN f.is_promoted THEN f.place ELSE -f.place END) AS rank
        FROM (
            SELECT g.*, g.rating = 'promote' AS is_promoted
            FROM custseg.segment_affinity(affinity_rows.model, affinity_rows.products ->> 'orders', affinity_rows.products ->> 'customer', affinity_rows.products ->> 'product',
                    affinity_rows.source, jsonb_build_object('min_buyers', greatest(20, affinity_rows.min_group)), affinity_rows.version)
                WITH ORDINALITY AS g (segment, name, product, n, n_buyers, share, share_all, lift, expected_buyers, standardized_lift, p_value, p_adjusted, rating, reason, place)
            WHERE g.rating IN ('promote', 'bought less', 'never bought') AND g.n_buyers >= affinity_rows.min_group AND (g.n = 0 OR g.n >= affinity_rows.min_group)
        ) f
    ) a
    WHERE a.rank <= custseg_private.rows_of_segment(affinity_rows.model, affinity_rows.version, 10);
END;

COMMENT ON FUNCTION custseg_private.affinity_rows IS 'Returns the rows of the part affinity: what to promote in each segment, and what its customers buy less or never, without products that few of them have.';

CREATE FUNCTION custseg_private.basket_rows(products jsonb, min_group int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_agg(to_jsonb(b) - 'place' || jsonb_build_object('consequent', left(b.consequent, 200), 'conviction', nullif(b.conviction, 'Infinity'),
            'antecedent', (SELECT jsonb_agg(left(u.product, 200)) FROM unnest(b.antecedent) u (product))) ORDER BY b.place)
    FROM (
        SELECT r.*
        FROM custseg.basket_rules(basket_rows.products ->> 'orders', basket_rows.products ->> 'order', basket_rows.products ->> 'product',
                jsonb_build_object('customer', basket_rows.products ->> 'customer', 'min_customers', basket_rows.min_group))
            WITH ORDINALITY AS r (antecedent, consequent, size, n, n_antecedent, n_consequent, support, confidence, lift, leverage, conviction, place)
        WHERE r.n >= basket_rows.min_group
        ORDER BY r.place
        LIMIT 40
    ) b;
END;

COMMENT ON FUNCTION custseg_private.basket_rows IS 'Returns the rows of the part basket: the rules of basket_rules() with the highest lifts, without those that few customers stand behind.';

CREATE FUNCTION custseg_private.journey_rows(model text, journey jsonb, min_group int, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_agg(to_jsonb(j) - '{place,rank}'::text[] || jsonb_build_object('from_step', left(j.from_step, 200), 'to_step', left(j.to_step, 200)) ORDER BY j.place)
    FROM (
        SELECT m.*, row_number() OVER (PARTITION BY m.segment ORDER BY m.n DESC, m.place) AS rank
        FROM custseg.journey(journey_rows.journey ->> 'source', journey_rows.journey ->> 'customer', journey_rows.journey ->> 'time', journey_rows.journey ->> 'step',
                journey_rows.model, jsonb_build_object('min_customers', journey_rows.min_group), journey_rows.version)
            WITH ORDINALITY AS m (segment, name, kind, from_step, to_step, is_loop, n, n_from, n_undecided, share, low, high, median_days, place)
        WHERE m.n >= journey_rows.min_group AND m.kind <> 'return'
    ) j
    WHERE j.rank <= custseg_private.rows_of_segment(journey_rows.model, journey_rows.version, 15);
END;

COMMENT ON FUNCTION custseg_private.journey_rows IS 'Returns the rows of the part journey: the most frequent first steps, moves and ends of each segment, without those of few.';

CREATE FUNCTION custseg_private.funnel_rows(model text, journey jsonb, min_group int, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_agg(to_jsonb(f) - 'place' || jsonb_build_object('step_name', left(f.step_name, 200), 'median_days', CASE WHEN f.n >= funnel_rows.min_group THEN f.median_days END) ORDER BY f.place)
    FROM (
        SELECT s.*
        FROM custseg.funnel(funnel_rows.journey ->> 'source', funnel_rows.journey ->> 'customer', funnel_rows.journey ->> 'time', funnel_rows.journey ->> 'step',
                ARRAY(SELECT jsonb_array_elements_text(funnel_rows.journey -> 'steps')), funnel_rows.model, (funnel_rows.journey ->> 'within')::interval, '{}', funnel_rows.version)
            WITH ORDINALITY AS s (segment, name, position, step_name, n, n_undecided, share, low, high, step_share, step_low, step_high, median_days, place)
        ORDER BY s.place
        LIMIT 200
    ) f;
END;

COMMENT ON FUNCTION custseg_private.funnel_rows IS 'Returns the rows of the part funnel, those of funnel(), without the times of few.';

-- A kind of events that few of a segment know is not told of the segment, nor of all customers, from which it would follow.
CREATE FUNCTION custseg_private.engagement_rows(model text, events jsonb, source text, min_group int, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH placed AS MATERIALIZED (
        SELECT s.id, s.segment, s.name, e.customer_id IS NOT NULL AS is_known, e.days_since_last_event, e.events_per_month, e.engagement_score, e.kinds
        FROM custseg.score(engagement_rows.model, engagement_rows.source, engagement_rows.version) s
        LEFT JOIN custseg.customer_events(engagement_rows.events ->> 'source', engagement_rows.events ->> 'customer', engagement_rows.events ->> 'time', engagement_rows.events ->> 'kind') e
            ON e.customer_id = s.id
        WHERE s.segment IS NOT NULL
    ),
    size AS (
        SELECT p.segment, max(p.name) AS name, count(*) AS n
        FROM placed p
        GROUP BY GROUPING SETS ((p.segment), ())
    ),
    measured AS (
        SELECT p.segment, NULL::text AS kind, p.days_since_last_event AS days, p.events_per_month AS per_month, p.engagement_score
        FROM placed p
        WHERE p.is_known
        UNION ALL
        SELECT p.segment, k.key, (k.value ->> 'days_since_last')::float8, (k.value ->> 'per_month')::float8, NULL
        FROM placed p
        CROSS JOIN LATERAL jsonb_each(p.kinds) k
        WHERE p.is_known AND (k.value ->> 'n')::bigint > 0
    ),
    told AS (
        SELECT m.segment, m.kind, count(*) AS n_known, count(*) FILTER (WHERE m.days <= 30) AS n_active, sum(m.per_month) AS per_month,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY m.days) AS median_days, avg(m.engagement_score) AS engagement_score
        FROM measured m
        GROUP BY GROUPING SETS ((m.segment, m.kind), (m.kind))
    )
    SELECT jsonb_agg(jsonb_build_object('segment', z.segment, 'name', CASE WHEN z.segment IS NOT NULL THEN z.name END, 'kind', left(t.kind, 200), 'n', z.n, 'n_known', t.n_known,
        'n_active', t.n_active, 'share', t.n_active::float8 / z.n, 'per_month', t.per_month / z.n, 'median_days', t.median_days, 'engagement_score', t.engagement_score)
        ORDER BY z.segment NULLS FIRST, t.kind NULLS FIRST)
    FROM told t
    JOIN size z ON z.segment IS NOT DISTINCT FROM t.segment
    WHERE NOT EXISTS (
        SELECT
        FROM told f
        WHERE f.kind IS NOT DISTINCT FROM t.kind AND f.n_known < engagement_rows.min_group AND (t.segment IS NULL OR f.segment IS NOT DISTINCT FROM t.segment));
END;

COMMENT ON FUNCTION custseg_private.engagement_rows IS 'Returns the rows of the part engagement: by segment and kind of events, how many customers have been active, how often and how lately, from customer_events(), without kinds that few know.';

-- Who is held out of campaigns is told by numbers alone.
CREATE FUNCTION custseg_private.audience_rows(model text, audiences jsonb, source text, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH placed AS MATERIALIZED (
        SELECT s.segment, count(*) AS n, count(*) FILTER (WHERE NOT custseg.in_audience(audience_rows.model, s.id)) AS n_held_out
        FROM custseg.score(audience_rows.model, audience_rows.source, audience_rows.version) s
        WHERE s.segment IS NOT NULL AND s.id IS NOT NULL
        GROUP BY s.segment
    )
    SELECT jsonb_agg(jsonb_build_object('audience', a.name, 'segment', z.segment, 'name', g.name, 'n', z.n, 'n_segment', p.n, 'n_held_out', p.n_held_out,
        'n_excluded', x.n) ORDER BY a.position, z.segment)
    FROM jsonb_array_elements_text(audiences) WITH ORDINALITY a (name, position)
    CROSS JOIN LATERAL custseg_private.audience_sizes(a.name) z
    LEFT JOIN placed p ON p.segment = z.segment
    LEFT JOIN custseg_private.segment_names(audience_rows.model) g ON g.segment = z.segment
    CROSS JOIN (
        SELECT count(*) AS n
        FROM custseg.segment_override o
        JOIN custseg.model m ON m.name = audience_rows.model AND custseg_private.is_same_role(o.owner, o.owner_oid, o.owner_cluster, m.owner, m.owner_oid, m.owner_cluster)
        WHERE o.kind = 'exclusion' AND coalesce(o.model = m.name, true) AND o.ended_at IS NULL AND coalesce(o.until > now(), true)
    ) x;
END;

COMMENT ON FUNCTION custseg_private.audience_rows IS 'Returns the rows of the part audience: who is in each view of create_audience_view(), by segment, beside all customers of the segment and those of them who are held out by a running experiment.';

CREATE FUNCTION custseg_private.lookalike_rows(model text, lookalikes jsonb, source text, version int) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_array(to_jsonb(l) || jsonb_build_object('audience', left(lookalikes ->> 'name', 200), 'method', coalesce(lookalikes ->> 'method', 'nearest')))
    FROM custseg.lookalike_lift(lookalike_rows.model, lookalike_rows.source, lookalikes ->> 'seeds', coalesce((lookalikes ->> 'n')::int, 1000), coalesce(lookalikes ->> 'method', 'nearest'),
        '{}', lookalike_rows.version) l;
END;

COMMENT ON FUNCTION custseg_private.lookalike_rows IS 'Returns the row of the part lookalike, that of lookalike_lift().';

CREATE FUNCTION custseg_private.feed_body(model text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object('source', f.source, 'column_name', f.column_name, 'tracked_at', f.tracked_at,
        'consumers', (
            SELECT jsonb_agg(jsonb_build_object('consumer', c.consumer, 'reader', c.reader, 'change_position', c.change_position, 'n', c.n, 'oldest_at', c.oldest_at,
                'acknowledged_at', c.acknowledged_at, 'created_at', c.created_at) ORDER BY c.consumer COLLATE "C")
            FROM custseg.consumers c
            WHERE c.model = f.model),
        'causes', (
            SELECT jsonb_agg(to_jsonb(k) ORDER BY k.n DESC, k.cause)
            FROM (
                SELECT c.cause, count(*) AS n, count(*) FILTER (WHERE c.at > now() - interval '30 days') AS n_30d, max(c.at) AS last_at
                FROM custseg.segment_change c
                WHERE c.model = f.model
                GROUP BY c.cause
            ) k))
    FROM custseg.change_feed f
    WHERE f.model = feed_body.model;
END;

COMMENT ON FUNCTION custseg_private.feed_body IS 'Returns the part feed: those who act on changes of the model, how far each has come, and how many changes have which cause; NULL where none are kept.';

CREATE FUNCTION custseg_private.personal_rows(model text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_agg(to_jsonb(p) - 'ordinality' ORDER BY p.ordinality)
    FROM ROWS FROM (custseg.personal_data(personal_rows.model)) WITH ORDINALITY p;
END;

COMMENT ON FUNCTION custseg_private.personal_rows IS 'Returns the rows of the part personal_data, those of personal_data().';

-- What few customers are worth is not told, nor what moved between two segments, nor levels that are new in the data.
CREATE FUNCTION custseg_private.change_rows(model text, source text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_agg(to_jsonb(c) - 'place' ORDER BY c.place)
    FROM (
        SELECT w.*
        FROM custseg.what_changed(change_rows.model, change_rows.source)
            WITH ORDINALITY AS w (section, subject, segment, before, after, difference, unit, reason, place)
        WHERE w.section IN ('summary', 'size', 'drift', 'kpi', 'alert', 'decision') AND NOT (w.section = 'size' AND coalesce(w.difference = 0, true))
        ORDER BY w.place
        LIMIT 60
    ) c;
END;

COMMENT ON FUNCTION custseg_private.change_rows IS 'Returns the rows of the part change, those of what_changed() that tell of many customers.';

CREATE FUNCTION custseg_private.summary_rows(model text, version int, body jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_agg(r.row || jsonb_build_object('n_trained', s.n, 'training_share', s.share, 'action', (
            SELECT to_jsonb(a) - ARRAY['model', 'segment', 'set_at', 'set_by']
            FROM custseg.segment_action a
            WHERE a.model = summary_rows.model AND a.segment = s.segment)) ORDER BY r.position)
    FROM jsonb_array_elements(body) WITH ORDINALITY r (row, position)
    LEFT JOIN custseg.segment s ON s.model = summary_rows.model AND s.version = summary_rows.version AND s.segment = (r.row ->> 'segment')::int;
END;

COMMENT ON FUNCTION custseg_private.summary_rows IS 'Returns the rows of the part summary: those of segment_summary() with what is kept of the segments.';

CREATE FUNCTION custseg_private.publication(
    model text,
    source text,
    options jsonb,
    version int,
    OUT part text,
    OUT body jsonb,
    OUT milliseconds float8,
    OUT reason text
) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH made AS MATERIALIZED (
        SELECT p.*
        FROM custseg_private.source_parts(publication.model, publication.source, publication.options, publication.version) p
    ),
    small AS (
        SELECT
            array_agg((h.segment #>> '{}')::int) FILTER (WHERE h.segment IS NOT NULL) AS segments,
            coalesce(bool_or(jsonb_typeof(h.segment) = 'null'), false) AS are_all,
            (m.body ->> 'n_outside')::bigint BETWEEN 1 AND (publication.options ->> 'min_group')::int - 1 AS is_rest,
            m.body -> 'key' AS key
        FROM made m
        LEFT JOIN LATERAL jsonb_array_elements(m.body -> 'segments') h (segment) ON true
        WHERE m.part = 'hidden'
        GROUP BY m.body
    ),
    rare AS (
        SELECT jsonb_object_agg(c.column_name, c.is_rare_of_all) AS columns
        FROM made m
        CROSS JOIN small s
        CROSS JOIN LATERAL custseg_private.rare_columns(m.body, s.segments, (publication.options ->> 'min_group')::int) c
        WHERE m.part = 'profile'
    ),
    shown AS (
        SELECT k.*
        FROM (VALUES
            ('summary', '{segment,name,n,share,n_overridden,n_trained,training_share,action}'::text[]),
            ('profile', '{segment,name,column_name,kind,is_feature,level,n}'),
            ('radar', '{segment,name,column_name,level}'),
            ('boxplot', '{segment,name,column_name}'),
            ('heatmap', '{segment,name,column_name,level}'),
            ('histogram', '{column_name,scale,bin,low,high,segment}'),
            ('level_share', '{column_name,level,segment}')
        ) k (part, members)
    ),
    named AS (
        SELECT m.part,
            CASE m.part
                WHEN 'summary' THEN custseg_private.summary_rows(publication.model, publication.version, m.body)
                WHEN 'counts' THEN (SELECT jsonb_agg(to_jsonb(c)) FROM custseg_private.capacity_of(publication.model, publication.version, m.body) c)
                WHEN 'concentration' THEN m.body -> 0
                WHEN 'quality' THEN custseg_private.quality_rows(m.body, (SELECT l.body FROM made l WHERE l.part = 'level_share'))
                WHEN 'test' THEN custseg_private.common_rows(m.body, (publication.options ->> 'min_group')::int)
                WHEN 'correlation' THEN custseg_private.common_rows(m.body, (publication.options ->> 'min_group')::int)
                ELSE CASE WHEN a.columns IS NOT NULL AND k.part IN ('profile', 'radar', 'boxplot', 'heatmap', 'histogram')
                    THEN custseg_private.hide_columns(m.body, a.columns, k.members)
                    ELSE m.body
                END
            END AS body,
            m.milliseconds, m.reason
        FROM made m
        CROSS JOIN rare a
        LEFT JOIN shown k ON k.part = m.part
        WHERE m.part <> 'hidden'
        UNION ALL
        SELECT 'lorenz', custseg_private.lorenz_rows(m.body -> 0, (publication.options ->> 'min_group')::int), m.milliseconds,
            coalesce(m.reason, 'there are too few customers, or the values are all 0')
        FROM made m
        WHERE m.part = 'concentration'
        UNION ALL
        SELECT 'migration', custseg_private.migration_rows(publication.model, (publication.options ->> 'min_group')::int), NULL,
            'custseg.resegment() has not run'
        UNION ALL
        SELECT 'value', custseg_private.value_rows(publication.model, (publication.options ->> 'min_group')::int), NULL,
            'custseg.record_segment_value() has not run'
        UNION ALL
        SELECT 'fairness', custseg_private.fairness_rows(publication.model, publication.source, publication.options ->> 'fairness',
            (publication.options ->> 'min_group')::int, publication.version), NULL, 'a group of the attribute has fewer customers in a segment than min_group'
        WHERE publication.options ->> 'fairness' IS NOT NULL
        UNION ALL
        SELECT 'change', custseg_private.change_rows(publication.model, publication.source), NULL, 'nothing has changed'
        WHERE (publication.options ->> 'changes')::bool
        UNION ALL
        SELECT 'affinity', custseg_private.affinity_rows(publication.model, publication.options -> 'products', publication.source,
            (publication.options ->> 'min_group')::int, publication.version), NULL, 'no segment differs in what it buys'
        WHERE jsonb_typeof(publication.options -> 'products') = 'object'
        UNION ALL
        SELECT 'basket', custseg_private.basket_rows(publication.options -> 'products', (publication.options ->> 'min_group')::int), NULL, 'there are no rules'
        WHERE publication.options #>> '{products,order}' IS NOT NULL
        UNION ALL
        SELECT 'journey', custseg_private.journey_rows(publication.model, publication.options -> 'journey', (publication.options ->> 'min_group')::int, publication.version),
            NULL, 'there are no moves'
        WHERE jsonb_typeof(publication.options -> 'journey') = 'object'
        UNION ALL
        SELECT 'funnel', custseg_private.funnel_rows(publication.model, publication.options -> 'journey', (publication.options ->> 'min_group')::int, publication.version),
            NULL, 'nobody has begun'
        WHERE jsonb_typeof(publication.options #> '{journey,steps}') = 'array'
        UNION ALL
        SELECT 'engagement', custseg_private.engagement_rows(publication.model, publication.options -> 'events', publication.source, (publication.options ->> 'min_group')::int, publication.version),
            NULL, 'there are no events of customers in segments'
        WHERE jsonb_typeof(publication.options -> 'events') = 'object'
        UNION ALL
        SELECT 'audience', custseg_private.audience_rows(publication.model, publication.options -> 'audiences', publication.source, publication.version), NULL, 'nobody is in an audience'
        WHERE jsonb_typeof(publication.options -> 'audiences') = 'array'
        UNION ALL
        SELECT 'lookalike', custseg_private.lookalike_rows(publication.model, publication.options -> 'lookalikes', publication.source, publication.version), NULL, 'there is no audience'
        WHERE jsonb_typeof(publication.options -> 'lookalikes') = 'object'
        UNION ALL
        SELECT 'feed', custseg_private.feed_body(publication.model), NULL, 'custseg.track_changes() was not called'
        UNION ALL
        SELECT 'personal_data', custseg_private.personal_rows(publication.model), NULL, 'nothing is kept of single customers'
        UNION ALL
        SELECT 'training', (SELECT v.diagnostics FROM custseg.model_version v WHERE v.model = publication.model AND v.version = publication.version), NULL,
            'the version was imported without what its training knew'
    ),
    told AS (
        SELECT CASE n.part WHEN 'counts' THEN 'capacity' ELSE n.part END AS part,
            CASE
                WHEN s.are_all AND n.part IN ('importance', 'test', 'histogram', 'correlation', 'lorenz', 'concentration', 'description', 'silhouette', 'projection', 'affinity', 'basket', 'journey', 'funnel', 'engagement', 'lookalike', 'change') THEN NULL
                WHEN s.segments IS NOT NULL AND n.part IN ('affinity', 'journey', 'funnel', 'engagement', 'change') THEN custseg_private.leave_out_rows(n.body, s.segments)
                WHEN s.segments IS NOT NULL AND n.part IN ('importance', 'test') THEN custseg_private.round_statistics(n.part, n.body)
                WHEN s.segments IS NOT NULL AND k.part IS NOT NULL THEN custseg_private.hide_rows(n.body, s.segments, k.members)
                WHEN n.part = 'description' THEN custseg_private.description_rows(n.body, s.key, (publication.options ->> 'min_group')::int, s.is_rest)
                WHEN n.part = 'concentration' THEN (n.body - 'lorenz') ||
                    CASE WHEN s.is_rest THEN '{"total": null, "gini": null}' ELSE '{}' END::jsonb ||
                    CASE WHEN (n.body ->> 'n')::bigint < 10 * (publication.options ->> 'min_group')::bigint THEN '{"top_10_share": null}' ELSE '{}' END::jsonb ||
                    CASE WHEN (n.body ->> 'n')::bigint < 100 * (publication.options ->> 'min_group')::bigint THEN '{"top_1_share": null}' ELSE '{}' END::jsonb
                ELSE n.body
            END AS body,
            n.milliseconds,
            CASE WHEN s.are_all AND n.body IS NOT NULL THEN 'there are fewer customers than min_group'
                WHEN n.body = '[]' THEN 'columns have fewer values than min_group'
                ELSE n.reason
            END AS reason
        FROM named n
        CROSS JOIN small s
        LEFT JOIN shown k ON k.part = n.part
    )
    SELECT t.part, nullif(t.body, '[]'), t.milliseconds, CASE WHEN nullif(t.body, '[]') IS NULL THEN t.reason END
    FROM told t;
END;

COMMENT ON FUNCTION custseg_private.publication IS 'Returns the parts of a publication, with nothing of small groups but their sizes; body is NULL where there is nothing to tell, and reason says why.';

CREATE FUNCTION custseg.publish(
    model text,
    source text DEFAULT NULL,
    options jsonb DEFAULT '{}',
    version int DEFAULT NULL,
    OUT part text,
    OUT n bigint,
    OUT n_bytes bigint,
    OUT milliseconds float8,
    OUT published_at timestamptz,
    OUT reason text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'custseg_publish'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000 ROWS 20;

COMMENT ON FUNCTION custseg.publish IS 'Keeps in the table report all that pages, reports and BI tools show of the segments: who is in them, what they are worth, how far apart they are. Returns a row for each part, with the reason where there is nothing to keep.
topic: watching 14
example: SELECT * FROM custseg.publish(''shop'', ''customers'')';

CREATE VIEW custseg.published WITH (security_invoker = true) AS
SELECT m.name AS model, p.version, p.published_at, p.n_parts
FROM custseg.model m
CROSS JOIN LATERAL (
    SELECT r.version, r.published_at, count(*) AS n_parts
    FROM custseg.report r
    WHERE r.model = m.name AND r.published_at = (SELECT max(l.published_at) FROM custseg.report l WHERE l.model = m.name)
    GROUP BY r.version, r.published_at
) p;

COMMENT ON VIEW custseg.published IS 'The newest publication of each model; the views published_... have its parts.';
COMMENT ON COLUMN custseg.published.model IS 'Name of the model.';
COMMENT ON COLUMN custseg.published.n_parts IS 'Number of the parts of the publication.';

CREATE VIEW custseg.published_summary WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at,
    q.segment, q.name, q.n, q.share, q.n_overridden, q.total_value, q.value_share, q.value_per_customer, q.description, q.suggested_name, q.n_trained, q.training_share, q.action AS playbook, q.is_small
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'summary'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, n bigint, share float8, n_overridden bigint, total_value float8, value_share float8, value_per_customer float8, description text, suggested_name text, n_trained bigint, training_share float8, action jsonb, is_small bool);

COMMENT ON VIEW custseg.published_summary IS 'Rows of segment_summary() in the newest publication of each model.';

CREATE VIEW custseg.published_profile WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'profile'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, column_name text, kind text, is_feature bool, level text, n bigint, null_share float8, share float8, mean float8, median float8, standard_deviation float8, minimum float8, first_quartile float8, third_quartile float8, maximum float8, percentile float8, overall_mean float8, difference float8, ratio float8, rank int, is_small bool);

COMMENT ON VIEW custseg.published_profile IS 'Rows of segment_profile() in the newest publication of each model.';

CREATE VIEW custseg.published_radar WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'radar'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, column_name text, level text, segment_mean float8, scaled float8, is_small bool);

COMMENT ON VIEW custseg.published_radar IS 'Rows of radar() in the newest publication of each model.';

CREATE VIEW custseg.published_boxplot WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'boxplot'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, column_name text, n bigint, minimum float8, low_whisker float8, first_quartile float8, median float8, third_quartile float8, high_whisker float8, maximum float8, mean float8, n_outliers bigint, is_small bool);

COMMENT ON VIEW custseg.published_boxplot IS 'Rows of boxplot() in the newest publication of each model.';

CREATE VIEW custseg.published_heatmap WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'heatmap'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, column_name text, level text, segment_mean float8, overall_mean float8, difference float8, is_small bool);

COMMENT ON VIEW custseg.published_heatmap IS 'Rows of heatmap() in the newest publication of each model.';

CREATE VIEW custseg.published_importance WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'importance'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (rank int, feature text, kind text, importance float8, importance_error float8, eta_squared float8, cramers_v float8, n bigint, reason text);

COMMENT ON VIEW custseg.published_importance IS 'Rows of feature_importance() in the newest publication of each model.';

CREATE VIEW custseg.published_test WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'test'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (column_name text, kind text, is_feature bool, n bigint, n_null bigint, test text, statistic float8, df_between float8, df_within float8, p_value float8, p_adjusted float8, effect_measure text, effect float8, effect_size text, rating text, reason text);

COMMENT ON VIEW custseg.published_test IS 'Rows of segment_tests() in the newest publication of each model.';

CREATE VIEW custseg.published_histogram WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'histogram'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (column_name text, scale text, bin int, low float8, high float8, segment int, n bigint, density float8, is_small bool);

COMMENT ON VIEW custseg.published_histogram IS 'Histograms of the columns of numbers, of all customers (segment NULL) and by segment in the newest publication of each model.';

CREATE VIEW custseg.published_level_share WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'level_share'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (column_name text, level text, segment int, n bigint, share float8, is_small bool);

COMMENT ON VIEW custseg.published_level_share IS 'Shares of the levels of categories, of all customers (segment NULL) and by segment in the newest publication of each model.';

CREATE VIEW custseg.published_correlation WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'correlation'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (column_a text, column_b text, n bigint, pearson float8, pearson_p_value float8, spearman float8, spearman_p_value float8);

COMMENT ON VIEW custseg.published_correlation IS 'Rows of correlations() in the newest publication of each model.';

CREATE VIEW custseg.published_silhouette WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'silhouette'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, n bigint, mean float8, n_negative bigint, quantiles float8[], is_small bool);

COMMENT ON VIEW custseg.published_silhouette IS 'Silhouette widths of a sample of the customers, by segment, as 101 quantiles in the newest publication of each model.';

CREATE VIEW custseg.published_lorenz WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'lorenz'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (customer_share float8, value_share float8);

COMMENT ON VIEW custseg.published_lorenz IS 'Lorenz curve of the value: which share of it the least valuable customers have together in the newest publication of each model.';

CREATE VIEW custseg.published_concentration WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'concentration'
CROSS JOIN LATERAL jsonb_to_recordset(jsonb_build_array(r.body)) q (n bigint, n_null bigint, total float8, gini float8, top_10_share float8, top_1_share float8);

COMMENT ON VIEW custseg.published_concentration IS 'Rows of concentration() in the newest publication of each model.';

CREATE VIEW custseg.published_capacity WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'capacity'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, n bigint, n_overridden bigint, n_excluded bigint, perk text, perk_capacity bigint, excess bigint, rating text, reason text);

COMMENT ON VIEW custseg.published_capacity IS 'Rows of capacity_check() in the newest publication of each model.';

CREATE VIEW custseg.published_quality WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'quality'
CROSS JOIN LATERAL jsonb_populate_recordset(NULL::custseg.data_quality_result, r.body) q;

COMMENT ON VIEW custseg.published_quality IS 'Rows of data_quality() in the newest publication of each model.';

CREATE VIEW custseg.published_description WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'description'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (column_name text, type text, kind text, n bigint, n_null bigint, null_share float8, n_infinite bigint, n_distinct bigint, mean float8, standard_deviation float8, minimum float8, first_quartile float8, median float8, third_quartile float8, maximum float8, skewness float8, kurtosis float8, jarque_bera float8, jarque_bera_p_value float8, n_iqr_outliers bigint, n_z_outliers bigint, top_levels jsonb, suggestion text, meaning text, unit text);

COMMENT ON VIEW custseg.published_description IS 'Rows of describe() in the newest publication of each model.';

CREATE VIEW custseg.published_missing WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'missing'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (null_columns text[], n_columns int, n bigint, share float8);

COMMENT ON VIEW custseg.published_missing IS 'Rows of missing_patterns() in the newest publication of each model.';

CREATE VIEW custseg.published_surrogate WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'surrogate'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (leaf int, condition text, description text, segment int, name text, n bigint, coverage float8, purity float8, fidelity float8, balanced_fidelity float8, validated_fidelity float8, reason text);

COMMENT ON VIEW custseg.published_surrogate IS 'Rows of surrogate() in the newest publication of each model.';

CREATE VIEW custseg.published_migration WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'migration'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (from_segment int, from_name text, to_segment int, to_name text, kind text, n bigint, probability float8, total_value float8, is_small bool);

COMMENT ON VIEW custseg.published_migration IS 'Rows of migration() in the newest publication of each model.';

CREATE VIEW custseg.published_forecast WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'forecast'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (period int, expected_at timestamptz, segment int, name text, share_now float8, share float8, low float8, high float8, n bigint, verdict text, reason text);

COMMENT ON VIEW custseg.published_forecast IS 'Rows of forecast_segments() in the newest publication of each model.';

CREATE VIEW custseg.published_fairness WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'fairness'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (attribute text, segment int, name text, group_value text, n bigint, share_in_segment float8, share_overall float8, representation_ratio float8, selection_rate float8, impact_ratio float8, impact_p_adjusted float8, chi_square float8, df float8, p_value float8, cramers_v float8, is_feature bool, rating text, reason text);

COMMENT ON VIEW custseg.published_fairness IS 'Rows of fairness() in the newest publication of each model, where it was asked for.';
COMMENT ON COLUMN custseg.published_fairness.attribute IS 'Column whose groups are compared.';

CREATE VIEW custseg.published_change WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'change'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (section text, subject text, segment int, before float8, after float8, difference float8, unit text, reason text);

COMMENT ON VIEW custseg.published_change IS 'Rows of what_changed() in the newest publication of each model, where it was asked for, without what would tell of few.';

CREATE VIEW custseg.published_affinity WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'affinity'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, product text, n bigint, n_buyers bigint, share float8, share_all float8, lift float8, expected_buyers float8, standardized_lift float8, p_adjusted float8, rating text);

COMMENT ON VIEW custseg.published_affinity IS 'Rows of segment_affinity() in the newest publication of each model, where it was asked for: what to promote, and what is bought less or never.';

CREATE VIEW custseg.published_basket WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'basket'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (antecedent text[], consequent text, size int, n bigint, n_antecedent bigint, n_consequent bigint, support float8, confidence float8, lift float8, leverage float8, conviction float8);

COMMENT ON VIEW custseg.published_basket IS 'Rows of basket_rules() with the highest lifts in the newest publication of each model, where it was asked for.';

CREATE VIEW custseg.published_journey WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'journey'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, kind text, from_step text, to_step text, is_loop bool, n bigint, n_from bigint, n_undecided bigint, share float8, low float8, high float8, median_days float8);

COMMENT ON VIEW custseg.published_journey IS 'Rows of journey() that are the most frequent in the newest publication of each model, where it was asked for.';

CREATE VIEW custseg.published_funnel WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'funnel'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, "position" int, step_name text, n bigint, n_undecided bigint, share float8, low float8, high float8, step_share float8, step_low float8, step_high float8, median_days float8);

COMMENT ON VIEW custseg.published_funnel IS 'Rows of funnel() in the newest publication of each model, where it was asked for.';

CREATE VIEW custseg.published_engagement WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'engagement'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (segment int, name text, kind text, n bigint, n_known bigint, n_active bigint, share float8, per_month float8, median_days float8, engagement_score float8);

COMMENT ON VIEW custseg.published_engagement IS 'How engaged the customers of each segment are, by kind of events, in the newest publication of each model, where it was asked for; NULL as the kind stands for all events.';

CREATE VIEW custseg.published_audience WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'audience'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (audience text, segment int, name text, n bigint, n_segment bigint, n_held_out bigint, n_excluded bigint);

COMMENT ON VIEW custseg.published_audience IS 'Who is in each audience view, by segment, in the newest publication of each model, where it was asked for.';

CREATE VIEW custseg.published_lookalike WITH (security_invoker = true) AS
SELECT p.model, p.version, p.published_at, q.*
FROM custseg.published p
JOIN custseg.report r ON r.model = p.model AND r.published_at = p.published_at AND r.part = 'lookalike'
CROSS JOIN LATERAL jsonb_to_recordset(r.body) q (audience text, method text, n_seeds bigint, n_unmatched bigint, n_excluded bigint, n_candidates bigint, n_audience bigint, n_held_out bigint, found float8, lift float8, low float8, high float8, auc float8, auc_low float8, auc_high float8, origin jsonb, rating text, reason text);

COMMENT ON VIEW custseg.published_lookalike IS 'Row of lookalike_lift() in the newest publication of each model, where it was asked for.';

-- private functions

CREATE FUNCTION custseg_private.may_use(model text) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_may_use'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION custseg_private.may_use IS 'Tells whether the current role may use a model; the policies of row-level security call it.';

CREATE FUNCTION custseg_private.may_read(source text) RETURNS bool
AS 'MODULE_PATHNAME', 'custseg_may_read'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION custseg_private.may_read IS 'Tells whether the current role may read any column of a relation, false where it is gone; a policy of row-level security calls it.';

CREATE FUNCTION custseg_private.invalidate_models() RETURNS trigger
AS 'MODULE_PATHNAME', 'custseg_invalidate_models'
LANGUAGE C;

COMMENT ON FUNCTION custseg_private.invalidate_models IS 'Tells every session that a model has changed (trigger function).';

REVOKE EXECUTE ON FUNCTION custseg_private.invalidate_models FROM public;

-- For each row, and always: so they fire for what logical replication applies, too.
DO $$
DECLARE
    written text;
BEGIN
    FOREACH written IN ARRAY '{model,model_version,segment,model_grant,segment_override}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER invalidate_models AFTER INSERT OR UPDATE OR DELETE ON custseg.%I FOR EACH ROW EXECUTE FUNCTION custseg_private.invalidate_models()', written);
        EXECUTE format('CREATE TRIGGER invalidate_all_models AFTER TRUNCATE ON custseg.%I FOR EACH STATEMENT EXECUTE FUNCTION custseg_private.invalidate_models()', written);
        EXECUTE format('ALTER TABLE custseg.%I ENABLE ALWAYS TRIGGER invalidate_models, ENABLE ALWAYS TRIGGER invalidate_all_models', written);
    END LOOP;
END $$;

CREATE TRIGGER bind_role
BEFORE INSERT OR UPDATE ON custseg.model
FOR EACH ROW EXECUTE FUNCTION custseg_private.bind_role('owner');

CREATE TRIGGER bind_role
BEFORE INSERT OR UPDATE ON custseg.segment_override
FOR EACH ROW EXECUTE FUNCTION custseg_private.bind_role('owner');

CREATE TRIGGER bind_role
BEFORE INSERT OR UPDATE ON custseg.model_grant
FOR EACH ROW EXECUTE FUNCTION custseg_private.bind_role('grantee');

CREATE TRIGGER bind_role
BEFORE INSERT OR UPDATE ON custseg.change_consumer
FOR EACH ROW EXECUTE FUNCTION custseg_private.bind_role('reader');

CREATE TRIGGER bind_role
BEFORE INSERT OR UPDATE ON custseg.audit_event
FOR EACH ROW EXECUTE FUNCTION custseg_private.bind_role('made_by');

-- what the former owner of a model wrote does not run as the present one
CREATE FUNCTION custseg_private.disown_sources() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE custseg.model_version v SET source_adopted = false WHERE v.model = NEW.name;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION custseg_private.disown_sources IS 'Keeps the sources of a model from being read when the model has a new owner; a trigger function.';

REVOKE EXECUTE ON FUNCTION custseg_private.disown_sources FROM public;

CREATE TRIGGER disown_sources
AFTER UPDATE ON custseg.model
FOR EACH ROW WHEN (OLD.owner <> NEW.owner AND OLD.owner_oid IS DISTINCT FROM NEW.owner_oid)
EXECUTE FUNCTION custseg_private.disown_sources();

-- what a role has decided by hand follows its name
CREATE FUNCTION custseg_private.rename_owner() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE custseg.model m SET changed_at = m.changed_at WHERE m.owner = OLD.owner AND m.owner_oid = NEW.owner_oid;
    UPDATE custseg.segment_override o SET owner = NEW.owner
    WHERE o.owner = OLD.owner AND coalesce(o.owner_oid = NEW.owner_oid, true);
    RETURN NULL;
END $$;

COMMENT ON FUNCTION custseg_private.rename_owner IS 'Gives decisions by hand and models of a renamed role its present name; a trigger function.';

REVOKE EXECUTE ON FUNCTION custseg_private.rename_owner FROM public;

CREATE TRIGGER rename_owner
AFTER UPDATE ON custseg.model
FOR EACH ROW WHEN (OLD.owner <> NEW.owner AND OLD.owner_oid = NEW.owner_oid)
EXECUTE FUNCTION custseg_private.rename_owner();

-- triggers that assign segments

CREATE FUNCTION custseg_private.trigger_arguments(tgargs bytea) RETURNS text[]
AS 'MODULE_PATHNAME', 'custseg_trigger_arguments'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION custseg_private.trigger_arguments IS 'Returns the arguments of a trigger, from pg_trigger.tgargs.';

CREATE FUNCTION custseg_private.model_triggers(
    OUT trigger oid,
    OUT trigger_name text,
    OUT relation regclass,
    OUT model text,
    OUT version int,
    OUT warns bool
) RETURNS SETOF record
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT t.oid, t.tgname::text, t.tgrelid::regclass, a.arguments[1],
        (SELECT further::int FROM unnest(a.arguments[3:]) further WHERE further ~ '^ *[0-9]{1,9} *$' LIMIT 1), 'warn' = ANY (a.arguments[3:])
    FROM pg_trigger t
    CROSS JOIN LATERAL (SELECT custseg_private.trigger_arguments(t.tgargs) AS arguments) a
    WHERE t.tgfoid = 'custseg.assign_segment'::regproc AND t.tgparentid = 0;
END;

COMMENT ON FUNCTION custseg_private.model_triggers IS 'Lists the triggers that call assign_segment(), with the model and the version that each names, and whether it warns where it cannot place a row.';

CREATE FUNCTION custseg_private.check_trigger() RETURNS event_trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made record;
BEGIN
    FOR made IN
        SELECT t.*
        FROM pg_event_trigger_ddl_commands() c
        JOIN custseg_private.model_triggers() t ON t.trigger = c.objid
        WHERE c.classid = 'pg_trigger'::regclass AND NOT custseg_private.may_use(t.model)
    LOOP
        RAISE WARNING 'model "%" of trigger "%" does not exist, or you may not use it', made.model, made.trigger_name
            USING HINT = CASE WHEN made.warns THEN 'Until there is a model of that name that the writer may use, every write that fires the trigger leaves NULL, with a WARNING.'
                ELSE 'Every write to the table that fires the trigger fails until there is a model of that name that the writer may use.' END;
    END LOOP;
END $$;

COMMENT ON FUNCTION custseg_private.check_trigger IS 'Warns of a new trigger whose model does not exist; an event trigger function.';

CREATE EVENT TRIGGER custseg_check_trigger ON ddl_command_end
WHEN TAG IN ('CREATE TRIGGER')
EXECUTE FUNCTION custseg_private.check_trigger();

-- how a person finds a function
--
-- Comments say what a function is for; their last two lines are its topic, with a place in it, and
-- an example.  Topics come in the order in which a project needs them.

CREATE FUNCTION custseg_private.short_types(list text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT replace(replace(replace(replace(list,
        'timestamp with time zone', 'timestamptz'), 'double precision', 'float8'), 'integer', 'int'), 'boolean', 'bool');
END;

COMMENT ON FUNCTION custseg_private.short_types IS 'Returns the list of arguments or columns with the short names of their types.';

CREATE VIEW custseg.functions WITH (security_invoker = true) AS
SELECT
    t.line[1] AS topic,
    p.proname::text AS name,
    custseg_private.short_types(regexp_replace(
        replace(regexp_replace(pg_get_function_arguments(p.oid), '(^|, )(IN)?OUT .*', ''), ' DEFAULT ', ' = '),
        '(?<![^ ])IN |::(text|jsonb|boolean|integer|double precision|timestamp with time zone)(\[\])?', '', 'g'
    )) AS arguments,
    custseg_private.short_types(coalesce(r.columns, pg_get_function_result(p.oid))) AS returns,
    split_part(d.comment, E'\ntopic: ', 1) AS purpose,
    substring(d.comment FROM '\nexample: (.*)') AS example
FROM pg_proc p
CROSS JOIN LATERAL (SELECT obj_description(p.oid, 'pg_proc') AS comment) d
CROSS JOIN LATERAL (SELECT regexp_match(d.comment, '\ntopic: (.*) (\d+)\n') AS line) t
-- the columns of the rows that it returns
LEFT JOIN pg_type y ON y.oid = p.prorettype AND y.typtype = 'c'
CROSS JOIN LATERAL (
    SELECT string_agg(format('%s %s', c.name, format_type(c.type, NULL)), ', ' ORDER BY c.position) AS columns
    FROM (
        SELECT u.name, u.type, u.position
        FROM unnest(p.proargnames, p.proallargtypes, p.proargmodes) WITH ORDINALITY u (name, type, mode, position)
        WHERE u.mode IN ('o', 'b', 't')
        UNION ALL
        SELECT a.attname, a.atttypid, a.attnum
        FROM pg_attribute a
        WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) c
) r
WHERE p.pronamespace = 'custseg'::regnamespace
ORDER BY array_position('{data,orders,choosing,training,judging,segments,scoring,people,actions,changes,watching,versions,rules,trees,rights,governance,statistics,value,journeys,products,experiments,budget}', t.line[1]), t.line[2]::int;

COMMENT ON VIEW custseg.functions IS 'The functions for users, in the order in which a project needs them.';
COMMENT ON COLUMN custseg.functions.topic IS 'Topic of the function: data, orders, choosing, training, judging, segments, scoring, people, actions, changes, watching, versions, rules, trees, rights, governance, statistics, value, journeys, products, experiments, budget.';
COMMENT ON COLUMN custseg.functions.name IS 'Name of the function.';
COMMENT ON COLUMN custseg.functions.arguments IS 'Names and types of the arguments; the text after = is the default.';
COMMENT ON COLUMN custseg.functions.returns IS 'Type of the result, or the names and types of its columns.';
COMMENT ON COLUMN custseg.functions.purpose IS 'Purpose of the function.';
COMMENT ON COLUMN custseg.functions.example IS 'Example call, which runs where there are the tables customers and orders, the models shop, value (with rules) and tree, and the consumer campaigns.';

-- A column of a view means what the column of that name in the tables behind it means, unless it says
-- otherwise; where two of them say different things, the view has to.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT v.oid::regclass AS view, a.attname AS column, min(b.comment) AS comment
        FROM pg_class v
        JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0 AND col_description(v.oid, a.attnum) IS NULL
        JOIN pg_rewrite r ON r.ev_class = v.oid
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
        JOIN pg_attribute t ON t.attrelid = d.refobjid AND t.attnum = d.refobjsubid AND t.attname = a.attname
        CROSS JOIN LATERAL (SELECT col_description(t.attrelid, t.attnum) AS comment) b
        WHERE v.relnamespace = 'custseg'::regnamespace AND v.relkind = 'v'
        GROUP BY v.oid, a.attname
        HAVING count(DISTINCT b.comment) = 1
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', found.view, found.column, found.comment);
    END LOOP;
END $$;

-- What a view of publications shows is what the function returns whose rows it has, unless it says otherwise.
COMMENT ON COLUMN custseg.published_summary.n_trained IS 'Training rows in the segment.';
COMMENT ON COLUMN custseg.published_summary.training_share IS 'Share of the training rows, 0 to 1.';
COMMENT ON COLUMN custseg.published_summary.playbook IS 'Action that set_action() keeps for the segment, an object; NULL when there is none.';
COMMENT ON COLUMN custseg.published_histogram.column_name IS 'Name of the column.';
COMMENT ON COLUMN custseg.published_histogram.scale IS 'Scale on which the bins are equally wide: linear, or log where the values are positive and skewed.';
COMMENT ON COLUMN custseg.published_histogram.bin IS 'Number of the bin, from 1.';
COMMENT ON COLUMN custseg.published_histogram.low IS 'Lower end of the bin, in the unit of the column whatever the scale.';
COMMENT ON COLUMN custseg.published_histogram.high IS 'Upper end of the bin, likewise; only the last bin includes it.';
COMMENT ON COLUMN custseg.published_histogram.segment IS 'Number of the segment; NULL for all customers.';
COMMENT ON COLUMN custseg.published_histogram.n IS 'Customers of the segment in the bin.';
COMMENT ON COLUMN custseg.published_histogram.density IS 'Share of the segment''s customers in the bin, divided by the width of the bin: in units of the column, or on the log scale in factors of ten.';
COMMENT ON COLUMN custseg.published_level_share.column_name IS 'Name of the column.';
COMMENT ON COLUMN custseg.published_level_share.level IS 'Level; (other) for the rarer ones together, (null) for no value.';
COMMENT ON COLUMN custseg.published_level_share.segment IS 'Number of the segment; NULL for all customers.';
COMMENT ON COLUMN custseg.published_level_share.n IS 'Customers of the segment with the level.';
COMMENT ON COLUMN custseg.published_level_share.share IS 'Share of the segment''s customers, 0 to 1.';
COMMENT ON COLUMN custseg.published_silhouette.segment IS 'Number of the segment.';
COMMENT ON COLUMN custseg.published_silhouette.name IS 'Name of the segment.';
COMMENT ON COLUMN custseg.published_silhouette.n IS 'Customers of the sample in the segment.';
COMMENT ON COLUMN custseg.published_silhouette.mean IS 'Mean of their silhouette widths.';
COMMENT ON COLUMN custseg.published_silhouette.n_negative IS 'Number of widths below 0: customers who are closer to another segment.';
COMMENT ON COLUMN custseg.published_silhouette.quantiles IS 'Quantiles of the widths at 0, 1, ... 100 %.';
COMMENT ON COLUMN custseg.published_lorenz.customer_share IS 'Share of the customers, the least valuable first.';
COMMENT ON COLUMN custseg.published_lorenz.value_share IS 'Share of the value that they have together.';
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT v.oid::regclass AS view, a.attname AS column, CASE a.attname
                WHEN 'is_small' THEN 'True where the segment has fewer customers than min_group, or is hidden with one that has; what would tell of them is NULL.'
                ELSE format('As %s returns it.', substring(obj_description(v.oid, 'pg_class') FROM '^Rows of (\w+\(\))'))
            END AS comment
        FROM pg_class v
        JOIN pg_attribute a ON a.attrelid = v.oid AND a.attnum > 0 AND col_description(v.oid, a.attnum) IS NULL
        WHERE v.relnamespace = 'custseg'::regnamespace AND v.relkind = 'v' AND v.relname ~ '^published_'
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', found.view, found.column, found.comment);
    END LOOP;
END $$;

-- rights

GRANT USAGE ON SCHEMA custseg TO public;
-- functions in custseg call those in custseg_private as their caller
GRANT USAGE ON SCHEMA custseg_private TO public;
-- pg_dump reads them
GRANT SELECT ON SEQUENCE custseg.deployment_id_seq, custseg.migration_id_seq, custseg.monitor_run_id_seq, custseg.outcome_run_id_seq, custseg.alert_id_seq, custseg.segment_override_id_seq, custseg.segment_value_history_run_seq, custseg.segment_kpi_run_seq, custseg.gate_decision_id_seq, custseg.change_batch_transaction_number_seq, custseg.change_batch_last_position_seq, custseg.audit_event_id_seq, custseg.column_note_id_seq TO public;

GRANT SELECT ON
    custseg.model,
    custseg.model_version,
    custseg.model_within,
    custseg.feature,
    custseg.segment,
    custseg.deployment,
    custseg.model_grant,
    custseg.migration,
    custseg.monitor_run,
    custseg.monitor_feature,
    custseg.monitor_segment,
    custseg.outcome_run,
    custseg.outcome,
    custseg.alert,
    custseg.segment_action,
    custseg.presentation,
    custseg.segment_override,
    custseg.report,
    custseg.segment_value_history,
    custseg.experiment,
    custseg.experiment_variant,
    custseg.experiment_metric,
    custseg.enrolment_batch,
    custseg.enrolment_count,
    custseg.enrolment,
    custseg.experiment_look,
    custseg.segment_kpi,
    custseg.gate_condition,
    custseg.gate_decision,
    custseg.experiment_look_metric,
    custseg.experiment_gain,
    custseg.change_feed,
    custseg.segment_change,
    custseg.change_batch,
    custseg.change_consumer,
    custseg.audit_event,
    custseg.column_note,
    custseg.models,
    custseg.segment_tree,
    custseg.training_choose_k,
    custseg.training_merges,
    custseg.training_k_distance,
    custseg.training_scree,
    custseg.segments,
    custseg.segment_profile,
    custseg.drift_history,
    custseg.size_history,
    custseg.open_alerts,
    custseg.model_health,
    custseg.playbook,
    custseg.value_at_risk,
    custseg.kpi_history,
    custseg.overrides,
    custseg.consumers,
    custseg.audit,
    custseg.published,
    custseg.published_summary,
    custseg.published_profile,
    custseg.published_radar,
    custseg.published_boxplot,
    custseg.published_heatmap,
    custseg.published_importance,
    custseg.published_test,
    custseg.published_histogram,
    custseg.published_level_share,
    custseg.published_correlation,
    custseg.published_silhouette,
    custseg.published_lorenz,
    custseg.published_concentration,
    custseg.published_capacity,
    custseg.published_quality,
    custseg.published_description,
    custseg.published_missing,
    custseg.published_surrogate,
    custseg.published_migration,
    custseg.published_forecast,
    custseg.published_fairness,
    custseg.published_change,
    custseg.published_affinity,
    custseg.published_basket,
    custseg.published_journey,
    custseg.published_funnel,
    custseg.published_engagement,
    custseg.published_audience,
    custseg.published_lookalike,
    custseg.functions
TO public;

ALTER TABLE custseg.model ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.model_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.model_within ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.feature ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.segment ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.deployment ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.model_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.migration ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.monitor_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.monitor_feature ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.monitor_segment ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.outcome_run ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.outcome ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.segment_action ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.presentation ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.segment_override ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.report ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.segment_value_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.experiment ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.experiment_variant ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.experiment_metric ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.enrolment_batch ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.enrolment_count ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.enrolment ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.experiment_look ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.segment_kpi ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.gate_condition ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.gate_decision ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.experiment_look_metric ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.change_feed ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.segment_change ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.change_batch ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.change_consumer ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.audit_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE custseg.column_note ENABLE ROW LEVEL SECURITY;

CREATE POLICY may_use ON custseg.model FOR SELECT USING (custseg_private.may_use(name));
CREATE POLICY may_use ON custseg.model_version FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.model_within FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.feature FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.segment FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.deployment FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.model_grant FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.migration FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.monitor_run FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.monitor_feature FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.monitor_segment FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.outcome_run FOR SELECT USING (custseg_private.may_use(model));
-- what came of customers is for the owner alone
CREATE POLICY may_use ON custseg.outcome FOR SELECT USING (
    EXISTS (SELECT FROM custseg.model AS m
        WHERE m.name OPERATOR(pg_catalog.=) outcome.model
            AND pg_catalog.pg_has_role(custseg_private.role_oid(m.owner, m.owner_oid, m.owner_cluster), 'USAGE')));
CREATE POLICY may_use ON custseg.alert FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.segment_action FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.presentation FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.segment_kpi FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.gate_condition FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.gate_decision FOR SELECT USING (custseg_private.may_use(model));
-- what segments are worth says something of both models
CREATE POLICY may_use ON custseg.segment_value_history FOR SELECT USING (custseg_private.may_use(model) AND custseg_private.may_use(value_model));
CREATE POLICY may_use ON custseg.report FOR SELECT USING (
    custseg_private.may_use(model)
    AND CASE WHEN part OPERATOR(pg_catalog.=) 'value' THEN custseg_private.may_use(body OPERATOR(pg_catalog.->) 0 OPERATOR(pg_catalog.->>) 'value_model') ELSE true END);
CREATE POLICY may_use ON custseg.experiment FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.experiment_variant FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.experiment_metric FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.enrolment_batch FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.enrolment_count FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.experiment_look FOR SELECT USING (custseg_private.may_use(model));
CREATE POLICY may_use ON custseg.experiment_look_metric FOR SELECT USING (custseg_private.may_use(model));
-- who is in an experiment is for the owner alone
CREATE POLICY may_use ON custseg.enrolment FOR SELECT USING (
    experiment OPERATOR(pg_catalog.=) ANY (ARRAY(
        SELECT e.experiment FROM custseg.experiment AS e JOIN custseg.model AS m ON m.name OPERATOR(pg_catalog.=) e.model
        WHERE pg_catalog.pg_has_role(custseg_private.role_oid(m.owner, m.owner_oid, m.owner_cluster), 'USAGE'))));
CREATE POLICY may_use ON custseg.change_feed FOR SELECT USING (custseg_private.may_use(model));
-- who has moved is for the owner, and for the readers of changes()
CREATE POLICY may_use ON custseg.segment_change FOR SELECT USING (
    model OPERATOR(pg_catalog.=) ANY (ARRAY(
        SELECT m.name FROM custseg.model AS m WHERE pg_catalog.pg_has_role(custseg_private.role_oid(m.owner, m.owner_oid, m.owner_cluster), 'USAGE'))));
CREATE POLICY may_use ON custseg.change_batch FOR SELECT USING (
    model OPERATOR(pg_catalog.=) ANY (ARRAY(
        SELECT m.name FROM custseg.model AS m WHERE pg_catalog.pg_has_role(custseg_private.role_oid(m.owner, m.owner_oid, m.owner_cluster), 'USAGE'))));
CREATE POLICY may_use ON custseg.change_consumer FOR SELECT USING (
    model OPERATOR(pg_catalog.=) ANY (ARRAY(
        SELECT m.name FROM custseg.model AS m WHERE pg_catalog.pg_has_role(custseg_private.role_oid(m.owner, m.owner_oid, m.owner_cluster), 'USAGE')))
    OR pg_catalog.pg_has_role(custseg_private.role_oid(reader, reader_oid, reader_cluster), 'USAGE'));
-- of what is about no model only who did it is told
CREATE POLICY may_use ON custseg.audit_event FOR SELECT USING (
    CASE WHEN model IS NOT NULL THEN custseg_private.may_use(model)
        ELSE pg_catalog.pg_has_role(custseg_private.role_oid(made_by, made_by_oid, made_by_cluster), 'USAGE') END);
-- what a relation's columns mean is for those who may read any of it
CREATE POLICY may_use ON custseg.column_note FOR SELECT USING (
    CASE WHEN model IS NOT NULL THEN custseg_private.may_use(model)
        ELSE custseg_private.may_read(source) END);
-- decisions outlive their model: only the role that owned it sees them then
CREATE POLICY may_use ON custseg.segment_override FOR SELECT USING (
    EXISTS (SELECT FROM custseg.model AS m
        WHERE m.name OPERATOR(pg_catalog.=) segment_override.model
            AND custseg_private.is_same_role(segment_override.owner, segment_override.owner_oid, segment_override.owner_cluster, m.owner, m.owner_oid, m.owner_cluster))
    OR pg_catalog.pg_has_role(custseg_private.role_oid(owner, owner_oid, owner_cluster), 'USAGE'));

-- what pg_dump takes along

SELECT pg_catalog.pg_extension_config_dump('custseg.model', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.model_version', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.model_within', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.feature', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.segment', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.deployment', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.deployment', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.model_grant', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.migration', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.migration', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.monitor_run', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.monitor_run', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.monitor_feature', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.monitor_segment', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.outcome_run', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.outcome_run', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.outcome', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.alert', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.alert', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.segment_action', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.presentation', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.segment_override', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.segment_override', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.report', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.segment_value_history', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.segment_value_history', 'run')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.experiment', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.experiment_variant', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.experiment_metric', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.enrolment_batch', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.enrolment_count', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.enrolment', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.experiment_look', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.segment_kpi', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.segment_kpi', 'run')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.gate_condition', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.gate_decision', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.gate_decision', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.experiment_look_metric', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.change_feed', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.segment_change', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.change_batch', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.change_batch', 'transaction_number')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.change_batch', 'last_position')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.change_consumer', '');
SELECT pg_catalog.pg_extension_config_dump('custseg.audit_event', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.audit_event', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump('custseg.column_note', '');
SELECT pg_catalog.pg_extension_config_dump(pg_get_serial_sequence('custseg.column_note', 'id')::regclass, '');
