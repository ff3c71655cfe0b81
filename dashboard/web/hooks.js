// hooks.js
//	  What components remember: the address, the theme, and the answers of the server.

import { useEffect, useMemo, useState } from 'preact/hooks';
import * as api from './api.js';
import { group, published, wanted } from './compact.js';
import { address, parse } from './router.js';
import { themeOf } from './theme.js';

const listeners = new Set();

function tell() {
    for (const listener of listeners) listener();
}

// a slider moves more often than a browser lets a page write its address: the address that is not yet written, or null
let ahead = null;
let writing = null;
const writePause = 200;

function here() {
    return ahead ?? location.pathname + location.search;
}

function write() {
    clearTimeout(writing);
    if (ahead !== null) history.replaceState(null, '', ahead);
    ahead = null;
}

/** Goes to an address of this page; "replace" leaves no entry in the history. */
export function go(url, { replace = false } = {}) {
    if (url === here()) return;
    if (replace) {
        clearTimeout(writing);
        ahead = url;
        writing = setTimeout(write, writePause);
    } else {
        write();
        history.pushState(null, '', url);
    }
    tell();
}

function readAddress() {
    const [path, search] = here().split('?');
    return parse(path, search);
}

/** Returns the address as {model, page, state}, and renders again when it changes. */
export function useAddress() {
    const [place, setPlace] = useState(readAddress);
    useEffect(() => {
        const read = () => setPlace(readAddress());
        const goBack = () => {
            clearTimeout(writing);
            ahead = null;
            read();
        };
        listeners.add(read);
        addEventListener('popstate', goBack);
        return () => {
            listeners.delete(read);
            removeEventListener('popstate', goBack);
        };
    }, []);
    return place;
}

/** Changes the state in the address: names with values; null takes a name out. */
export function setState(change, { replace = true } = {}) {
    const { model, page, state } = readAddress();
    if (model) go(address(model, page, { ...state, ...change }), { replace });
}

/** Returns the theme that the system asks for. */
export function useTheme() {
    const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'));
    const [isDark, setDark] = useState(query.matches);
    useEffect(() => {
        const read = () => setDark(query.matches);
        query.addEventListener('change', read);
        return () => query.removeEventListener('change', read);
    }, [query]);
    return themeOf(isDark ? 'dark' : 'light');
}

// the round of questions: it goes up when the server is back, and what failed is asked again
let round = 0;
const rounds = new Set();

/** Asks again for what failed. */
export function askAgain() {
    round += 1;
    for (const listener of rounds) listener(round);
}

function useRound() {
    const [current, setCurrent] = useState(round);
    useEffect(() => {
        rounds.add(setCurrent);
        return () => rounds.delete(setCurrent);
    }, []);
    return current;
}

// whether something failed because nobody answered: it is asked again, also where the database was away for less than a look at it takes
let isUnanswered = false;

function noteFailure(error) {
    if (error instanceof api.ApiError && [0, 429, 503].includes(error.status)) isUnanswered = true;
}

const loading = { status: 'loading' };

/** Returns {status: loading | ready | error, value | error} of a promise that "ask" makes; "keys" say when to ask anew. */
export function useAnswer(ask, keys) {
    const current = useRound();
    const key = JSON.stringify(keys);
    const [answer, setAnswer] = useState({ key, result: loading });
    useEffect(() => {
        let isWanted = true;
        const keep = (result) => isWanted && setAnswer({ key, result });
        ask().then((value) => keep({ status: 'ready', value }), (error) => {
            noteFailure(error);
            keep({ status: 'error', error });
        });
        return () => { isWanted = false; };
    }, [key, current]);
    return answer.key === key ? answer.result : loading;
}

