// signin.jsx
//	  What a visitor sees whom the server does not know: a field for the token that the administrator gave.

import { useState } from 'preact/hooks';
import * as api from './api.js';
import { askAgain } from './hooks.js';

/** Asks for a token, which is kept as long as the tab is open. */
export function SignIn() {
    const [token, setToken] = useState('');
    const send = (event) => {
        event.preventDefault();
        api.signIn(token.trim());
        askAgain();
    };
    return (
        <>
            <h1>Who are you?</h1>
            <form onSubmit={send}>
                <p role="status">{api.isSignedIn() ? 'The dashboard does not know this token, or may not act for its role.' : 'This dashboard shows what your role may see. The administrator gives you a token.'}</p>
                <p>
                    <label>Token <input type="password" name="token" autocomplete="off" spellcheck={false} required value={token} onInput={(event) => setToken(event.currentTarget.value)} /></label>
                    {' '}
                    <button type="submit">Sign in</button>
                </p>
                <p>The token is forgotten when this tab is closed.</p>
            </form>
        </>
    );
}

/** Saves a report as a file: a link cannot show who asks. */
export async function saveReport(url, title) {
    const [{ fileName, save }, text] = await Promise.all([import('./export.js'), api.text(url)]);
    save(`${fileName('custseg', title)}.html`, text, 'text/html;charset=utf-8');
}
