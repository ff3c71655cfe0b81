// methods.js
//	  What each algorithm does and each measure means, for people who did not study it.

/** The algorithms: what they do, and what follows from it for the reader. */
export const algorithms = {
    kmeans: { name: 'k-means', does: 'It places a centre for each segment, gives every customer to the nearest centre, and moves the centres to the middle of their customers until nothing moves.', follows: 'Every customer is in exactly one segment. Segments are round and of similar extent, so that a customer at the edge may be nearly as close to the next segment.' },
    minibatch: { name: 'mini-batch k-means', does: 'It works like k-means, and reads the customers batch by batch, because there are more of them than fit into memory.', follows: 'Every customer is in exactly one segment. The centres lie a little less exactly than those of k-means.' },
    gmm: { name: 'a Gaussian mixture', does: 'It describes the customers as a mixture of bell-shaped clouds, and computes for each customer with which probability each cloud made it.', follows: 'Segments may be longer in one direction than in another, and may overlap. A customer belongs to the most probable one.' },
    kmedoids: { name: 'k-medoids', does: 'It chooses one real customer for each segment as its centre, so that all customers are as close as possible to theirs.', follows: 'Every segment has a typical customer who really exists. Outliers move the centres little.' },
    hierarchical: { name: 'hierarchical clustering', does: 'It begins with every customer alone, and merges the two closest groups again and again, until as many segments are left as were asked for.', follows: 'The merges form a tree: segments that were merged late are far apart. New customers go to the nearest segment.' },
    dbscan: { name: 'DBSCAN', does: 'It looks for places in which customers are dense, and joins dense places that touch each other.', follows: 'The number of segments is found, not given. Customers who are in no dense place are noise, and are in no segment.' },
    hdbscan: { name: 'HDBSCAN', does: 'It looks for dense places at every level of density, and keeps the groups that last longest while the level changes.', follows: 'The number of segments is found, not given. Customers who are in no dense place are noise, and are in no segment.' },
    rules: { name: 'rules', does: 'People have written conditions. They are tried in their order, and the first one that holds decides.', follows: 'Everyone can tell why a customer is in a segment. The segments are as good as the rules, and no measure says how well they are apart.' },
    tree: { name: 'a decision tree', does: 'It asks one question after the other about a customer, and the answers lead to a segment. The questions were chosen to imitate given segments.', follows: 'Everyone can follow the questions. A customer close to a threshold may change segment by a small difference.' },
};

/** The measures of a training that are told: their name, how they are written, and what they mean. */
export const measures = [
    ['silhouette', 'Silhouette', 'number', 'How much closer customers are to their own segment than to the next: 1 is far apart, 0 is on the border, below 0 is closer to another one. Above 0.5 is clear, from 0.25 to 0.5 is fair for real customers.'],
    ['between_share', 'Differences explained', 'percent', 'The share of all differences between customers that lies between the segments, and not within them.'],
    ['mean_distance', 'Mean distance', 'number', 'How far customers are from the centre of their segment, in standard units.'],
    ['inertia', 'Inertia', 'number', 'The sum of the squared distances to the centres. It falls with every further segment, and says nothing alone.'],
    ['log_likelihood', 'Log-likelihood', 'number', 'How well the mixture describes the customers; higher is better, and it compares only models of the same columns.'],
    ['bic', 'BIC', 'number', 'The likelihood, less a price for each further number in the model; lower is better.'],
    ['cophenetic_correlation', 'Cophenetic correlation', 'number', 'How well the tree of merges tells the distances between customers; 1 is exactly.'],
    ['objective', 'Mean distance to a typical customer', 'number', 'How far customers are from the typical customer of their segment; it compares only models of the same columns.'],
    ['mean_strength', 'Mean strength', 'number', 'How firmly customers belong to their segments, from 0 at the edge to 1 in the middle.'],
    ['noise_share', 'Noise', 'percent', 'The share of the customers who are in no segment.'],
    ['fidelity', 'Fidelity', 'percent', 'How often the tree says what it was to imitate.'],
    ['validated_fidelity', 'Validated fidelity', 'percent', 'The same for customers whom the tree had not seen.'],
];

/** What the options of algorithms are about, where their names do not say so. */
export const optionWords = {
    n_init: 'starts, of which the best counts', max_iter: 'iterations at most', tol: 'change at which it stops', seed: 'seed of the random numbers', init: 'how it starts', weight: 'column of weights',
    silhouette_sample: 'customers of whom the silhouette is computed', eps: 'distance within which customers are neighbours', min_samples: 'neighbours that make a place dense', keep_core_points: 'whether the model keeps customers of dense places, for new ones to be placed',
    min_cluster_size: 'customers that make a segment', keep_points: 'whether the model keeps customers, for new ones to be placed', cluster_selection_method: 'which groups are preferred', cluster_selection_epsilon: 'distance below which groups are not divided', allow_single_cluster: 'whether all may be one segment',
    linkage: 'how the distance of two groups is measured', max_rows: 'customers up to which all distances are taken', micro_clusters: 'small groups that are merged beyond that',
    covariance_type: 'shape of the clouds', reg_covar: 'smallest spread of a cloud', reg_covar_absolute: 'whether that spread is in the units of the columns',
    metric: 'how distances are measured', samples: 'samples, of which the best counts', sample_size: 'customers in a sample', sample: 'customers in the sample it begins with', batch_size: 'customers in a batch', reassignment_ratio: 'share below which a centre is moved elsewhere',
    model: 'model that is imitated', target: 'column that is imitated', ccp_alpha: 'price of each further question', max_depth: 'questions at most', max_leaf_nodes: 'answers at most', min_samples_leaf: 'customers behind an answer', min_samples_split: 'customers that are still divided', min_impurity_decrease: 'gain that a question needs',
    segments: 'the rules', else: 'segment of those for whom no rule holds', algorithm: 'variant',
};