/** Returns the answers to several parts of a model at once, [[part, key], ...]: {part: [{body, version, as_of}, ...]}. */
export function useParts(model, parts, at) {
    const keys = [model, parts, at];
    const answer = useAnswer(async () => group(parts, await Promise.all(parts.map(([name, key]) => api.part(model, name, at, key)))), keys);
    // what has come already is there at once, until all is asked for again
    const known = useMemo(() => api.knownParts(model, parts, at), [JSON.stringify(keys), useRound()]);
    const value = useMemo(() => known && group(parts, known), [known]);
    return value ? { status: 'ready', value } : answer;
}

const patience = 500;

/** Returns whether all parts of cards have come, with what is computed of them, or half a second is over: cards that come together do not push each other about. */
export function useArrival(about, cards, state) {
    const come = async (card) => {
        const parts = wanted(card, about, state);
        const data = published(group(parts, await Promise.all(parts.map(([part, key]) => api.part(about.name, part, state.at ?? null, key)))), about);
        const request = card.parts.every((part) => data[part]) && !card.missing?.(data, state) && card.compute?.(data, state);
        if (request) await compute(request);
    };
    const all = () => Promise.allSettled([api.models(), ...cards.map(come)]);
    const late = () => new Promise((resolve) => { setTimeout(resolve, patience); });
    return useAnswer(() => Promise.race([all(), late()]), [about.name, cards.map((card) => card.name), state.at ?? null, 'arrival']).status === 'ready';
}

// what was computed last, so that cards that ask the same share one answer
const computed = new Map();
const mostComputed = 40;

function compute({ path, body }) {
    const key = `${path} ${body}`;
    if (!computed.has(key)) {
        const answer = body === undefined ? api.get(path) : api.post(path, body);
        computed.set(key, answer);
        answer.then((value) => { answer.value = value; }, () => computed.delete(key));
        if (computed.size > mostComputed) computed.delete(computed.keys().next().value);
    }
    return computed.get(key);
}

/**
 * Returns the answer to a request {path, body, pause}, whose body is a text of JSON, or that has none and only reads; null asks for nothing. While somebody still moves a slider,
 * it waits for a pause in milliseconds, and the answer before stays as {status: 'ready', value, isOld}.
 */
export function useComputed(request) {
    const current = useRound();
    const key = request ? `${request.path} ${request.body}` : null;
    const [answer, setAnswer] = useState({ key: undefined, result: loading });
    useEffect(() => {
        if (!request) return undefined;
        let isWanted = true;
        const keep = (result) => isWanted && setAnswer({ key, result });
        const timer = setTimeout(() => compute(request).then((value) => keep({ status: 'ready', value }), (error) => {
            noteFailure(error);
            keep({ status: 'error', error });
        }), computed.has(key) ? 0 : request.pause ?? 80);
        return () => {
            isWanted = false;
            clearTimeout(timer);
        };
    }, [key, current]);
    if (!request) return { status: 'ready', value: null };
    if (answer.key === key) return answer.result;
    // what was computed already is there at once
    const known = computed.get(key)?.value;
    if (known) return { status: 'ready', value: known };
    return answer.result.status === 'ready' ? { ...answer.result, isOld: true } : loading;
}

const interval = 2000;
const patienceOfAbsence = 300_000;

/** Returns whether the database answers; a page that is seen asks every two seconds, and what failed is asked again when it is back. */
export function useReady() {
    const [isReady, setReady] = useState(true);
    useEffect(() => {
        let wasReady = true;
        let seen = Date.now();
        let timer = null;
        const watch = async () => {
            if (document.visibilityState === 'visible') {
                // whoever comes back to the page later sees what was published meanwhile
                if (Date.now() - seen > patienceOfAbsence) {
                    api.forget();
                    isUnanswered = true;
                }
                seen = Date.now();
                const now = await api.isReady();
                if (now && (!wasReady || isUnanswered)) {
                    isUnanswered = false;
                    askAgain();
                }
                wasReady = now;
                setReady(now);
            }
            timer = setTimeout(watch, wasReady ? interval : interval / 2);
        };
        timer = setTimeout(watch, interval);
        return () => clearTimeout(timer);
    }, []);
    return isReady;
}
