// router.js
//	  Addresses: /m/{model}/{page}?{state}.  Every state of a page is in its address.

/** Returns the parts of an address: model and page (null where it names none) and the state as an object of texts. */
export function parse(path, search = '') {
    const state = Object.fromEntries(new URLSearchParams(search));
    const match = /^\/m\/([^/]+)(?:\/([^/]*))?\/?$/.exec(path);
    if (!match) return { model: null, page: null, state };
    const model = decode(match[1]);
    // a browser takes "." and ".." for steps in a path, so that such names stand in the state
    return { model: model === '-' && state.model ? state.model : model, page: match[2] ? decode(match[2]) : null, state };
}

function decode(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

/** Returns the address of a page with its state; what is null or empty is left out. */
export function address(model, page, state = {}) {
    const isStep = model === '.' || model === '..';
    const kept = Object.entries({ ...state, model: isStep ? model : null })
        .filter(([, value]) => value !== null && value !== undefined && value !== '');
    const search = new URLSearchParams(kept).toString();
    return `/m/${isStep ? '-' : encodeURIComponent(model)}/${encodeURIComponent(page)}${search ? `?${search}` : ''}`;
}

/** Returns the numbers in a text such as 1,3,4, each once, in the given order. */
export function numbers(text) {
    return [...new Set(String(text ?? '').split(',').filter((it) => /^\d{1,9}$/.test(it)).map(Number))];
}
