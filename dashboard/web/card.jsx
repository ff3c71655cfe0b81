// card.jsx
//	  A card: title, sentence, picture, its numbers behind "Data", export, and what stands there while
//	  nothing does.  What a card is made of says dashboard/README.md.

import { Component } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { Chart } from './chart.jsx';
import { published as publishedOf, wanted } from './compact.js';
import { currency, title as modelTitle } from './facts.js';
import { dateTime, sentenceOf } from './format.js';
import { setState, useComputed, useParts } from './hooks.js';
import { whyMissing } from './parts.js';
import { address } from './router.js';
import { TableOf } from './scroll-table.jsx';
import { Block, Failure, Missing } from './states.jsx';
import { Table } from './table.jsx';

const call = (it, ...given) => (typeof it === 'function' ? it(...given) : it);

/** Shows a card: the object of a file in cards/. */
export function Card({ card, context }) {
    const { about, state } = context;
    const answer = useParts(about.name, wanted(card, about, state), state.at ?? null);

    const height = call(card.height ?? 320, about);
    const heading = call(card.title, about);
    return (
        <section class={`card span${card.span ?? 6}`} id={card.name} aria-labelledby={`${card.name}-title`} aria-busy={answer.status === 'loading'}>
            <h2 id={`${card.name}-title`}>{heading}</h2>
            {answer.status === 'loading' && <Block height={roomOf(card, height)} />}
            {answer.status === 'error' && <Failure error={answer.error} height={height} />}
            {answer.status === 'ready' && (
                <Guard attempt={about.name + JSON.stringify(state)}>
                    <Content card={card} heading={heading} height={height} answers={answer.value} context={context} />
                </Guard>
            )}
        </section>
    );
}

/** Returns the height that all of a card takes below its title: sentence, fields, picture, and what stands at its foot. */
function roomOf(card, height) {
    return height + (card.sentence ? 56 : 0) + (card.controls ? 44 : 0) + ((card.chart || card.hasPicture) && card.table ? 60 : 34);
}

function Content({ card, heading, height, answers, context }) {
    const { about, state, theme } = context;
    const picture = useRef(null);
    const published = useMemo(() => publishedOf(answers, about), [answers, about]);
    const lacking = card.parts.find((part) => published[part] === null || (Array.isArray(published[part]) && published[part].length === 0));
    const missing = lacking ? whyMissing(lacking, about.name) : card.missing?.(published, state) ?? null;
    const answer = useComputed(missing ? null : card.compute?.(published, state) ?? null);
    const data = useMemo(() => ({ ...published, computed: answer.value ?? null }), [published, answer.value]);
    const draw = useMemo(() => card.chart && ((width) => card.chart(data, theme, { ...state, width, height })), [card, data, theme, state, height]);
    if (missing) return <Missing missing={missing} isPublished={Boolean(about.published_at)} />;

    const props = { ...context, data, state, height };
    if (answer.status !== 'ready') {
        return (
            <>
                {card.controls && <div class="controls">{card.controls(props)}</div>}
                {answer.status === 'loading' ? <Block height={roomOf(card, height)} /> : <Failure error={answer.error} height={height} />}
            </>
        );
    }

    const sentence = sentenceOf(card.sentence?.(data, state));
    const table = card.compute && !data.computed ? null : card.table?.(data, state) ?? null;
    const stamp = asOf(answers, card, about);
    return (
        <div class="content" style={{ minHeight: `${roomOf(card, height)}px` }}>
            {card.controls && card.compute && <div class="controls">{card.controls(props)}</div>}
            {card.sentence && <p class="sentence" role={card.compute ? 'status' : undefined}>{sentence}</p>}
            {card.controls && !card.compute && <div class="controls">{card.controls(props)}</div>}
            {card.caption && <TableOf props={props} table={card.table} caption={card.caption} />}
            {card.render && card.render(props)}
            {card.chart && (!card.compute || data.computed) && card.isDrawn?.(data) !== false && <Chart draw={draw} height={height} label={`${heading}. ${sentence} The numbers are in the table under Data.`} drawn={picture} click={card.click && ((event) => card.click(event, props))} />}
            <Foot card={card} heading={heading} sentence={sentence} table={table} stamp={stamp} picture={picture} height={height} context={context} />
        </div>
    );
}

/** Returns the line that says as of when, and by which version, a card's numbers are. */
function asOf(answers, card, about) {
    const first = [...card.parts.flatMap((part) => answers[part]), ...Object.values(answers).flat()].find((answer) => answer?.as_of);
    if (!first) return '';
    return `As of ${dateTime(first.as_of)}${first.version ? `, version ${first.version}` : ''}`;
}

function Foot({ card, heading, sentence, table, stamp, picture, height, context }) {
    const { about, state, theme } = context;
    const open = (state.data ?? '').split(',').filter(Boolean);
    const isOpen = open.includes(card.name);
    const toggle = (event) => {
        const now = event.currentTarget.open;
        if (now === isOpen) return;
        const names = now ? [...open, card.name] : open.filter((it) => it !== card.name);
        setState({ data: names.join(',') });
    };
    const money = currency({ about });
    const makeSvg = async () => {
        const { frame, tablePicture } = await import('./export.js');
        const width = document.getElementById(card.name)?.querySelector('.chart')?.clientWidth ?? 900;
        const drawn = picture.current ? { picture: picture.current(), height } : tablePicture(table, { width, theme, currency: money });
        return frame({ title: heading, sentence, width, ...drawn, foot: [modelTitle({ about }), stamp].filter(Boolean).join(' · '), theme });
    };
    const save = async (kind) => {
        const files = await import('./export.js');
        const file = `${files.fileName(about.name, card.name)}.${kind}`;
        if (kind === 'csv') return files.save(file, `\ufeff${files.csv(table)}`, 'text/csv;charset=utf-8');
        const svg = await makeSvg();
        return kind === 'svg' ? files.save(file, svg, 'image/svg+xml') : files.save(file, await files.png(svg), 'image/png');
    };
    return (
        <footer>
            {table && (card.chart || card.hasPicture) && (
                <details open={isOpen} onToggle={toggle}>
                    <summary>Data<span class="hidden"> of {heading}</span></summary>
                    <div class="scroll" role="region" tabindex="0" aria-label={`Data of ${heading}`}>
                        {isOpen && <Table table={table} caption={heading} currency={money} />}
                    </div>
                </details>
            )}
            <p class="foot">
                <span>{stamp}</span>
                <span class="actions">
                    {table && ['csv', 'svg', 'png'].map((kind) => (
                        <button type="button" onClick={() => save(kind)} aria-label={`Save ${heading} as ${kind.toUpperCase()}`}>{kind.toUpperCase()}</button>
                    ))}
                    <a href={`${address(about.name, context.page, state)}#${card.name}`} aria-label={`Link to ${heading}`}>Link</a>
                </span>
            </p>
        </footer>
    );
}

/** Keeps an error in one card from taking the page along; another attempt is made when the address changes, and what has the focus keeps it. */
class Guard extends Component {
    static getDerivedStateFromProps({ attempt }, state) {
        return state.attempt === attempt ? null : { attempt, error: null };
    }

    static getDerivedStateFromError(error) {
        return { error };
    }

    render({ children }, { error }) {
        if (!error) return children;
        console.error(error);
        return <Failure error={{ message: 'This card could not be drawn.', hint: 'The other cards are not affected. The message is in the console of the browser.' }} />;
    }
}

