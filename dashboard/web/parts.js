// parts.js
//	  For each part: why it may be missing, and the SQL that fills it; for pages and reports.

import { literal } from './literal.js';

export { literal };

const publish = (model) => `SELECT custseg.publish(${literal(model)});`;
const notInThisPublication = { why: 'This publication does not hold it.', sql: publish };

// Each entry: why it may be missing, and a function of the model's name that returns SQL.  Keys are names of parts.
export const parts = {
    about: { why: 'Nothing is known of this model.', sql: () => 'SELECT name, kind FROM custseg.models;' },
    summary: { why: 'Nothing was published of this model yet.', sql: publish },
    profile: { why: 'Nothing was published of this model yet.', sql: publish },
    radar: { why: 'Nothing was published of this model yet, or no feature differs between its segments.', sql: publish },
    boxplot: { why: 'The model has no numeric columns, or nothing was published of it yet.', sql: publish },
    median: { why: 'The model has no numeric columns, or nothing was published of it yet.', sql: publish },
    heatmap: { why: 'Nothing was published of this model yet.', sql: publish },
    importance: { why: 'Importance needs two segments or more, and a publication.', sql: publish },
    test: { why: 'The tests need two segments or more, and a publication.', sql: publish },
    histogram: { why: 'The model has no numeric columns, or nothing was published of it yet.', sql: publish },
    level_share: { why: 'The model has no categories, such as a channel.', sql: publish },
    correlation: { why: 'Correlations need two numeric columns, and a publication.', sql: publish },
    silhouette: { why: 'The silhouette needs two segments or more, and a publication.', sql: publish },
    projection: { why: 'The projection needs two numeric dimensions, and a publication.', sql: publish },
    lorenz: {
        why: 'The model does not know which column says what a customer is worth.',
        sql: (model) => `SELECT custseg.set_presentation(${literal(model)}, '{"value": "monetary", "currency": "GBP"}');\n${publish(model)}`,
    },
    concentration: {
        why: 'The model does not know which column says what a customer is worth.',
        sql: (model) => `SELECT custseg.set_presentation(${literal(model)}, '{"value": "monetary", "currency": "GBP"}');\n${publish(model)}`,
    },
    capacity: {
        why: 'No segment has a perk whose number is limited.',
        sql: (model) => `SELECT custseg.set_action(${literal(model)}, 1, '{"perk": "Early access", "perk_capacity": 500}');\n${publish(model)}`,
    },
    quality: { why: 'Nothing was published of this model yet.', sql: publish },
    description: { why: 'Nothing was published of this model yet.', sql: publish },
    missing: { why: 'Nothing was published of this model yet.', sql: publish },
    surrogate: { why: 'Rules need two segments or more, and a publication.', sql: publish },
    migration: {
        why: 'Nobody has placed the customers of a table again since the model was made, so that no moves are known.',
        sql: (model) => `CALL custseg.resegment(${literal(model)}, 'customers');\n${publish(model)}`,
    },
    previous: {
        why: 'There is no publication before this one, so that nothing can have changed since. The next one shows it.',
        sql: (model) => `SELECT custseg.monitor(${literal(model)}, options => '{"publish": true}');  -- once a month`,
    },
    versions: { why: 'The model has no version.', sql: (model) => `SELECT * FROM custseg.train(${literal(model)}, 'customers');` },
    deployments: { why: 'No version was ever deployed, so that nobody can be placed without naming one.', sql: (model) => `SELECT custseg.deploy(${literal(model)}, 1);` },
    training: {
        why: 'The training of this version kept nothing to show here.',
        sql: (model) => `SELECT * FROM custseg.train(${literal(model)}, 'customers');\n${publish(model)}`,
    },
    forecast: {
        why: 'A forecast needs four runs that placed all customers of a table with the same version, such as one a month.',
        sql: (model) => `CALL custseg.resegment(${literal(model)}, 'customers');  -- once a month\n${publish(model)}`,
    },
    value: {
        why: 'No model tells yet what the customers of this one will be worth.',
        sql: (model) => `SELECT * FROM custseg.record_segment_value('lifetime', ${literal(model)});\n${publish(model)}`,
    },
    value_history: {
        why: 'Nobody has recorded yet what the segments will be worth.',
        sql: (model) => `SELECT * FROM custseg.train_purchases('lifetime', 'orders', 'customer', 'ordered_at', 'amount');\nSELECT * FROM custseg.record_segment_value('lifetime', ${literal(model)});  -- once a month`,
    },
    value_at_risk: {
        why: 'Nobody has recorded yet what the segments will be worth and who has left, or the data do not tell who has left.',
        sql: (model) => `SELECT * FROM custseg.record_segment_value('lifetime', ${literal(model)});  -- once a month`,
    },
    economics: { why: 'Nothing is known of this model.', sql: () => 'SELECT name, kind FROM custseg.models;' },
    experiments: {
        why: 'No experiment has been planned with the segments of this model.',
        sql: (model) => `SELECT custseg.create_experiment('spring', ${literal(model)}, '["control", "mail"]',\n    '[{"metric": "bought", "kind": "conversion", "role": "primary", "effect": 0.03}]');\nSELECT * FROM custseg.enroll('spring', 'customers');`,
    },
    experiment: {
        why: 'There is no such experiment with the segments of this model.',
        sql: (model) => `SELECT experiment, status FROM custseg.experiment WHERE model = ${literal(model)};`,
    },
    survey: {
        why: 'No customer has been asked yet whether the segment fits, or the answers were not recorded.',
        sql: (model) => `SELECT * FROM custseg.record_survey(${literal(model)}, 'answers');  -- columns: customer, segment, satisfaction`,
    },
    gate: {
        why: 'No version of this model is deployed, so that there is nothing to act on.',
        sql: (model) => `SELECT custseg.deploy(${literal(model)}, 1);`,
    },
    sizes: {
        why: 'The monitor has never counted the customers of this model.',
        sql: (model) => `SELECT * FROM custseg.monitor(${literal(model)});  -- every night, or once a month`,
    },
    drift: {
        why: 'The monitor has never compared the customers of this model with those of the training.',
        sql: (model) => `SELECT * FROM custseg.monitor(${literal(model)});  -- every night, or once a month`,
    },
    alerts: {
        why: 'No alert was ever opened for this model. The monitor opens one when it finds a problem.',
        sql: (model) => `SELECT * FROM custseg.monitor(${literal(model)});`,
    },
    kpis: {
        why: 'No month of orders has been kept for the segments of this model.',
        sql: (model) => `SELECT * FROM custseg.record_kpis(${literal(model)}, 'orders', 'customer', 'ordered_at', 'amount',\n    options => '{"months": 13}');  -- then once a month, without the option`,
    },
    fairness: {
        why: 'This publication does not say how an attribute, such as a region or a group of age, is spread over the segments, or a group of it has too few customers in a segment.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, 'customers', '{"fairness": "region"}');`,
    },
    affinity: {
        why: 'This publication does not say what the customers of each segment buy, or no segment differs in it.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, options => '{"products": {"orders": "orders", "customer": "customer", "product": "product", "order": "invoice"}}');`,
    },
    basket: {
        why: 'This publication does not say what is bought together, or nothing is.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, options => '{"products": {"orders": "orders", "customer": "customer", "product": "product", "order": "invoice"}}');`,
    },
    journey: {
        why: 'This publication does not say how customers go from step to step.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, options => '{"journey": {"source": "events", "customer": "customer", "time": "at", "step": "kind"}}');`,
    },
    funnel: {
        why: 'This publication does not say how many customers come to each step of a funnel.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, options => '{"journey": {"source": "events", "customer": "customer", "time": "at", "step": "kind", "steps": ["visit", "basket", "purchase"], "within": "30 days"}}');`,
    },
    audience: {
        why: 'This publication does not say whom campaigns address, or nobody is in an audience.',
        sql: (model) => `SELECT custseg.create_audience_view('come_back', ${literal(model)}, 'customers', '{1}');\nSELECT custseg.publish(${literal(model)}, options => '{"audiences": ["come_back"]}');`,
    },
    lookalike: {
        why: 'This publication does not look for customers who are like those of a list.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, options => '{"lookalikes": {"name": "who bought tea", "seeds": "SELECT customer FROM orders WHERE product = \'\'tea\'\'", "n": 1000}}');`,
    },
    engagement: {
        why: 'This publication does not say how engaged customers are.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, options => '{"events": {"source": "events", "customer": "customer", "time": "at", "kind": "kind"}}');`,
    },
    feed: {
        why: 'The model did not track changes of segments when this was published, so that nobody can act on them.',
        sql: (model) => `SELECT custseg.track_changes(${literal(model)}, 'customers');\nSELECT custseg.create_consumer('mailer', ${literal(model)});\n${publish(model)}`,
    },
    personal_data: { why: 'Nothing was kept of single customers when this was published, or nothing was published yet.', sql: publish },
    audit: { why: 'Nothing is known to have been done with this model at that time.', sql: (model) => `SELECT * FROM custseg.audit WHERE model = ${literal(model)};` },
    dictionary: {
        why: 'Nobody has said what the columns of this model mean.',
        sql: (model) => `SELECT custseg.set_column_note(${literal(model)}, NULL, 'recency', '{"meaning": "Days since the last order", "unit": "days", "owner": "data team"}');`,
    },
    change: {
        why: 'This publication does not tell the last month in words.',
        sql: (model) => `SELECT custseg.publish(${literal(model)}, options => '{"changes": true}');`,
    },
    tree: {
        why: 'No segment of this model is divided further: no model was trained within one.',
        sql: (model) => `SELECT custseg.train('within', 'customers', options => jsonb_build_object('within', jsonb_build_object('model', ${literal(model)}, 'segment', 1)));`,
    },
    customer_form: {
        why: 'No version of this model is deployed, so that nobody can be placed.',
        sql: (model) => `SELECT custseg.deploy(${literal(model)}, 1);`,
    },
};

/** Returns why a part is missing and the SQL that fills it. */
export function whyMissing(part, model) {
    const entry = Object.hasOwn(parts, part) ? parts[part] : notInThisPublication;
    return { why: entry.why, sql: entry.sql ? entry.sql(model) : null };
}
