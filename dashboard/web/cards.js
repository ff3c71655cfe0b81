// cards.js
//	  All cards, in one file that is loaded after the first paint: many small ones compress badly.

export { Card } from './card.jsx';
export { loadLibrary } from './chart.jsx';
export { whyMissing } from './parts.js';
import action from './cards/action.jsx';
import actions from './cards/actions.jsx';
import affinity from './cards/affinity.jsx';
import alerts from './cards/alerts.jsx';
import attention from './cards/attention.jsx';
import audience from './cards/audience.jsx';
import audit from './cards/audit.jsx';
import basket from './cards/basket.jsx';
import boxplots from './cards/boxplots.jsx';
import budget from './cards/budget.jsx';
import capacity from './cards/capacity.jsx';
import causes from './cards/causes.jsx';
import change from './cards/change.jsx';
import changes from './cards/changes.jsx';
import columns from './cards/columns.jsx';
import compareHeatmap from './cards/compare-heatmap.jsx';
import compareRadar from './cards/compare-radar.jsx';
import comparison from './cards/comparison.jsx';
import consumers from './cards/consumers.jsx';
import correlation from './cards/correlation.jsx';
import customer from './cards/customer.jsx';
import customersAndValue from './cards/customers-and-value.jsx';
import dendrogram from './cards/dendrogram.jsx';
import deployments from './cards/deployments.jsx';
import descriptions from './cards/descriptions.jsx';
import dictionary from './cards/dictionary.jsx';
import differences from './cards/differences.jsx';
import donut from './cards/donut.jsx';
import drift from './cards/drift.jsx';
import effects from './cards/effects.jsx';
import elbow from './cards/elbow.jsx';
import engagement from './cards/engagement.jsx';
import experiments from './cards/experiments.jsx';
import fairness from './cards/fairness.jsx';
import forecast from './cards/forecast.jsx';
import frequencies from './cards/frequencies.jsx';
import funnel from './cards/funnel.jsx';
import gate from './cards/gate.jsx';
import heatmap from './cards/heatmap.jsx';
import histogram from './cards/histogram.jsx';
import history from './cards/history.jsx';
import importance from './cards/importance.jsx';
import journey from './cards/journey.jsx';
import kDistance from './cards/k-distance.jsx';
import kpis from './cards/kpis.jsx';
import leaving from './cards/leaving.jsx';
import levels from './cards/levels.jsx';
import lifetimeValue from './cards/lifetime-value.jsx';
import lookalike from './cards/lookalike.jsx';
import looks from './cards/looks.jsx';
import lorenz from './cards/lorenz.jsx';
import method from './cards/method.jsx';
import migration from './cards/migration.jsx';
import missing from './cards/missing.jsx';
import moves from './cards/moves.jsx';
import ownWorth from './cards/own-worth.jsx';
import pairs from './cards/pairs.jsx';
import parallel from './cards/parallel.jsx';
import personalData from './cards/personal-data.jsx';
import placed from './cards/placed.jsx';
import profile from './cards/profile.jsx';
import quality from './cards/quality.jsx';
import radar from './cards/radar.jsx';
import roi from './cards/roi.jsx';
import rules from './cards/rules.jsx';
import scatter from './cards/scatter.jsx';
import scree from './cards/scree.jsx';
import segmentFacts from './cards/segment-facts.jsx';
import segmentSpace from './cards/segment-space.jsx';
import segmentTable from './cards/segment-table.jsx';
import silhouette from './cards/silhouette.jsx';
import similar from './cards/similar.jsx';
import sizes from './cards/sizes.jsx';
import space from './cards/space.jsx';
import split from './cards/split.jsx';
import survey from './cards/survey.jsx';
import tests from './cards/tests.jsx';
import tiles from './cards/tiles.jsx';
import tornado from './cards/tornado.jsx';
import tree from './cards/tree.jsx';
import valueAtRisk from './cards/value-at-risk.jsx';
import valueOverTime from './cards/value-over-time.jsx';
import versions from './cards/versions.jsx';
import votes from './cards/votes.jsx';
import whatIf from './cards/what-if.jsx';
import why from './cards/why.jsx';
import worth from './cards/worth.jsx';

const all = [
    action, actions, affinity, alerts, attention, audience, audit, basket, boxplots, budget, capacity, causes, change,
    changes, columns, compareHeatmap, compareRadar, comparison, consumers, correlation, customer, customersAndValue,
    dendrogram, deployments, descriptions, dictionary, differences, donut, drift, effects, elbow, engagement, experiments,
    fairness, forecast, frequencies, funnel, gate, heatmap, histogram, history, importance, journey, kDistance, kpis,
    leaving, levels, lifetimeValue, lookalike, looks, lorenz, method, migration, missing, moves, ownWorth, pairs, parallel,
    personalData, placed, profile, quality, radar, roi, rules, scatter, scree, segmentFacts, segmentSpace, segmentTable,
    silhouette, similar, sizes, space, split, survey, tests, tiles, tornado, tree, valueAtRisk, valueOverTime, versions,
    votes, whatIf, why, worth,
];

/** The cards by name. */
export const cards = Object.fromEntries(all.map((card) => [card.name, card]));
