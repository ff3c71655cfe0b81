// Reports are drawn by a thread of their own, which is started for the first and ends when nobody asks for any.

import { Worker } from 'node:worker_threads';
import { ApiError } from './errors.js';

// How long the thread rests before it ends.
const restMilliseconds = 60000;

// How many reports may wait, of all visitors and of one; the next is told to come again.
const maxWaiting = 20;
const maxOfVisitor = 8;

/** Returns the error of a visitor who has to come again. */
function comeAgain() {
    return new ApiError('busy', 'too many reports are being drawn', { hint: 'Try again in a moment.' });
}

/** Returns the error of a visitor who does not wait any more. */
function visitorGone() {
    return new ApiError('timeout', 'the visitor has gone');
}

/** Draws reports, one after the other. */
export class Painter {
    #worker = null;
    #waiting = [];              // the first one is being drawn, where a thread is at work
    #isDrawing = false;
    #rest = null;
    #makeWorker;

    constructor(makeWorker = () => new Worker(new URL('../report/worker.js', import.meta.url))) {
        this.#makeWorker = makeWorker;
    }

    /**
     * Returns a promise of the HTML of a report; "body" is JSON text.  The error says why there is none.  "visitor" is
     * whom it is for, so that nobody keeps the others waiting; once the signal is aborted, what waits is not drawn.
     */
    draw({ kind, body, start }, visitor, signal) {
        const ofVisitor = this.#waiting.filter((other) => other.visitor === visitor).length;

        if (signal?.aborted) {
            throw visitorGone();
        }
        if (this.#waiting.length >= maxWaiting || ofVisitor >= maxOfVisitor) {
            throw comeAgain();
        }
        return new Promise((resolve, reject) => {
            const job = { message: { kind, body, start }, visitor, resolve, reject };

            this.#waiting.push(job);
            if (signal) {
                signal.onabort = () => this.#forget(job);
            }
            this.#next();
        });
    }

    /** Lets the thread draw the first report that waits, or rest. */
    #next() {
        clearTimeout(this.#rest);
        if (this.#isDrawing) {
            return;
        }
        if (this.#waiting.length === 0) {
            this.#rest = setTimeout(() => this.#end(), restMilliseconds).unref();
            return;
        }
        this.#worker ??= this.#start();
        this.#isDrawing = true;
        this.#worker.postMessage(this.#waiting[0].message);
    }

    /** Leaves out a report that nobody wants any more, unless it is being drawn. */
    #forget(job) {
        const index = this.#waiting.indexOf(job);

        if (index < (this.#isDrawing ? 1 : 0)) {
            return;
        }
        this.#waiting.splice(index, 1);
        job.reject(visitorGone());
    }

    /** Starts a thread. */
    #start() {
        const worker = this.#makeWorker();

        worker.unref();
        worker.on('message', (answer) => this.#take(worker, answer));
        worker.on('error', (error) => this.#fail(worker, error));
        worker.on('exit', () => this.#fail(worker, new Error('the thread that draws reports has ended')));
        return worker;
    }

    /** Gives an answer to whoever waits for it. */
    #take(worker, { html, error }) {
        if (this.#worker !== worker) {
            return;
        }
        const { resolve, reject } = this.#waiting.shift();

        this.#isDrawing = false;
        if (error === undefined) {
            resolve(html);
        } else {
            reject(error.isTold ? new ApiError('not_found', error.message, { hint: error.hint }) : new Error(error.message));
        }
        this.#next();
    }

    /** Lets whoever waits for the report that a thread was drawing know that it has ended; the others have another thread. */
    #fail(worker, error) {
        if (this.#worker !== worker) {
            return;
        }
        this.#worker = null;
        if (this.#isDrawing) {
            this.#isDrawing = false;
            this.#waiting.shift().reject(error);
        }
        this.#next();
    }

    /** Ends the thread, and with it what it has in memory. */
    #end() {
        const worker = this.#worker;

        this.#worker = null;
        worker?.terminate();
    }
}
