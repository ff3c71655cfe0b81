"""Gaussian mixtures beside scikit-learn: the same start on both sides, speed and agreement."""

import time
import warnings
from unittest import mock

import numpy
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture, _gaussian_mixture
from threadpoolctl import threadpool_limits

import data
from agreement import load as load_frame, same_partition
from measure import Row, in_turn, say, scaled, times_faster

# Type, factor required.
TYPES = [("full", 2), ("tied", None), ("diag", None), ("spherical", None)]


def start_of(x, means, covariance_type, reg_covar):
    """
    Weights, means and precisions of the partition by the nearest of the means: the mixture that
    custseg starts with when it is given them as init.
    """
    distances = numpy.stack([((x - mean) ** 2).sum(axis=1) for mean in means], axis=1)
    labels = distances.argmin(axis=1)
    parts = [x[labels == c] for c in range(len(means))]
    weights = numpy.array([len(part) for part in parts]) / len(x)
    eye = numpy.eye(x.shape[1])
    covariances = [numpy.cov(part.T, bias=True).reshape(eye.shape) for part in parts]
    if covariance_type == "tied":
        pooled = sum(weight * covariance for weight, covariance in zip(weights, covariances))
        precisions = numpy.linalg.inv(pooled + reg_covar * eye)
    elif covariance_type == "full":
        precisions = numpy.array([numpy.linalg.inv(c + reg_covar * eye) for c in covariances])
    else:
        variances = numpy.array([numpy.diag(c) for c in covariances])
        if covariance_type == "spherical":
            variances = variances.mean(axis=1)
        precisions = 1 / (variances + reg_covar)
    return {"weights_init": weights, "means_init": numpy.array([part.mean(axis=0) for part in parts]),
            "precisions_init": precisions}


def sklearn_fit(x, means, covariance_type, threads=2, **options):
    """Fit scikit-learn's mixture from that start; return seconds and the model."""
    model = GaussianMixture(len(means), covariance_type=covariance_type,
                            init_params="random_from_data", random_state=0, **options,
                            **start_of(x, means, covariance_type, 1e-6))
    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model.fit(x)
        return time.perf_counter() - start, model


def direct_variances(responsibilities, x, weights, means, reg_covar):
    """Variances of diag from differences; scikit-learn's x^2 - 2xm + m^2 loses half of the digits."""
    return numpy.array([r @ (x - mean) ** 2 / weight + reg_covar
                        for r, weight, mean in zip(responsibilities.T, weights, means)])


def direct_densities(x, means, factors, covariance_type):
    """Log densities of diag and spherical from differences, likewise."""
    if covariance_type in ("full", "tied"):
        return EXPANDED(x, means, factors, covariance_type)
    factors = factors.reshape(len(means), -1) * numpy.ones(x.shape[1])
    return numpy.stack([numpy.log(factor / numpy.sqrt(2 * numpy.pi)).sum()
                        - 0.5 * (((x - mean) * factor) ** 2).sum(axis=1)
                        for mean, factor in zip(means, factors)], axis=1)


EXPANDED = _gaussian_mixture._estimate_log_gaussian_prob


@mock.patch.object(_gaussian_mixture, "_estimate_gaussian_covariances_diag", direct_variances)
@mock.patch.object(_gaussian_mixture, "_estimate_log_gaussian_prob", direct_densities)
def sklearn_fit_direct(x, means, covariance_type):
    """The same with differences taken before squares, as custseg has them."""
    model = sklearn_fit(x, means, covariance_type)[1]
    return model, model.bic(x), model.predict(x)


def speed(session):
    """200,000 x 8, 6 components, 50 iterations on both sides, 2 processes and 2 threads."""
    rows, columns, k, iterations = scaled(200_000), 8, 6, 50
    say(f"loading {rows:,} x {columns}")
    features = data.load(session, "clouds", data.blobs(rows, columns, k, spread=0.8), columns)
    x = data.standardized(numpy.concatenate(list(data.blobs(rows, columns, k, spread=0.8))))
    means = x[:k].copy()
    session.workers(1)
    for covariance_type, required in TYPES:
        say(f"{covariance_type} covariances")
        options = {"covariance_type": covariance_type, "init": means.tolist(), "tol": 0,
                   "max_iter": iterations, "silhouette_sample": 0}
        pairs = in_turn(
            lambda _: session.train("clouds", features, k, options, algorithm="gmm")["fit"],
            lambda _: sklearn_fit(x, means, covariance_type, tol=0, max_iter=iterations)[0])
        yield times_faster(f"gmm {covariance_type}, {rows:,} x {columns}, k = {k}, {iterations} iterations "
                           "from the same start, 2 threads each", pairs, required)
    session.run("DROP TABLE clouds")


def agreement(session):
    """Each real set and each type: bound, BIC and labels from the same start."""
    sets = list(data.real_sets())
    if not sets:
        yield Row("mixtures of real customers", "not measured", "", "CUSTSEG_DATA is not set")
    for name, _, frame in sets:
        columns = load_frame(session, frame)
        x = data.standardized(frame.fillna(frame.median()).to_numpy(dtype=float))
        means = x[numpy.random.default_rng(0).choice(len(x), 3, replace=False)]
        for covariance_type, _ in TYPES:
            ours = session.train("real_set", columns, 3,
                                 {"covariance_type": covariance_type, "init": means.tolist(),
                                  "reg_covar_absolute": True}, algorithm="gmm")
            labels = session.run("SELECT custseg.predict('bench', r) FROM real_set r ORDER BY id")
            theirs, their_bic, their_labels = sklearn_fit_direct(x, means, covariance_type)
            same = same_partition([label for (label,) in labels], their_labels)
            bound = ours["metrics"]["lower_bound"]
            bic = abs(ours["metrics"]["bic"] / their_bic - 1)
            yield Row(f"{name}, gmm {covariance_type}, k = 3: bound, BIC and labels from the same start",
                      f"{bound:.9f}", f"{theirs.lower_bound_:.9f}",
                      f"bound {abs(bound - theirs.lower_bound_):.0e} apart, BIC {bic:.0e}, "
                      f"labels {'the same' if same else 'differ'}",
                      "1e-06, 1e-09, the same",
                      abs(bound - theirs.lower_bound_) <= 1e-6 and bic <= 1e-9 and same)


def mixture(session):
    """Both."""
    yield from speed(session)
    yield from agreement(session)
