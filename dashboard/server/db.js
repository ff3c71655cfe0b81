// The database: a small pool of connections for each role, read-only, with a time limit.
//
// A connection logs in as the dashboard's own role and is the visitor's role from its first statement on
// (options=-c role=...), so that rights and row-level security are the visitor's without a SET ROLE in
// each request.

import pg from 'pg';
import { ApiError, fromDatabase } from './errors.js';
import { log } from './log.js';

// Beyond so many requests that wait for a connection of one role, the next is told to come again.
const maxWaiting = 500;

// How long to wait for the server to answer, before the visitor learns that the database does not.
const connectMilliseconds = 2500;

// How long to wait for a connection that others use.
const queueMilliseconds = 8000;

// A connection ends after so long, so that a role from which the dashboard was removed is not read as for ever.
const lifetimeSeconds = 300;

/** Returns a word for the startup option "options", where spaces and backslashes need one before them. */
function optionWord(word) {
    return word.replace(/[\s\\]/g, (character) => `\\${character}`);
}

/** Returns the options of a connection as that role; null is the role that logs in. */
function connectionOptions(role, statementTimeout) {
    const options = {
        default_transaction_read_only: 'on',
        statement_timeout: `${statementTimeout}ms`,
        idle_in_transaction_session_timeout: '10s',
        client_connection_check_interval: '1s',
        search_path: 'pg_catalog',
        timezone: 'UTC',
        datestyle: 'ISO',
        intervalstyle: 'postgres',
        jit: 'off',
    };

    if (role !== null) {
        options.role = role;
    }
    return Object.entries(options).map(([name, value]) => `-c ${name}=${optionWord(value)}`).join(' ');
}

/** True when a connection was refused because there is no such role, or the dashboard may not act as it. */
function isRefusedRole(error) {
    return error.severity === 'FATAL' && (error.code === '22023' || error.code === '42501');
}

/** Asks the server to cancel what a connection runs; resolves when the server has taken note. */
function cancel(client) {
    return new Promise((resolve) => {
        const connection = new pg.Connection({});
        const done = () => {
            connection.stream.destroy();
            resolve();
        };

        connection.once('connect', () => connection.cancel(client.processID, client.secretKey));
        connection.once('end', done);
        connection.once('error', done);
        setTimeout(done, connectMilliseconds).unref();
        if (client.host?.startsWith('/')) {
            connection.connect(`${client.host}/.s.PGSQL.${client.port}`);
        } else {
            connection.connect(client.port, client.host);
        }
    });
}

/**
 * A client that gives up on a server that does not answer, sooner than a pool gives up on a connection in use.  When its
 * connection breaks, its statement fails, and that is all: a pool listens for errors of resting connections only, and
 * an error that nobody listens for would end the dashboard.
 */
class Client extends pg.Client {
    constructor(options) {
        super({ ...options, connectionTimeoutMillis: connectMilliseconds });
        this.on('error', () => {});
    }
}

/** The database, as the roles that visitors have. */
export class Database {
    #settings;
    #pools = new Map();
    #judged = new Set();

    constructor(settings) {
        this.#settings = settings;
    }

    /** Returns the pool of a role, the most recently used last; makes room for a new one by ending one that rests. */
    #pool(role) {
        const key = role ?? '';
        let pool = this.#pools.get(key);

