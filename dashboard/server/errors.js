// Errors as the interface tells them: {"error": {"code", "message", "hint"?, "sqlstate"?}}.

// Every code, with its HTTP status.  openapi.yaml lists the same.
export const statusOf = {
    bad_json: 400,
    unauthorized: 401,
    not_found: 404,
    method: 405,
    conflict: 409,
    too_large: 413,
    media_type: 415,
    invalid_argument: 422,
    too_many: 429,
    internal: 500,
    busy: 503,
    timeout: 504,
};

/** An error for the visitor: a code of the table above, a message, and a hint or SQLSTATE where there is one. */
export class ApiError extends Error {
    constructor(code, message, { hint, sqlstate, cause } = {}) {
        super(message, { cause });
        this.code = code;
        this.hint = hint;
        this.sqlstate = sqlstate;
    }

    get status() {
        return statusOf[this.code];
    }

    /** Returns the body of the answer. */
    body() {
        return { error: { code: this.code, message: this.message, hint: this.hint, sqlstate: this.sqlstate } };
    }
}

/** The error of a model that is not there, or that is not for this role: nobody learns which of the two. */
export function noModel(model) {
    return new ApiError('not_found', `there is no model ${JSON.stringify(model)}`,
        { hint: 'GET /api/models lists the models that you may use.' });
}

// What the beginning of an SQLSTATE means to a visitor; the longest one counts.  What is not listed is a
// fault of the server's, of which visitors learn nothing but that there was one.
const codeOfState = {
    '08': 'busy',					// the connection broke
    '0A': 'invalid_argument',		// the model is of a kind that cannot do that
    22: 'invalid_argument',			// a value that does not fit
    23: 'conflict',
    40: 'conflict',
    42501: 'not_found',
    42703: 'invalid_argument',		// a feature that the customer lacks
    42704: 'not_found',
    42804: 'invalid_argument',
    42809: 'invalid_argument',
    42846: 'invalid_argument',
    53: 'busy',
    54: 'invalid_argument',			// too deep, too many
    55: 'conflict',					// no version is deployed
    57014: 'timeout',
    57: 'busy',						// the server shuts down
    P0002: 'not_found',
};

/** Returns the code for an SQLSTATE. */
export function codeOfSqlState(state) {
    return codeOfState[state] ?? codeOfState[state.slice(0, 2)] ?? 'internal';
}

// Errors of the network, when there is nobody to talk to.
const networkErrors = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

/** The error of a database that does not answer. */
export function databaseGone(cause) {
    return new ApiError('busy', 'the database does not answer', { hint: 'Try again in a moment.', cause });
}

/** Returns what a visitor learns of an error that the database, the network or the driver raised. */
export function fromDatabase(error, model) {
    if (error instanceof ApiError) {
        return error;
    }
    if (typeof error.severity !== 'string') {
        if (error.message === 'Query read timeout') {
            return new ApiError('timeout', 'the database took too long to answer', { cause: error });
        }
        const lost = networkErrors.has(error.code)
            || /^(?:Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed)/.test(error.message);

        return lost ? databaseGone(error) : new ApiError('internal', 'something went wrong in the dashboard', { cause: error });
    }
    const code = codeOfSqlState(error.code);

    switch (code) {
        case 'not_found':
            return noModel(model ?? '');
        case 'internal':
            return new ApiError('internal', 'something went wrong in the database', { sqlstate: error.code, cause: error });
        case 'busy':
            return databaseGone(error);
        case 'timeout':
            return new ApiError('timeout', 'the database took too long to answer', { sqlstate: error.code, cause: error });
        default:
            return new ApiError(code, error.message, { hint: error.hint, sqlstate: error.code, cause: error });
    }
}
