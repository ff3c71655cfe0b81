// Reports are drawn by a thread of their own, which is started for the first and ends when nobody asks for any.

import { Worker } from 'node:worker_threads';
import { ApiError } from './errors.js';

// How long the thread rests before it ends.
const restMilliseconds = 60000;

// How many reports may wait; the next visitor is told to come again.
const maxWaiting = 20;

/** Draws reports, one after the other. */
export class Painter {
    #worker = null;
    #waiting = new Map();
    #last = 0;
    #rest = null;

    /** Returns a promise of the HTML of a report; "body" is JSON text.  The error says why there is none. */
    draw(kind, body, start) {
        if (this.#waiting.size >= maxWaiting) {
            throw new ApiError('busy', 'too many reports are being drawn', { hint: 'Try again in a moment.' });
        }
        const worker = this.#start();
        const id = this.#last += 1;

        return new Promise((resolve, reject) => {
            this.#waiting.set(id, { resolve, reject });
            worker.postMessage({ id, kind, body, start });
        });
    }

    /** Returns the thread, and starts it when there is none. */
    #start() {
        clearTimeout(this.#rest);
        if (this.#worker === null) {
            const worker = new Worker(new URL('../report/worker.js', import.meta.url));

            worker.unref();
            worker.on('message', (answer) => this.#take(answer));
            worker.on('error', (error) => this.#fail(worker, error));
            worker.on('exit', () => this.#fail(worker, new Error('the thread that draws reports has ended')));
            this.#worker = worker;
        }
        return this.#worker;
    }

    /** Gives an answer to whoever waits for it. */
    #take({ id, html, error }) {
        const { resolve, reject } = this.#waiting.get(id);

        this.#waiting.delete(id);
        if (error === undefined) {
            resolve(html);
        } else {
            reject(error.isTold ? new ApiError('not_found', error.message, { hint: error.hint }) : new Error(error.message));
        }
        if (this.#waiting.size === 0) {
            this.#rest = setTimeout(() => this.#end(), restMilliseconds).unref();
        }
    }

    /** Lets all who wait know that a thread has ended. */
    #fail(worker, error) {
        if (this.#worker !== worker) {
            return;
        }
        this.#worker = null;
        for (const { reject } of this.#waiting.values()) {
            reject(error);
        }
        this.#waiting.clear();
    }

    /** Ends the thread, and with it what it has in memory. */
    #end() {
        const worker = this.#worker;

        this.#worker = null;
        worker?.terminate();
    }
}
