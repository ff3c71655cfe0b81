// app.jsx
//	  The shell: chooser of the model and of the publication, navigation, and the page that the address names.

import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import * as api from './api.js';
import { Block, Failure, Missing } from './states.jsx';
import { ChooseSegment, ChooseSegments } from './choose.jsx';
import { compared, selected, title } from './facts.js';
import { dateTime, name, short } from './format.js';
import { go, setState, useAddress, useAnswer, useArrival, useReady, useTheme } from './hooks.js';
import { literal } from './literal.js';
import { findPage, loadCards, pages, reports, roles } from './pages.js';
import { address } from './router.js';
import { saveReport, SignIn } from './signin.jsx';

function App() {
    const { model, page: pageName, state } = useAddress();
    const theme = useTheme();
    const isReady = useReady();
    const models = useAnswer(api.models, ['models']);
    const chosen = model ?? (models.status === 'ready' ? preferred(models.value) : null);
    const page = findPage(pageName ?? 'overview');
    const isStranger = models.status === 'error' && models.error.code === 'unauthorized';

    useEffect(() => {
        if (chosen !== null && (model === null || pageName === null)) go(address(chosen, pageName ?? 'overview', state), { replace: true });
    }, [chosen, model, pageName]);

    return (
        <>
            <a class="skip" href="#main">Skip to the content</a>
            <header>
                <p class="brand"><a href="/">custseg</a></p>
                {chosen !== null && !isStranger && <ModelChooser models={models.status === 'ready' ? models.value : []} model={chosen} page={page?.name ?? 'overview'} />}
                {chosen !== null && !isStranger && <PublicationChooser model={chosen} at={state.at ?? null} />}
            </header>
            {chosen !== null && !isStranger && <Navigation model={chosen} current={page?.name} at={state.at} />}
            {!isReady && <p class="outage" role="alert">The database does not answer. What is on this page stays; the rest follows by itself as soon as it is back.</p>}
            <main id="main" tabindex="-1">
                {isStranger ? <SignIn /> : chosen === null ? <NoModel models={models} /> : <Page model={chosen} page={page} state={state} theme={theme} lookupKey={models.value?.find((it) => it.name === chosen)?.lookup_key} key={`${chosen}/${page?.name}`} />}
            </main>
        </>
    );
}

/** Returns the name of the model that the page begins with: one of segments that is published, or else any; null when there is none. */
function preferred(models) {
    const rank = (it) => (it.kind === 'segments' ? 2 : 0) + (it.published_at ? 1 : 0);
    return [...models].sort((a, b) => rank(b) - rank(a))[0]?.name ?? null;
}

function ModelChooser({ models, model, page }) {
    const listed = models.some((it) => it.name === model) ? models : [{ name: model }, ...models];
    return (
        <label>Model
            <select value={model} onChange={(event) => go(address(event.currentTarget.value, page))}>
                {listed.map((it) => <option value={it.name} selected={it.name === model}>{short(it.title ?? it.name, 48)}</option>)}
            </select>
        </label>
    );
}

function PublicationChooser({ model, at }) {
    const answer = useAnswer(() => api.publications(model), [model, 'publications']);
    const times = answer.status === 'ready' ? answer.value : [];
    const listed = at && !times.includes(at) ? [at, ...times] : times;
    return (
        <label>As of
            <select value={at ?? ''} disabled={listed.length === 0} onChange={(event) => setState({ at: event.currentTarget.value }, { replace: false })}>
                <option value="" selected={!at}>{times.length > 0 ? `${dateTime(times[0])} (newest)` : 'no publication'}</option>
                {listed.slice(times.length > 0 && listed === times ? 1 : 0).map((it) => <option value={it} selected={it === at}>{dateTime(it)}</option>)}
            </select>
        </label>
    );
}

function Navigation({ model, current, at }) {
    const link = (page) => (
        <li><a href={address(model, page.name, { at })} aria-current={page.name === current ? 'page' : undefined}>{page.title}</a></li>
    );
    return (
        <nav aria-label="Pages">
            <ul>{pages.map(link)}</ul>
            <ul aria-label="Dashboards by role">{roles.map(link)}</ul>
        </nav>
    );
}

function NoModel({ models }) {
    if (models.status === 'loading') return <Block height={400} />;
    if (models.status === 'error') return <Failure error={models.error} />;
    return (
        <>
            <h1>No model yet</h1>
            <Missing missing={{
                why: 'There is no model that this page may show. Train one, or ask its owner to grant its use.',
                sql: 'SELECT * FROM custseg.train(\'loyalty\', \'customers\');\nSELECT custseg.publish(\'loyalty\');\nSELECT custseg.grant_model(\'loyalty\', \'dashboard\');',
            }} />
        </>
    );
}