        this.#pools.delete(key);
        if (!pool) {
            this.#makeRoom();
            pool = this.#open(role);
        }
        this.#pools.set(key, pool);
        return pool;
    }

    /** Sees to it that one more pool keeps within the limit of connections. */
    #makeRoom() {
        const most = Math.max(1, Math.floor(this.#settings.connections / this.#settings.poolSize));

        if (this.#pools.size < most) {
            return;
        }
        for (const [key, pool] of this.#pools) {
            if (pool.waitingCount === 0 && pool.idleCount === pool.totalCount) {
                this.#pools.delete(key);
                pool.end().catch(() => {});
                return;
            }
        }
        throw new ApiError('busy', 'too many roles are at work at the moment', { hint: 'Try again in a moment.' });
    }

    /** Opens a pool for a role. */
    #open(role) {
        const { database, poolSize, connections, statementTimeout } = this.#settings;
        const pool = new pg.Pool({
            ...(database ? { connectionString: database } : {}),
            application_name: 'custseg dashboard',
            options: connectionOptions(role, statementTimeout),
            max: Math.min(poolSize, connections),
            Client,
            connectionTimeoutMillis: queueMilliseconds,
            idleTimeoutMillis: 30000,
            maxLifetimeSeconds: lifetimeSeconds,
            // a server that hangs, rather than one that is slow, does not hold the visitor for ever
            query_timeout: statementTimeout + 2000,
            keepAlive: true,
        });

        // a connection that rests has broken: the pool has removed it, and the next request opens another
        pool.on('error', () => {});
        return pool;
    }

    /** Takes a connection of a role out of its pool. */
    async #connect(role) {
        const pool = this.#pool(role);

        if (pool.waitingCount >= maxWaiting) {
            throw new ApiError('busy', 'too many requests wait for the database', { hint: 'Try again in a moment.' });
        }
        try {
            return await pool.connect();
        } catch (error) {
            if (isRefusedRole(error)) {
                log(`role ${JSON.stringify(role)}: ${error.message}`);
                throw new ApiError('unauthorized', 'the dashboard cannot act as your role', { cause: error });
            }
            throw error;
        }
    }

    /**
     * Runs one statement as a role and returns its rows, arrays of texts.  A statement with a name is parsed once
     * a connection.  When the signal is aborted, the statement is cancelled, and the connection ends with it: a
     * cancel that comes late must not hit the next statement.
     */
    async query(role, { name, text, values = [] }, signal) {
        if (signal?.aborted) {
            throw new ApiError('timeout', 'the visitor has gone');
        }
        const client = await this.#connect(role);

        this.#judge(role);
        let cancelled = null;
        const abort = () => {
            cancelled = cancel(client);
        };
        let failure;

        if (signal?.aborted) {
            abort();
        } else if (signal) {
            signal.onabort = abort;
        }
        try {
            const result = await client.query({ name, text, values, rowMode: 'array', types });

            return result.rows;
        } catch (error) {
            failure = error;
            throw error;
        } finally {
            if (signal) {
                signal.onabort = null;
            }
            if (cancelled !== null) {
                await cancelled;
            }
            client.release(cancelled !== null || isBroken(failure));
        }
    }

    /** Writes to the log, once for each role, what speaks against reading as the role. */
    async #judge(role) {
        if (this.#judged.has(role)) {
            return;
        }
        this.#judged.add(role);
        try {
            const [[current, isSuperuser, bypasses, models, login, isLoginSuperuser]] = await this.query(role, { text: concernsSql });
            const concerns = [
                isSuperuser === 't' && `role ${current} is a superuser: whoever reaches the dashboard sees every model`,
                bypasses === 't' && `role ${current} has BYPASSRLS: whoever reaches the dashboard sees every model`,
                models !== null && `role ${current} owns models (${models}): grant their use to a role that owns none, by grant_model()`,
                isLoginSuperuser === 't' && current !== login && `role ${login}, which logs in, is a superuser: let a role log in that has no rights but to become the roles of visitors`,
            ];

            concerns.filter(Boolean).forEach((concern) => log(`warning: ${concern}`));
        } catch (error) {
            // a database that is not there yet is asked again when it is
            if (fromDatabase(error).code === 'busy') {
                this.#judged.delete(role);
            }
            if (!(error instanceof ApiError)) {
                log(`role ${role ?? '(the one that logs in)'} could not be checked: ${error.message}`);
            }
        }
    }

    /** Opens pools of roles that are known before anybody comes, so that what speaks against them is written at once. */
    greet(roles) {
        return Promise.all(roles.map((role) => this.#judge(role)));
    }

    /** Ends all connections. */
    async close() {
        await Promise.all([...this.#pools.values()].map((pool) => pool.end()));
        this.#pools.clear();
    }
}

// Every value stays the text that the server sends: digits are the server's.
const types = { getTypeParser: () => String };

/** True when a connection cannot be used again after such an error. */
function isBroken(error) {
    return error !== undefined && (typeof error.severity !== 'string' || error.severity === 'FATAL' || error.severity === 'PANIC');
}

const concernsSql = `
SELECT current_user, r.rolsuper, r.rolbypassrls,
    (SELECT string_agg(quote_literal(m.name), ', ') FROM (SELECT name FROM custseg.models WHERE owner = current_user ORDER BY name LIMIT 5) m),
    session_user, l.rolsuper
FROM pg_roles r, pg_roles l
WHERE r.rolname = current_user AND l.rolname = session_user`;
