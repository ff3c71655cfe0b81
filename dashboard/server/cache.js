// Parts of publications that were read before, and reports.  A publication does not change, so what is kept is never
// stale; which publication a role may see is asked of the database at each request, and each role has
// entries of its own.

// What an entry takes beside its key and its value, so that many small ones do not take more than they may.
const entryBytes = 1024;

/**
 * A map whose entries take no more than so many bytes, of all roles together.  The role whose entries take most forgets
 * what it used least recently: so one that reads much does not drive out what the others have.
 */
export class Cache {
    #limit;
    #size = 0;
    #roles = new Map();             // of each role {size, entries: Map}, whose entries are in the order of their last use
    #roleOf = new Map();            // by key
    #making = new Map();            // by key, promises of what is being made, which tell whether that has failed

    constructor(limit) {
        this.#limit = limit;
    }

    /** Returns what is kept under a key, undefined when there is nothing. */
    get(key) {
        const entries = this.#roles.get(this.#roleOf.get(key))?.entries;
        const entry = entries?.get(key);

        if (entry === undefined) {
            return undefined;
        }
        entries.delete(key);
        entries.set(key, entry);
        return entry.value;
    }

    /**
     * Returns a promise of what is kept under a key, or else of the value that "make" returns a promise of, with its size:
     * {value, size}, where a size of Infinity is not kept.  Who asks for what is just being made waits for it; what is
     * not kept is made one after the other.
     */
    async take(key, make, role) {
        while (this.get(key) === undefined && this.#making.has(key)) {
            // whoever had it made may have gone, or the database may have stopped, on which nobody waits one after the other
            if (await this.#making.get(key)) {
                break;
            }
        }
        const kept = this.get(key);

        if (kept !== undefined) {
            return kept;
        }
        const work = make();

        this.#making.set(key, work.then(() => false, () => true));
        try {
            const { value, size } = await work;

            this.set(key, value, size, role);
            return value;
        } finally {
            this.#making.delete(key);
        }
    }

    /** Keeps a value that takes so many bytes under a key, a text; "role" is for whom, null for the one that logs in. */
    set(key, value, valueSize, role = null) {
        const size = valueSize + 2 * key.length + entryBytes;

        this.#remove(key);
        if (size > this.#limit) {
            return;
        }
        if (!this.#roles.has(role)) {
            this.#roles.set(role, { size: 0, entries: new Map() });
        }
        const its = this.#roles.get(role);

        its.entries.set(key, { value, size });
        its.size += size;
        this.#size += size;
        this.#roleOf.set(key, role);
        while (this.#size > this.#limit) {
            this.#remove(this.#largest().entries.keys().next().value);
        }
    }

    /** Returns the role whose entries take most. */
    #largest() {
        return [...this.#roles.values()].reduce((a, b) => (b.size > a.size ? b : a));
    }

    /** Forgets a key. */
    #remove(key) {
        const role = this.#roleOf.get(key);
        const its = this.#roles.get(role);
        const entry = its?.entries.get(key);

        if (entry === undefined) {
            return;
        }
        this.#roleOf.delete(key);
        its.entries.delete(key);
        its.size -= entry.size;
        this.#size -= entry.size;
        if (its.entries.size === 0) {
            this.#roles.delete(role);
        }
    }
}