const kindWords = {
    purchases: 'tells how often customers will buy',
    value: 'tells what customers are worth',
    probability: 'tells a probability of each customer',
};

// whether a page was shown before
let isLater = false;

function Page({ model, page, state, theme, lookupKey }) {
    const answer = useAnswer(() => api.part(model, 'about', state.at ?? null), [model, 'about', state.at ?? null]);
    const code = useAnswer(loadCards, ['cards']);
    const pageTitle = page?.title ?? 'No such page';
    useEffect(() => {
        document.title = `${pageTitle} · ${short(model, 60)} · custseg`;
        if (location.hash === '') scrollTo(0, 0);
        // a link that was followed may be gone with its page: whoever goes by keyboard goes on at the content
        if (document.activeElement === document.body && isLater) document.getElementById('main').focus({ preventScroll: true });
        isLater = true;
    }, [pageTitle, model]);

    if (!page) return <><h1>No such page</h1><p>The address names a page that does not exist. Choose one above.</p></>;
    const about = answer.status === 'ready' ? answer.value.body : null;
    const isFailed = answer.status === 'error' || code.status === 'error';
    const isReady = answer.status === 'ready' && code.status === 'ready';
    return (
        <>
            <div class="heading">
                <h1>{page.title} <span class="of">{about ? title({ about }) : short(model, 60)}</span></h1>
                <p>{page.question}</p>
            </div>
            {answer.status === 'error' && <Failure error={answer.error} />}
            {code.status === 'error' && <Failure error={code.error} />}
            {!isFailed && !isReady && <Block height={innerHeight} />}
            {isReady && !about && <Missing missing={code.value.whyMissing('about', model)} />}
            {isReady && about && <Content page={page} code={code.value} context={{ about, page: page.name, state, theme, lookupKey }} />}
        </>
    );
}

/** Shows all of a page below its heading at once, so that nothing pushes what is there already. */
function Content({ page, code: { cards, Card, loadLibrary }, context }) {
    const { about, state } = context;
    const shown = page.cards.map((it) => cards[it]).filter((card) => card && (card.kinds ?? ['segments']).includes(about.kind));
    const isThere = useArrival(about, shown, state);
    // the library of charts and the parts come at the same time
    useEffect(() => { loadLibrary().catch(() => {}); }, []);
    // a link to a card finds it once it is there
    useEffect(() => {
        if (isThere && location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
    }, [isThere]);
    if (!isThere) return <Block height={innerHeight} />;
    return (
        <>
            <Notice about={about} page={page} />
            {page.choose && about.segments.length > 0 && (
                <div class="controls" role="group" aria-label="Segments of this page">
                    {page.choose === 'segment' ? <ChooseSegment about={about} value={selected({ about }, state)} /> : <ChooseSegments about={about} values={compared({ about }, state)} />}
                </div>
            )}
            <div class="grid">{shown.map((card) => <Card card={card} context={context} key={card.name} />)}</div>
            {about.kind === 'segments' && about.published_at && <Reports model={about.name} at={state.at} />}
        </>
    );
}

function Reports({ model, at }) {
    const take = (event, title) => {
        if (!api.isSignedIn()) return;
        event.preventDefault();
        saveReport(event.currentTarget.href, title);
    };
    return (
        <nav class="reports" aria-label="Reports">
            <p>To print or to send, made of this publication:</p>
            <ul>{reports.map((it) => <li><a href={api.reportAddress(model, it.kind, at)} target="_blank" rel="noopener" onClick={(event) => take(event, it.title)}>{it.title}</a></li>)}</ul>
        </nav>
    );
}

function Notice({ about, page }) {
    if (about.kind !== 'segments' && page.isOfSegments !== false) {
        return (
            <p class="notice">
                {name(about.name)} {kindWords[about.kind] ?? 'is a model of another kind'}; it has no segments. This page is about segments: choose a model of segments above.
                The page <a href={address(about.name, 'model')}>Model</a> tells how this one was made.
            </p>
        );
    }
    if (about.kind === 'segments' && !about.published_at) {
        return (
            <div class="notice">
                <p>Nothing was published of this model yet{about.deployed_version === null ? ', and no version of it is deployed' : ''}, so that most cards are empty. Its owner publishes it, once or with each run of the monitor:</p>
                <pre tabindex="0" aria-label="SQL that publishes the model">{`${about.deployed_version === null ? `SELECT custseg.deploy(${literal(about.name)}, 1);\n` : ''}SELECT custseg.publish(${literal(about.name)});\nSELECT custseg.monitor(${literal(about.name)}, options => '{"publish": true}');`}</pre>
            </div>
        );
    }
    return null;
}

// links within the page need no new page
addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href]');
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !url.pathname.startsWith('/m/') || url.hash) return;
    event.preventDefault();
    go(url.pathname + url.search);
});

render(<App />, document.getElementById('app'));
