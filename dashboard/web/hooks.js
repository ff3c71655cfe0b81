// hooks.js
//	  What components remember: the address, the theme, and the answers of the server.

import { useEffect, useState } from 'preact/hooks';
import * as api from './api.js';
import { address, parse } from './router.js';
import { themeOf } from './theme.js';

const listeners = new Set();

function tell() {
    for (const listener of listeners) listener();
}

/** Goes to an address of this page; "replace" leaves no entry in the history. */
export function go(url, { replace = false } = {}) {
    if (url === location.pathname + location.search) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', url);
    tell();
}

/** Returns the address as {model, page, state}, and renders again when it changes. */
export function useAddress() {
    const [place, setPlace] = useState(() => parse(location.pathname, location.search));
    useEffect(() => {
        const read = () => setPlace(parse(location.pathname, location.search));
        listeners.add(read);
        addEventListener('popstate', read);
        return () => {
            listeners.delete(read);
            removeEventListener('popstate', read);
        };
    }, []);
    return place;
}

/** Changes the state in the address: names with values; null takes a name out. */
export function setState(change, { replace = true } = {}) {
    const { model, page, state } = parse(location.pathname, location.search);
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

const loading = { status: 'loading' };

/** Returns {status: loading | ready | error, value | error} of a promise that "ask" makes; "keys" say when to ask anew. */
export function useAnswer(ask, keys) {
    const current = useRound();
    const key = JSON.stringify(keys);
    const [answer, setAnswer] = useState({ key, result: loading });
    useEffect(() => {
        let isWanted = true;
        const keep = (result) => isWanted && setAnswer({ key, result });
        ask().then((value) => keep({ status: 'ready', value }), (error) => keep({ status: 'error', error }));
        return () => { isWanted = false; };
    }, [key, current]);
    return answer.key === key ? answer.result : loading;
}

/** Returns the answer to several parts of a model at once: {part: {body, version, as_of}}; "key" says which of several things they are about. */
export function useParts(model, names, at, key = null) {
    return useAnswer(async () => {
        const answers = await Promise.all(names.map((name) => api.part(model, name, at, key)));
        return Object.fromEntries(names.map((name, i) => [name, answers[i]]));
    }, [model, names, at, key]);
}

const interval = 2000;

/** Returns whether the database answers; a page that is seen asks every two seconds, and what failed is asked again when it is back. */
export function useReady() {
    const [isReady, setReady] = useState(true);
    useEffect(() => {
        let wasReady = true;
        let timer = null;
        const watch = async () => {
            if (document.visibilityState === 'visible') {
                const now = await api.isReady();
                if (now && !wasReady) askAgain();
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
