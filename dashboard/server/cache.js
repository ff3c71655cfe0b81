// Parts of publications that were read before.  A publication does not change, so what is kept is never
// stale; which publication a role may see is asked of the database at each request, and each role has
// entries of its own.

// What an entry takes beside its key and its value, so that many small ones do not take more than they may.
const entryBytes = 1024;

/** A map that forgets what was used least recently when its entries take more than so many bytes. */
export class Cache {
    #limit;
    #size = 0;
    #entries = new Map();

    constructor(limit) {
        this.#limit = limit;
    }

    /** Returns what is kept under a key, undefined when there is nothing. */
    get(key) {
        const entry = this.#entries.get(key);

        if (entry === undefined) {
            return undefined;
        }
        this.#entries.delete(key);
        this.#entries.set(key, entry);
        return entry.value;
    }

    /** Keeps a value that takes so many bytes under a key, a text. */
    set(key, value, valueSize) {
        const size = valueSize + 2 * key.length + entryBytes;

        this.#remove(key);
        if (size > this.#limit) {
            return;
        }
        this.#entries.set(key, { value, size });
        this.#size += size;
        for (const oldest of this.#entries.keys()) {
            if (this.#size <= this.#limit) {
                return;
            }
            this.#remove(oldest);
        }
    }

    /** Forgets a key. */
    #remove(key) {
        const entry = this.#entries.get(key);

        if (entry !== undefined) {
            this.#entries.delete(key);
            this.#size -= entry.size;
        }
    }
}
