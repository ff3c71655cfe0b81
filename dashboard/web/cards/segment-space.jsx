import { angles, segmentSpace, segmentSpaceSentence, segmentSpaceTable, spaceColumns } from '../charts/projection.js';
import { Choose, Slide } from '../choose.jsx';
import { distinct, label } from '../facts.js';

/** The segments in three columns. */
export default {
    name: 'segment-space',
    title: 'Segments in three columns',
    parts: ['median', 'summary'],
    span: 6,
    height: 460,
    missing: (data) => (distinct(data.median, 'column_name').length >= 3 ? null : { why: 'Space takes three numeric columns; this model has fewer.' }),
    controls: ({ data, state }) => {
        const chosen = spaceColumns(data, state);
        return (
            <>
                {['x', 'y', 'z'].map((key, i) => <Choose label={`Axis ${i + 1}`} name={key} values={distinct(data.median, 'column_name')} value={chosen[i]} write={(it) => label(data, it)} />)}
                <Slide label="Turn" name="turn" min={0} max={360} step={5} value={angles(state).turn} />
                <Slide label="Tilt" name="tilt" min={0} max={90} step={5} value={angles(state).tilt} />
            </>
        );
    },
    sentence: segmentSpaceSentence,
    chart: segmentSpace,
    table: segmentSpaceTable,
};
